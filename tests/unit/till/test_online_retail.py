"""The Online Retail replay: the real file against an independent count, and each rule by itself."""

from __future__ import annotations

import gzip
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from infra.local.till.online_retail import (
    RULES,
    Replay,
    ReplayReport,
    UnreadableFile,
    read_facts,
    store_of,
)
from infra.local.till.online_retail_rules import Rule
from shared.events import Fact, SaleCompleted, SaleReturned, StoreDayClosed
from tests.online_retail_count import expected
from tests.shared_data import shared_data

REAL_FILE = "retail/online-retail/online_retail_2010_2011.csv.gz"
HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"
OTHER_HEADER = "Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country"
ARTICLE = "1,85123A,SCARF,2,2010-12-01 08:26:00,2.55,17850.0,United Kingdom"

Transaction = SaleCompleted | SaleReturned


def a_file(folder: Path, *rows: str, header: str = HEADER) -> Path:
    path = folder / "retail.csv"
    path.write_text("\n".join([header, *rows, ""]), encoding="utf-8")
    return path


def replay(
    folder: Path, *rows: str, invoices: int | None = None
) -> tuple[list[Fact], ReplayReport]:
    found = read_facts(a_file(folder, *rows), invoices=invoices)
    return list(found), found.report


def transactions(facts: list[Fact]) -> list[Transaction]:
    return [fact for fact in facts if isinstance(fact, (SaleCompleted, SaleReturned))]


@pytest.fixture(scope="module")
def first_5000() -> tuple[list[Fact], ReplayReport]:
    found = read_facts(shared_data(REAL_FILE), invoices=5000)
    return list(found), found.report


def test_first_5000_invoices_book_what_an_independent_count_expects(
    first_5000: tuple[list[Fact], ReplayReport],
) -> None:
    facts, report = first_5000
    count = expected(shared_data(REAL_FILE), 5000)

    booked = {fact.receipt: fact.total for fact in transactions(facts)}
    per_day = Counter(
        (fact.key.store, fact.key.business_day.isoformat()) for fact in transactions(facts)
    )

    assert booked == count.amount_by_invoice
    assert (report.sales, report.returns) == (count.sales, count.returns)
    assert report.sales_amount == count.amount_by_kind["sale"]
    assert report.returns_amount == count.amount_by_kind["return"]
    assert report.rows_read == count.rows_read
    assert report.excluded_by_rule == count.rows_by_reason
    assert per_day == {(store_of(land), day): n for (land, day), n in count.store_days.items()}


def test_every_row_of_the_real_file_falls_under_exactly_one_rule(
    first_5000: tuple[list[Fact], ReplayReport],
) -> None:
    facts, report = first_5000
    lines = sum(len(fact.lines) for fact in transactions(facts))

    assert sum(report.rows_by_rule.values()) == report.rows_read
    assert set(report.rows_by_rule) <= {rule.name for rule in RULES}
    assert lines + len(report.excluded) == report.rows_read


def test_closes_state_what_each_store_sold_without_a_gap(
    first_5000: tuple[list[Fact], ReplayReport],
) -> None:
    facts, report = first_5000
    by_day: dict[tuple[str, object], list[Transaction]] = {}
    for fact in transactions(facts):
        by_day.setdefault((fact.key.store, fact.key.business_day), []).append(fact)
    closes = [fact for fact in facts if isinstance(fact, StoreDayClosed)]

    assert {(close.store, close.business_day) for close in closes} == set(by_day)
    assert report.days_closed == len(closes)
    for close in closes:
        traded = by_day[close.store, close.business_day]
        (terminal,) = close.terminals
        assert [fact.key.sequence for fact in traded] == list(range(1, len(traded) + 1))
        assert (terminal.first_sequence, terminal.last_sequence) == (1, len(traded))
        assert terminal.sales == sum(isinstance(fact, SaleCompleted) for fact in traded)
        assert close.total == sum(fact.signed_amount for fact in traded)
        assert close.total == sum(tender.amount for tender in close.tender_totals)


def test_replaying_a_part_gives_the_ids_of_the_whole(
    first_5000: tuple[list[Fact], ReplayReport],
) -> None:
    part = read_facts(shared_data(REAL_FILE), invoices=700)

    ids = [fact.event_id for fact in transactions(list(part))]

    assert ids == [fact.event_id for fact in transactions(first_5000[0])[: len(ids)]]
    assert len(ids) > 500


