"""What contradicts a country's tax law, and what a till may do."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.till.pricing import Position, Tax, Terms, exactly, ring_up, take_back
from shared.events import (
    EInvoiceStamp,
    OriginalLine,
    Reason,
    ReturnLine,
    SaleCompleted,
    SaleReturned,
    TaxInvoice,
    TransactionKey,
    decode,
    encode,
    new_event,
    round_money,
)
from shared.tax import TaxRates, check

RATES = TaxRates.packaged()
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
TODAY = date(2026, 3, 2)
PAPERS: dict[str, dict[str, Any]] = {
    "AE": {
        "tax_invoice": TaxInvoice(
            number="1",
            seller_name="Seller",
            seller_address="1 Creek Road",
            seller_tax_number="100123456700003",
        )
    },
    "SA": {
        "tax_invoice": TaxInvoice(
            number="1", seller_name="Seller", seller_tax_number="300123456700003"
        ),
        "e_invoice": EInvoiceStamp(
            scheme="zatca",
            uuid="8e6000cf-1a98-4174-b3e7-b5d5954bc10d",
            counter=7,
            previous_hash="NWZlY2ViNjZmZmM4",
            hash="f+0WCqnPkInI+eL9G3LAry12fTPf+toC9UX07F4fI+s=",
            qr="AQtUaWxsYnVz",
        ),
    },
}
CURRENCIES = {"AE": "AED", "SA": "SAR", "BH": "BHD", "OM": "OMR", "KW": "KWD", "GB": "GBP"}


def key(day: date = TODAY, sequence: int = 1) -> TransactionKey:
    return TransactionKey(
        company="aert", store="S1", business_day=day, terminal="T1", sequence=sequence
    )


def sale(
    country: str,
    percent: str,
    *,
    day: date = TODAY,
    price: str = "105.00",
    quantity: str = "1",
    included: bool = True,
    **changes: Any,
) -> SaleCompleted:
    """Return a sale of one line with the papers its country asks for, changed as asked."""
    currency = CURRENCIES.get(country, "EUR")
    position = Position(
        "10010", Decimal(quantity), Decimal(price), taxes=(Tax("VAT", Decimal(percent)),)
    )
    terms = Terms(currency, prices_include_tax=included)
    made = ring_up(key(day), NOW, [position], terms, exactly("card", currency))
    return made.model_copy(update={**PAPERS.get(country, {}), **changes})


def reason(fact: SaleCompleted | SaleReturned, country: str) -> Reason | None:
    found = check(fact, country, RATES)
    return found[0] if found else None


@pytest.mark.parametrize(
    ("country", "percent", "day", "accepted"),
    [
        ("AE", "5", "2026-03-02", True),
        ("AE", "0", "2026-03-02", True),
        ("AE", "15", "2026-03-02", False),
        ("AE", "5", "2017-12-31", False),
        ("SA", "5", "2020-06-30", True),
        ("SA", "5", "2020-07-01", False),
        ("SA", "15", "2020-07-01", True),
        ("BH", "5", "2022-01-01", False),
        ("BH", "10", "2022-01-01", True),
        ("OM", "5", "2021-04-15", False),
        ("KW", "5", "2026-03-02", False),
        ("GB", "17.5", "2011-01-03", True),
        ("GB", "17.5", "2011-01-04", False),
        ("DE", "16", "2020-08-01", True),
        ("DE", "19", "2020-08-01", False),
        ("PT", "16", "2026-03-02", True),  # the Azores: Portugal's rates are not listed in full
        ("US", "8.25", "2026-03-02", True),  # nothing is configured
        ("", "99", "2026-03-02", True),
    ],
)
def test_only_a_rate_in_force_is_accepted(
    country: str, percent: str, day: str, accepted: bool
) -> None:
    found = reason(sale(country, percent, day=date.fromisoformat(day)), country)

    assert found == (None if accepted else Reason.TAX_RATE_NOT_IN_FORCE)


def test_finding_names_line_rate_country_and_what_was_in_force() -> None:
    assert check(sale("BH", "5"), "BH", RATES) == (
        Reason.TAX_RATE_NOT_IN_FORCE,
        "line 1: 5 % (VAT) was not in force in Bahrain on 2026-03-02; in force: 0, 10",
    )


def test_goods_come_back_at_the_rate_they_were_sold_at() -> None:
    sold = sale("BH", "5", day=date(2021, 12, 30))
    back = take_back(key(date(2022, 1, 3)), NOW, sold, [1], exactly("cash", "BHD"))
    unknown = back.model_copy(
        update={"lines": tuple(_changed(line, original=None) for line in back.lines)}
    )
    of_today = OriginalLine(key=key(date(2022, 1, 2)), line=1)
    wrong = back.model_copy(
        update={"lines": tuple(_changed(line, original=of_today) for line in back.lines)}
    )

    assert reason(back, "BH") is None
    assert reason(unknown, "BH") is None
    assert reason(wrong, "BH") is Reason.TAX_RATE_NOT_IN_FORCE


def _changed(line: ReturnLine, **changes: Any) -> ReturnLine:
    return line.model_copy(update=changes)


def test_exchanged_goods_are_held_against_the_law_too() -> None:
    taken = sale("AE", "15")
    exchange = sale("AE", "5").model_copy(update={"exchanged_lines": taken.lines})

    assert reason(exchange, "AE") is Reason.TAX_RATE_NOT_IN_FORCE


def with_tax(fact: SaleCompleted, amount: str) -> SaleCompleted:
    """Return the sale with another tax in its line, as a till that computes differently."""
    [line] = fact.lines
    [tax] = line.taxes
    change = Decimal(amount) - tax.amount
    taxed = tax.model_copy(update={"amount": Decimal(amount)})
    net = line.net_amount - change if fact.prices_include_tax else line.net_amount
    changed = line.model_copy(update={"taxes": (taxed,), "net_amount": net})
    return fact.model_copy(update={"lines": (changed,)})


@pytest.mark.parametrize(
    ("country", "percent", "price", "included", "tax", "accepted"),
    [
        ("AE", "5", "105.00", True, "5.00", True),
        ("AE", "5", "105.00", True, "4.99", False),
        ("AE", "5", "105.00", True, "5.01", False),
        ("AE", "5", "0.10", False, "0.01", True),  # half a fils is rounded up
        ("AE", "5", "0.10", False, "0.00", False),
        ("AE", "5", "47.14", False, "2.36", True),  # 2.357, the example of VATP006
        ("GB", "20", "105.00", True, "17.50", True),
        ("GB", "20", "105.00", True, "17.49", True),
        ("GB", "20", "105.00", True, "17.52", False),
        ("GB", "20", "105.00", True, "0.00", False),
        ("OM", "5", "1.050", True, "0.051", True),
        ("OM", "5", "1.050", True, "0.052", False),
        ("GB", "0", "105.00", True, "0.02", False),
    ],
)
def test_tax_is_rounded_as_the_law_says(
    country: str, percent: str, price: str, included: bool, tax: str, accepted: bool
) -> None:
    fact = with_tax(sale(country, percent, price=price, included=included), tax)

    assert reason(fact, country) == (None if accepted else Reason.TAX_WRONGLY_ROUNDED)


def test_finding_names_the_tax_and_what_its_rate_gives() -> None:
    assert check(with_tax(sale("AE", "5"), "4.99"), "AE", RATES) == (
        Reason.TAX_WRONGLY_ROUNDED,
        "line 1: tax VAT is 4.99, its rate gives 5.00",
    )


def test_part_of_a_line_comes_back_with_its_share_of_the_tax() -> None:
    sold = sale("AE", "5", price="33.33", quantity="3")
    back = take_back(key(sequence=2), NOW, sold, [1], exactly("cash", "AED")).model_copy(
        update=PAPERS["AE"]
    )
    [line] = back.lines
    off = line.taxes[0].amount - Decimal("0.01")
    taxed = line.taxes[0].model_copy(update={"amount": off})
    shared = line.model_copy(
        update={"taxes": (taxed,), "net_amount": line.net_amount + Decimal("0.01")}
    )

    assert reason(back.model_copy(update={"lines": (shared,)}), "AE") is None


@given(
    st.sampled_from(["AE", "SA", "BH", "OM", "GB", "DE"]),
    st.integers(1, 10**7),
    st.integers(1, 50),
    st.booleans(),
)
def test_what_the_reference_till_computes_is_lawful(
    country: str, units: int, quantity: int, included: bool
) -> None:
    law = RATES.country(country)
    assert law is not None
    rate = law.rate("standard", TODAY)
    assert rate is not None
    price = str(round_money(Decimal(units) / 1000, CURRENCIES.get(country, "EUR")))

    fact = sale(country, str(rate.percent), price=price, quantity=str(quantity), included=included)

    assert check(fact, country, RATES) is None


def invoice(country: str, **changes: Any) -> dict[str, Any]:
    given_ = PAPERS.get(country, PAPERS["AE"])["tax_invoice"]
    return {"tax_invoice": given_.model_copy(update=changes)}


def stamp(**changes: Any) -> dict[str, Any]:
    return {"e_invoice": PAPERS["SA"]["e_invoice"].model_copy(update=changes)}


FULL = {"kind": "full", "buyer_name": "Buyer", "buyer_address": "2 Palm Street"}

INVOICES: dict[str, tuple[str, dict[str, Any], str | None]] = {
    "no invoice in the Emirates": ("AE", {"tax_invoice": None}, "tax_invoice is missing"),
    "no invoice in Britain": ("GB", {"tax_invoice": None}, None),
    "simplified": ("AE", {}, None),
    "number of 14 digits": (
        "AE",
        invoice("AE", seller_tax_number="10012345670003"),
        "seller_tax_number has not the form",
    ),
    "no address": ("AE", invoice("AE", seller_address=""), "needs tax_invoice.seller_address"),
    "full": ("AE", invoice("AE", seller_address="1 Creek Road", **FULL), None),
    "full without buyer": ("AE", invoice("AE", kind="full"), "needs tax_invoice.buyer_name"),
    "Saudi": ("SA", {}, None),
    "Saudi number of the Emirates": (
        "SA",
        invoice("SA", seller_tax_number="100123456700003"),
        "seller_tax_number has not the form",
    ),
    "Saudi without stamp": ("SA", {"e_invoice": None}, "needs the stamp"),
    "Saudi with another's stamp": ("SA", stamp(scheme="other"), "e_invoice.scheme is not zatca"),
    "Saudi without QR": ("SA", stamp(qr=""), "needs e_invoice.qr"),
    "Saudi without the hash before": ("SA", stamp(previous_hash=""), "e_invoice.previous_hash"),
    "Saudi full invoice, cleared elsewhere": (
        "SA",
        {**invoice("SA", seller_address="Riyadh", **FULL), "e_invoice": None},
        None,
    ),
}


@pytest.mark.parametrize("case", INVOICES)
def test_invoice_has_what_its_country_asks_for(case: str) -> None:
    country, changes, said = INVOICES[case]
    percent = {"SA": "15", "GB": "20"}.get(country, "5")

    found = check(sale(country, percent, **changes), country, RATES)

    if said is None:
        assert found is None
    else:
        assert found is not None
        assert found[0] is Reason.TAX_INVOICE_INCOMPLETE
        assert said in found[1]


def test_registered_buyer_of_more_than_ten_thousand_dirham_gets_a_full_invoice() -> None:
    buyer = invoice("AE", buyer_tax_number="100765432100003")

    assert reason(sale("AE", "5", price="10000.00", **buyer), "AE") is None
    assert reason(sale("AE", "5", price="10000.01"), "AE") is None
    assert reason(sale("AE", "5", price="10000.01", **buyer), "AE") is Reason.TAX_INVOICE_INCOMPLETE


def test_untaxed_goods_and_days_before_the_law_need_no_invoice() -> None:
    exempt = sale("AE", "0", tax_invoice=None)
    before = sale("SA", "5", day=date(2020, 1, 1), e_invoice=None)

    assert reason(exempt, "AE") is None
    assert reason(before, "SA") is None


def test_credit_note_of_saudi_arabia_names_its_sale() -> None:
    back = take_back(
        key(sequence=2), NOW, sale("SA", "15"), [1], exactly("cash", "SAR")
    ).model_copy(update=PAPERS["SA"])
    nameless = back.model_copy(update={"lines": (_changed(back.lines[0], original=None),)})

    assert reason(back, "SA") is None
    assert reason(nameless, "SA") is Reason.TAX_INVOICE_INCOMPLETE


def test_stamp_travels_from_the_till_through_the_check_untouched() -> None:
    event = new_event(sale("SA", "15"), source="/tills/T1", time=NOW)

    read = decode(encode(event)).data

    assert isinstance(read, SaleCompleted)
    assert check(read, "SA", RATES) is None
    assert read.e_invoice == PAPERS["SA"]["e_invoice"]


def test_finding_never_quotes_what_stands_in_a_field() -> None:
    fact = sale(
        "AE", "5", **invoice("AE", kind="full", buyer_address="7 Palm Street", seller_address="")
    )

    found = check(fact, "AE", RATES)

    assert found is not None
    assert "Palm" not in found[1]
