"""A vendor's facts are judged as the bus would judge them, with every reason at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.cli import main
from infra.local.till.baskets import Mix, Store, TradingDay
from infra.local.till.certification import RULES, Report, certify
from infra.local.till.certification.examining import Examiner
from infra.local.till.certification.reading import Document
from infra.local.till.certification.remarks import moment_of
from shared.events import (
    BACKFILL,
    Event,
    Fact,
    InvalidEvent,
    Reason,
    SaleCompleted,
    SaleReturned,
    StoreDayClosed,
    TransactionRecorded,
    decode,
    encode,
    new_event,
)
from shared.tax import TaxRates

Body = dict[str, Any]
NOW = datetime(2026, 3, 3, 12, tzinfo=UTC)
SAMPLES = sorted((Path(__file__).parents[1] / "events" / "samples").glob("*.json"))
DUBAI = (Store("aert", "DUBAI"),)


@pytest.fixture(scope="module")
def day() -> list[Fact]:
    return list(TradingDay(7, DUBAI, transactions_per_store=60, mix=Mix()))


def event_of(fact: Fact, **changes: Any) -> Event:
    return new_event(fact, source="/tills/aert/DUBAI", time=moment_of(fact) or NOW, **changes)


def body_of(fact: Fact) -> Body:
    body: Body = json.loads(encode(event_of(fact)))
    return body


def report_on(tmp_path: Path, bodies: Iterable[object], country: str = "") -> Report:
    file = tmp_path / "facts.jsonl"
    lines = [each if isinstance(each, str) else json.dumps(each) for each in bodies]
    file.write_text("\n".join(lines), encoding="utf-8")
    return certify([file], now=NOW, country=country)


def first(facts: list[Fact], kind: type[Fact] = SaleCompleted) -> Any:
    return next(fact for fact in facts if isinstance(fact, kind))


def test_a_whole_lawful_day_is_certified_without_a_remark(tmp_path: Path, day: list[Fact]) -> None:
    report = report_on(tmp_path, map(body_of, day), "AE")

    assert report.findings == []
    assert report.passed
    assert report.documents == len(day)


def test_nothing_at_all_is_not_certified(tmp_path: Path) -> None:
    assert not report_on(tmp_path, []).passed


def test_lines_an_array_and_a_single_document_are_read_alike(
    tmp_path: Path, day: list[Fact]
) -> None:
    bodies = [body_of(fact) for fact in day[:3]]
    bodies[1]["type"] = "com.example.other.v1"
    (tmp_path / "lines.jsonl").write_text("\n\n".join(map(json.dumps, bodies)))
    (tmp_path / "array.json").write_text(json.dumps(bodies, indent=2))
    (tmp_path / "single.json").write_text(json.dumps(bodies[1], indent=2))

    found = {
        name: [each.where for each in certify([tmp_path / name], now=NOW).refused]
        for name in ("lines.jsonl", "array.json", "single.json")
    }

    assert found == {
        "lines.jsonl": ["lines.jsonl:3"],
        "array.json": ["array.json[1]"],
        "single.json": ["single.json"],
    }


def at(*path: Any, value: Any) -> Callable[[Body], None]:
    def change(body: Body) -> None:
        parent: Any = body
        for part in path[:-1]:
            parent = parent[part]
        parent[path[-1]] = value

    return change


REFUSED: dict[str, tuple[Callable[[Body], object], str, Reason]] = {
    "other spec": (at("specversion", value="0.3"), "envelope", Reason.NOT_A_CLOUD_EVENT),
    "no id": (lambda body: body.pop("id"), "envelope", Reason.MISSING_ID),
    "no zone": (at("time", value="2026-03-02T10:00:00"), "envelope", Reason.NOT_A_CLOUD_EVENT),
    "random id": (
        at("id", value="6e8bc430-9c3a-11d9-9669-0800200c9a66"),
        "identity",
        Reason.ID_MISMATCH,
    ),
    "other subject": (at("subject", value="a/b/2026-03-02/T1/1"), "identity", Reason.ID_MISMATCH),
    "unknown type": (at("type", value="com.vendor.sale.v1"), "version", Reason.UNKNOWN_TYPE),
    "new version": (
        at("type", value="com.tillbus.sale-completed.v7"),
        "version",
        Reason.UNKNOWN_VERSION,
    ),
    "floating total": (at("data", "total", value=24.5), "fields", Reason.INVALID_DATA),
    "other currency": (at("data", "currency", value="DHS"), "fields", Reason.UNKNOWN_CURRENCY),
    "wrong total": (
        at("data", "rounding", value="0.77"),
        "amounts",
        Reason.AMOUNTS_DO_NOT_ADD_UP,
    ),
    "card number": (
        at("data", "receipt", value="4111 1111 1111 1111"),
        "card-numbers",
        Reason.CARD_NUMBER,
    ),
    "card number nobody asked for": (
        at("data", "pan", value="4111111111111111"),
        "card-numbers",
        Reason.CARD_NUMBER,
    ),
    "rate not in force": (
        lambda body: at("data", "lines", 0, "taxes", 0, "rate_percent", value="15")(body),
        "tax",
        Reason.TAX_RATE_NOT_IN_FORCE,
    ),
    "no tax invoice": (
        lambda body: body["data"].pop("tax_invoice"),
        "tax",
        Reason.TAX_INVOICE_INCOMPLETE,
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_would_be_refused_is_found_under_its_rule_with_its_reason(
    case: str, tmp_path: Path, day: list[Fact]
) -> None:
    change, rule, reason = REFUSED[case]
    body = body_of(first(day))
    change(body)

    report = report_on(tmp_path, [body], "AE")

    assert [(each.rule, each.reason) for each in report.refused] == [(rule, reason)]
    assert "4111" not in str(report.findings)
    assert not report.passed


def test_every_problem_of_a_document_is_found_at_once(tmp_path: Path, day: list[Fact]) -> None:
    body = body_of(first(day))
    body.update(specversion="0.3", source="a till", time=None)
    body["data"].update(currency="DHS", receipt="4111 1111 1111 1111")
    body["data"]["key"]["sequence"] = "7"

    report = report_on(tmp_path, [body])

    assert [each.detail.partition(":")[0] for each in report.of("fields")] == [
        "key.sequence",
        "currency",
    ]
    assert len(report.of("envelope")) == 3
    assert len(report.of("card-numbers")) == 1
    assert report.documents_refused == 1
    assert report.reasons() == [
        Reason.NOT_A_CLOUD_EVENT,
        Reason.INVALID_DATA,
        Reason.CARD_NUMBER,
        Reason.UNKNOWN_CURRENCY,
    ]


_JSON = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9)


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    parts = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    return [path, *(found for name, part in parts for found in _paths(part, (*path, name)))]


@given(st.sampled_from(SAMPLES), st.integers(0, 10_000), _JSON, st.booleans())
def test_a_document_is_refused_here_exactly_when_the_bus_would_refuse_it(
    sample: Path, choice: int, value: Any, remove: bool
) -> None:
    body = json.loads(sample.read_text("utf-8"))
    paths = [path for path in _paths(body) if path]
    *parents, last = paths[choice % len(paths)]
    parent = body
    for part in parents:
        parent = parent[part]
    if remove:
        del parent[last]
    else:
        parent[last] = value
    document = Document("here", json.dumps(body).encode())

    examined = Examiner(NOW, "", TaxRates.packaged()).examine(document)

    refused = {each.reason for each in examined.findings if each.reason is not None}
    expected = _refusal(document.body)
    assert refused == set() if expected is None else expected in refused


def _refusal(body: bytes) -> Reason | None:
    try:
        decode(body)
    except InvalidEvent as error:
        return error.reason
    return None


@pytest.mark.parametrize("body", [b"", b"nonsense", b"[1", b'"text"', b" " * (1024 * 1024 + 1)])
def test_what_is_no_event_at_all_is_refused_for_the_reason_the_bus_gives(body: bytes) -> None:
    examined = Examiner(NOW, "", TaxRates.packaged()).examine(Document("here", body))

    with pytest.raises(InvalidEvent) as refused:
        decode(body)
    assert [each.reason for each in examined.findings] == [refused.value.reason]


def details(report: Report, rule: Any) -> list[str]:
    return [each.detail for each in report.of(rule)]


def test_missing_numbers_are_named_between_first_and_last(tmp_path: Path, day: list[Fact]) -> None:
    till = [fact for fact in day if getattr(getattr(fact, "key", None), "terminal", "") == "T1"]
    kept = [body_of(fact) for fact in till if fact.key.sequence not in (4, 5, 8)]  # type: ignore[attr-defined]

    report = report_on(tmp_path, kept)

    assert report.passed
    assert details(report, "sequences") == ["missing: 4-5, 8"]


def test_numbers_missing_at_the_end_are_those_the_close_states(
    tmp_path: Path, day: list[Fact]
) -> None:
    numbered = [fact for fact in day if not isinstance(fact, StoreDayClosed)]
    last = max(fact.key.sequence for fact in numbered if _terminal(fact) == "T1")  # type: ignore[attr-defined]
    kept = [
        body_of(fact)
        for fact in day
        if _terminal(fact) != "T1" or fact.key.sequence < last  # type: ignore[attr-defined]
    ]

    report = report_on(tmp_path, kept)

    assert details(report, "sequences") == [f"missing: {last}"]


def _terminal(fact: Fact) -> str:
    return getattr(getattr(fact, "key", None), "terminal", "")


def test_number_used_by_two_kinds_of_transaction_is_named(tmp_path: Path, day: list[Fact]) -> None:
    sale = first(day)
    training = TransactionRecorded(key=sale.key, occurred_at=sale.occurred_at, kind="training")

    report = report_on(tmp_path, [body_of(sale), body_of(training)])

    [said] = details(report, "sequences")
    assert said.startswith(f"number {sale.key.sequence} is used by sale-completed (facts.jsonl:1)")
    assert said.endswith("and by transaction-recorded")


def _numbered(sale: SaleCompleted, sequence: int, minutes: int) -> SaleCompleted:
    key = sale.key.model_copy(update={"sequence": sequence})
    moment = sale.occurred_at + timedelta(minutes=minutes)
    return sale.model_copy(update={"key": key, "occurred_at": moment})


def test_counter_that_begins_again_needs_a_fact_that_says_so(
    tmp_path: Path, day: list[Fact]
) -> None:
    sale = first(day)
    before = [_numbered(sale, 5001, 0), _numbered(sale, 5002, 1)]
    after = [_numbered(sale, 2, 3)]
    reset = TransactionRecorded(
        key=sale.key.model_copy(update={"sequence": 1}),
        occurred_at=sale.occurred_at + timedelta(minutes=2),
        kind="counter-reset",
        last_before=5002,
    )

    silent = report_on(tmp_path, map(body_of, [*before, *after]))
    told = report_on(tmp_path, map(body_of, [*before, reset, *after]))

    assert any("without a counter-reset" in each for each in details(silent, "sequences"))
    assert details(told, "sequences") == []


def test_same_fact_again_is_harmless_and_another_under_its_id_is_refused(
    tmp_path: Path, day: list[Fact]
) -> None:
    sale = first(day)
    other = sale.model_copy(update={"receipt": "another"})
    corrected = other.model_copy(update={"revision": 1})

    report = report_on(tmp_path, map(body_of, [sale, sale, other, corrected]))

    found = [(each.where, each.reason) for each in report.of("repetitions")]
    assert found == [("facts.jsonl:3", Reason.DOCUMENT_DIFFERS), ("facts.jsonl:2", None)]


def test_more_coming_back_than_was_sold_is_refused(tmp_path: Path, day: list[Fact]) -> None:
    back = next(
        fact
        for fact in day
        if isinstance(fact, SaleReturned) and fact.lines[0].original and not fact.exchanged_lines
    )
    sold = next(
        fact
        for fact in day
        if isinstance(fact, SaleCompleted) and fact.key == back.lines[0].original.key  # type: ignore[union-attr]
    )
    again = [
        back.model_copy(update={"key": back.key.model_copy(update={"sequence": number})})
        for number in range(900, 900 + int(sold.lines[back.lines[0].original.line - 1].quantity))  # type: ignore[union-attr]
    ]

    report = report_on(tmp_path, map(body_of, [sold, back, *again]))
    unknown = report_on(tmp_path, map(body_of, [back, *again]))

    assert {each.reason for each in report.refused} == {Reason.RETURNS_MORE_THAN_SOLD}
    assert unknown.refused == []  # sold before the file begins


def test_close_that_states_something_else_is_named_figure_by_figure(
    tmp_path: Path, day: list[Fact]
) -> None:
    close = first(day, StoreDayClosed)
    [terminal, *others] = close.terminals
    wrong = terminal.model_copy(update={"sales": terminal.sales - 1})
    totals = [each.model_copy(update={"amount": each.amount + 1}) for each in close.tender_totals]
    changed = close.model_copy(
        update={
            "terminals": (wrong, *others),
            "total": close.total + 1,
            "tender_totals": tuple(totals),
        }
    )

    report = report_on(tmp_path, [body_of(changed if fact is close else fact) for fact in day])

    found = details(report, "day-close")
    assert report.passed
    assert len(found) == 2 + len(totals)
    assert found[0].startswith(f"terminal T1 states {wrong.sales} sales")
    assert found[1] == f"total is {changed.total}, the transactions come to {close.total}"


def _late(sale: SaleCompleted) -> Body:
    return {**body_of(sale), "time": (sale.occurred_at + timedelta(hours=25)).isoformat()}


REMARKS: dict[str, tuple[Callable[[SaleCompleted], Body], str, str]] = {
    "late": (_late, "clocks", "set lane to 'backfill'"),
    "future": (
        lambda sale: {**body_of(sale), "time": "2031-01-01T00:00:00Z", "lane": BACKFILL},
        "clocks",
        "lies in the future",
    ),
    "early": (
        lambda sale: {
            **body_of(sale),
            "time": (sale.occurred_at - timedelta(hours=1)).isoformat(),
        },
        "clocks",
        "published before it happened",
    ),
    "another day": (
        lambda sale: body_of(
            sale.model_copy(update={"occurred_at": sale.occurred_at - timedelta(days=3)})
        ),
        "clocks",
        "its business day is 2026-03-02",
    ),
    "unknown field": (
        lambda sale: _with_line(sale, weather="rain"),
        "fields",
        "lines.0.weather is no field of the contract",
    ),
    "e-mail in a text": (
        lambda sale: _with_line(sale, description="for amal@example.com"),
        "personal-data",
        "lines.0.description seems to hold",
    ),
    "telephone number in a text": (
        lambda sale: body_of(sale.model_copy(update={"receipt": "call +971 4 123 4567"})),
        "personal-data",
        "receipt seems to hold",
    ),
    "large": (
        lambda sale: {**body_of(sale), "padding": "x" * 300_000},
        "size",
        "do not fit a message of the standard tier",
    ),
}


def _with_line(sale: SaleCompleted, **changes: Any) -> Body:
    body = body_of(sale)
    body["data"]["lines"][0].update(changes)
    return body


@pytest.mark.parametrize("case", REMARKS)
def test_what_is_accepted_and_should_be_looked_at_is_a_remark(
    case: str, tmp_path: Path, day: list[Fact]
) -> None:
    make, rule, said = REMARKS[case]

    report = report_on(tmp_path, [make(first(day))])

    assert report.passed
    assert [each.rule for each in report.remarks] == [rule]
    assert said in report.remarks[0].detail
    assert "amal" not in report.remarks[0].detail


def test_personal_fields_may_say_something_of_a_person(tmp_path: Path) -> None:
    samples = [path for path in SAMPLES if path.name.startswith("customer-")]

    report = certify(samples, now=NOW)

    assert len(samples) == 2
    assert report.of("personal-data") == []


def test_command_certifies_a_good_file(
    tmp_path: Path, day: list[Fact], capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "good.jsonl"
    file.write_bytes(b"\n".join(encode(event_of(fact)) for fact in day))

    code = main(["certify-vendor", str(file), "--country", "AE"])

    said = capsys.readouterr().out
    assert code == 0
    assert f"{len(day)} documents in 1 files: 0 would be refused, 0 remarks" in said
    assert "verdict: nothing would be refused" in said
    assert all(rule in said for rule in RULES)


def test_command_says_what_to_do_about_a_bad_file(
    tmp_path: Path, day: list[Fact], capsys: pytest.CaptureFixture[str]
) -> None:
    body = body_of(first(day))
    body["data"]["total"] = 24.5
    file = tmp_path / "bad.json"
    file.write_text(json.dumps([body] * 30))

    text_code = main(["certify-vendor", str(file)])
    text = capsys.readouterr().out
    json_code = main(["certify-vendor", str(file), "--json"])
    document = json.loads(capsys.readouterr().out)

    assert (text_code, json_code) == (1, 1)
    assert "bad.json[0]: invalid-data: total: not a number" in text
    assert "and 10 more" in text
    assert "Correct the field at its source and publish the fact again." in text
    assert document["verdict"] == "not certified"
    assert document["documents_refused"] == 30
    assert len(document["rules"]["fields"]) == 30
    assert document["reasons"]["invalid-data"]["whose_job"].startswith("the team of the till")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["/no/such/file.jsonl"], "/no/such/file.jsonl: No such file"),
        ([__file__, "--country", "XX"], "no tax law is configured for 'XX'"),
        ([], "Missing argument"),
    ],
)
def test_command_that_cannot_run_says_why(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["certify-vendor", *arguments]) == 2
    assert said in capsys.readouterr().err