def test_close_of_a_day_cut_short_is_superseded_by_that_of_the_whole_day(tmp_path: Path) -> None:
    rows = [ARTICLE, ARTICLE.replace("1,", "2,", 1)]

    (*_, short), _ = replay(tmp_path, *rows, invoices=1)
    (*_, whole), _ = replay(tmp_path, *rows)

    assert isinstance(short, StoreDayClosed)
    assert isinstance(whole, StoreDayClosed)
    assert short.natural_key() == whole.natural_key()
    assert short.revision < whole.revision
    assert short.event_id != whole.event_id


def test_both_layouts_compressed_or_not_give_the_same_facts(tmp_path: Path) -> None:
    plain = list(read_facts(a_file(tmp_path, ARTICLE)))
    spreadsheet = ARTICLE.replace("2010-12-01 08:26:00", "12/1/2010 8:26")
    other = list(read_facts(a_file(tmp_path, spreadsheet, header=OTHER_HEADER)))
    packed = tmp_path / "retail.csv.gz"
    packed.write_bytes(gzip.compress(a_file(tmp_path, ARTICLE).read_bytes()))

    assert plain == other == list(read_facts(packed))


def test_sale_is_cleaned_and_paid_as_its_invoice_says(tmp_path: Path) -> None:
    row = '536365,85123a,"  CREAM ""HEART"", PAIR £1 ",3,2010-12-01 08:26:00,0.125,17850.0,EIRE'

    (sale, _), report = replay(tmp_path, row)

    assert isinstance(sale, SaleCompleted)
    (line,) = sale.lines
    assert str(sale.key) == "gbrt/EIRE/2010-12-01/T1/1"
    assert (line.item, line.description) == ("85123A", 'CREAM "HEART", PAIR £1')
    assert (line.unit_price, line.net_amount, line.taxes) == (Decimal("0.125"), Decimal("0.38"), ())
    assert (sale.customer, sale.receipt, sale.total) == ("17850", "536365", Decimal("0.38"))
    assert [tender.type for tender in sale.tenders] == ["card"]
    assert sale.occurred_at.isoformat() == "2010-12-01T08:26:00+00:00"
    assert report.notes == {"code-in-lower-case": 1, "blanks-in-description": 1}


def test_cancellation_is_a_return_with_positive_amounts(tmp_path: Path) -> None:
    rows = (
        "C9,85123A,SCARF,-2,2010-12-01 08:26:00,2.55,,France",
        "C9,D,Discount,-1,2010-12-01 08:26:00,1.00,,France",
    )

    (returned, close), _ = replay(tmp_path, *rows)

    assert isinstance(returned, SaleReturned)
    assert [(line.item, line.quantity) for line in returned.lines] == [
        ("85123A", Decimal(2)),
        ("D", Decimal(1)),
    ]
    assert (returned.total, close.signed_amount) == (Decimal("6.10"), Decimal("-6.10"))
    assert [tender.type for tender in returned.tenders] == ["cash"]


def test_reduction_on_a_sale_is_shared_out_to_its_lines(tmp_path: Path) -> None:
    rows = (
        ARTICLE,
        "1,85123B,GLOVES,1,2010-12-01 08:26:00,5.10,,United Kingdom",
        "1,D,Discount,-1,2010-12-01 08:26:00,1.01,,United Kingdom",
    )

    (sale, _), report = replay(tmp_path, *rows)

    assert isinstance(sale, SaleCompleted)
    assert [line.basket_discount for line in sale.lines] == [Decimal("0.51"), Decimal("0.50")]
    assert sale.total == Decimal("9.19")
    assert report.rows_by_rule == {"article": 2, "reduction": 1}


OTHER = "7,POST,POSTAGE,1,2010-12-01 09:00:00,4.00,,France"

RULE_CASES: dict[str, tuple[str, ...]] = {
    "unreadable": ("8,85123A,SCARF,two,2010-12-01 09:00:00,1.00,,France",),
    "after-its-day": (
        "9,85123A,SCARF,1,2010-12-02 09:00:00,1.00,,France",
        "10,85123A,SCARF,1,2010-12-01 09:00:00,1.00,,France",
    ),
    "bad-debt": ("A8,B,Adjust bad debt,1,2010-12-01 09:00:00,-11062.06,,France",),
    "unknown-invoice-kind": ("X8,85123A,SCARF,1,2010-12-01 09:00:00,1.00,,France",),
    "zero-quantity": ("8,85123A,SCARF,0,2010-12-01 09:00:00,1.00,,France",),
    "negative-price": ("8,85123A,SCARF,1,2010-12-01 09:00:00,-1.00,,France",),
    "positive-on-return": ("C8,85123A,SCARF,1,2010-12-01 09:00:00,1.00,,France",),
    "stock-correction": ("8,85123A,damaged,-5,2010-12-01 09:00:00,0.0,,France",),
    "negative-quantity": ("8,85123A,SCARF,-5,2010-12-01 09:00:00,1.00,,France",),
    "nothing-to-pay": ("8,85123A,found,5,2010-12-01 09:00:00,0.0,,France",),
    "refused-by-contract": ("8,85123A,4111 1111 1111 1111,1,2010-12-01 09:00:00,1.00,,France",),
    "repeated-row": (OTHER,),
    "reduction": ("7,M,Manual,-1,2010-12-01 09:00:00,1.00,,France",),
    "free-of-charge": ("7,PADS,PADS,1,2010-12-01 09:00:00,0.001,,France",),
    "service-code": ("7,gift_0001_20,Voucher,1,2010-12-01 09:00:00,16.67,,France",),
    "article": ("7,85123A,SCARF,1,2010-12-01 09:00:00,1.00,,France",),
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_row_falls_under_its_rule_and_books_or_is_listed(rule: Rule, tmp_path: Path) -> None:
    name = rule.name
    *_, row = RULE_CASES[name]

    _, report = replay(tmp_path, OTHER, *RULE_CASES[name])

    assert report.rows_by_rule[name] == 1 + (name == "service-code")
    assert sum(report.rows_by_rule.values()) == report.rows_read == 1 + len(RULE_CASES[name])
    listed = [(excluded.rule, excluded.invoice) for excluded in report.excluded]
    assert listed == ([] if rule.books else [(name, row.partition(",")[0])])


def test_excluded_invoice_takes_no_transaction_number(tmp_path: Path) -> None:
    facts, _ = replay(tmp_path, *RULE_CASES["nothing-to-pay"], *RULE_CASES["bad-debt"], OTHER)

    assert [str(fact.key) for fact in transactions(facts)] == ["gbrt/FRANCE/2010-12-01/T1/1"]


def test_invoice_with_two_timestamps_happened_at_the_earlier(tmp_path: Path) -> None:
    later = ARTICLE.replace("08:26", "08:27")

    (sale, _), report = replay(tmp_path, later, ARTICLE)

    assert transactions([sale])[0].occurred_at.minute == 26
    assert report.notes["invoice-with-several-timestamps"] == 1


def test_numbers_follow_time_and_within_one_moment_the_file(tmp_path: Path) -> None:
    rows = [
        ARTICLE.replace("1,", f"{number},", 1).replace("08:26", moment)
        for number, moment in (("3", "08:30"), ("1", "08:26"), ("C2", "08:30"))
    ]
    rows[2] = rows[2].replace(",2,", ",-2,")

    facts, _ = replay(tmp_path, *rows)

    assert [fact.receipt for fact in transactions(facts)] == ["1", "3", "C2"]


def test_split_invoice_is_one_sale(tmp_path: Path) -> None:
    facts, _ = replay(tmp_path, ARTICLE, OTHER, ARTICLE.replace("85123A", "85123B"))

    assert [len(fact.lines) for fact in transactions(facts)] == [2, 1]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "no column InvoiceNo or Invoice, StockCode"),
        (b"a,b,c\n1,2,3\n", "no column InvoiceNo or Invoice"),
        (
            gzip.compress(f"{HEADER}\n{ARTICLE}\n".encode() * 999)[:-20],
            "cannot be read beyond line",
        ),
    ],
)
def test_file_in_no_known_layout_is_refused_in_one_sentence(
    content: bytes, sentence: str, tmp_path: Path
) -> None:
    path = tmp_path / ("retail.csv.gz" if content.startswith(b"\x1f\x8b") else "retail.csv")
    path.write_bytes(content)

    with pytest.raises(UnreadableFile, match=sentence):
        list(Replay(path))


def test_bytes_that_are_not_utf_8_are_read_as_latin_1(tmp_path: Path) -> None:
    path = a_file(tmp_path, ARTICLE.replace("SCARF", "@"))
    path.write_bytes(path.read_bytes().replace(b"@", b"\xa3 OFF"))

    (sale, _) = read_facts(path)

    assert transactions([sale])[0].lines[0].description == "£ OFF"
