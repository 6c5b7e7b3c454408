"""What comes back is what was paid: no more, no less, however it is cut up or exchanged."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.local.till.pricing import (
    Payment,
    Position,
    Tax,
    Terms,
    cash_and_change,
    exactly,
    foreign_cash,
    ring_up,
)
from infra.local.till.returns import ROUNDING, Refunds, Slip, exchange, refund
from shared.events import (
    Discount,
    ReturnLine,
    SaleCompleted,
    SaleLine,
    SaleReturned,
    TransactionKey,
    decode,
    encode,
    extended_amount,
    new_event,
)
from shared.tax import TaxRates, check

from .chance import KEY, NOW, baskets, exchanges, payments, pieces, sales

POUNDS = Terms("GBP", prices_include_tax=True)
STANDARD = (Tax("GB-STANDARD", Decimal(20)),)
LATER = datetime(2026, 3, 3, 9, tzinfo=UTC)


def key(sequence: int) -> TransactionKey:
    return KEY.model_copy(update={"sequence": sequence})


def slip(sequence: int = 8, terms: Terms = POUNDS, payment: Payment | None = None) -> Slip:
    return Slip(key(sequence), LATER, terms, payment or exactly("card", terms.currency))


def sums(lines: Iterable[SaleLine]) -> dict[str, Decimal]:
    """Return what lines add up to, amount by amount; the till's own rounding is no discount."""
    found: dict[str, Decimal] = defaultdict(Decimal)
    for line in lines:
        found["quantity"] += line.quantity
        found["net"] += line.net_amount
        found["gross"] += line.gross_amount
        found["basket"] += line.basket_discount
        for tax in line.taxes:
            found[tax.code] += tax.amount
        for discount in line.discounts:
            if discount.code != ROUNDING:
                found[discount.code] += discount.amount
    return {name: amount for name, amount in found.items() if amount}


@given(st.data())
def test_sale_refunded_piece_by_piece_gives_back_exactly_what_was_paid(data: st.DataObject) -> None:
    sale = data.draw(sales())
    terms = Terms(sale.currency, sale.prices_include_tax)
    refunds, returned, sequence = Refunds(sale), list[ReturnLine](), 8
    while refunds.numbers and sequence < 14:
        back = data.draw(pieces(refunds))
        fact = refund(slip(sequence, terms), back)
        returned += fact.lines
        sequence += 1
    rest = [refunds.piece(number) for number in refunds.numbers]
    if rest:
        returned += refund(slip(sequence, terms), rest).lines

    assert sums(returned) == sums(sale.lines)
    for number in (line.number for line in sale.lines):
        own = [each for each in returned if each.original and each.original.line == number]
        assert sums(own) == sums([sale.lines[number - 1]])
        with pytest.raises(ValueError, match="only 0"):
            refunds.piece(number, Decimal("0.001"))


@given(st.data())
def test_every_piece_differs_from_its_exact_share_by_what_rounding_takes(
    data: st.DataObject,
) -> None:
    sale = data.draw(sales())
    unit = extended_amount(Decimal(1), Decimal(0), sale.currency) + Decimal(1).scaleb(
        -{"JPY": 0, "GBP": 2, "EUR": 2, "KWD": 3}[sale.currency]
    )
    for piece in data.draw(pieces(Refunds(sale))):
        assert piece.original is not None
        sold = sale.lines[piece.original.line - 1]
        part = piece.quantity / sold.quantity
        # Half a unit at either end of the piece for the extended price, and for its share.
        assert abs(piece.gross_amount - sold.gross_amount * part) <= 4 * unit
        extended = extended_amount(piece.quantity, piece.unit_price, sale.currency)
        residue = sum(discount.amount for discount in piece.discounts if discount.code == ROUNDING)
        assert abs(extended - residue - sold.unit_price * piece.quantity) <= 2 * unit


@given(st.data())
def test_money_back_is_the_same_whoever_pays_and_in_whatever_coin(data: st.DataObject) -> None:
    sale = data.draw(sales())
    terms = Terms(sale.currency, sale.prices_include_tax)
    payment = data.draw(payments(sale.currency))
    back = [Refunds(sale).piece(line.number) for line in sale.lines]

    fact = refund(Slip(key(8), LATER, terms, payment), back)

    assert fact.total == sum(line.gross_amount for line in sale.lines)
    assert fact.signed_amount == -(sale.signed_amount - sale.rounding)


def _worth(lines: Iterable[SaleLine]) -> Decimal:
    return sum((line.gross_amount for line in lines), Decimal(0))


@given(exchanges())
def test_exchange_is_one_transaction_that_pays_the_difference(
    fact: SaleCompleted | SaleReturned,
) -> None:
    lines, others = _worth(fact.lines), _worth(fact.exchanged_lines)
    worth = lines - others if isinstance(fact, SaleCompleted) else others - lines
    back = fact.exchanged_lines if isinstance(fact, SaleCompleted) else fact.lines

    assert fact.total == abs(worth) + fact.rounding
    assert isinstance(fact, SaleCompleted) == (worth >= 0)
    assert all(isinstance(line, ReturnLine) and line.original for line in back)
    assert (
        sum(
            -tender.amount_in_sale_currency if tender.is_change else tender.amount_in_sale_currency
            for tender in fact.tenders
        )
        == fact.total
    )
    event = new_event(fact, source="/tills/T1", time=NOW)
    assert decode(encode(event)) == event


@given(st.data())
def test_sale_exchange_and_refund_of_everything_leave_nothing(data: st.DataObject) -> None:
    sale = data.draw(sales())
    terms = Terms(sale.currency, sale.prices_include_tax)
    taken, granted = data.draw(baskets(terms))
    first = Refunds(sale)
    swap = exchange(slip(8, terms), [first.piece(1)], taken, granted)
    rest = [first.piece(number) for number in first.numbers]
    second = Refunds(swap)
    rest += [second.piece(number) for number in second.numbers]

    end = refund(slip(9, terms), rest)

    assert sale.signed_amount - sale.rounding + swap.signed_amount + end.signed_amount == 0


@settings(max_examples=300)
@given(
    st.integers(1, 99_999),
    st.integers(1, 60),
    st.integers(0, 99),
    st.lists(st.integers(1, 60), min_size=1, max_size=20),
    st.booleans(),
)
def test_shared_out_tax_stays_lawful_where_each_line_is_rounded(
    price: int, quantity: int, percent_off: int, cuts: list[int], included: bool
) -> None:
    terms = Terms("AED", prices_include_tax=included)
    unit_price = Decimal(price).scaleb(-2)
    whole = unit_price * quantity
    off = Discount(code="STAFF", amount=(whole * percent_off / 100).quantize(Decimal("0.01")))
    position = Position(
        "10010",
        Decimal(quantity),
        unit_price,
        taxes=(Tax("AE-STANDARD", Decimal(5)),),
        discounts=(off,),
    )
    sale = ring_up(KEY, NOW, [position], terms, exactly("card", "AED"))
    refunds = Refunds(sale)
    for cut in cuts:
        if left := refunds.left(1):
            back = refund(slip(8, terms), [refunds.piece(1, min(left, Decimal(cut)))])
            found = check(back, "AE", TaxRates.packaged())
            assert found is None or "tax_invoice" in found[1]


# What other connectors got wrong, in figures of our own: each was reported in public.


def test_exchange_does_not_double_its_worth_on_the_customers_balance() -> None:
    """A refund of an exchange, net already, was balanced by the goods' worth once more
    (microsoft/BCApps, pull request 8554: the customer owed twice what the new article cost)."""
    shoes = Position("SHOES", Decimal(1), Decimal("365.00"), taxes=STANDARD)
    coat = Position("COAT", Decimal(1), Decimal("730.00"), taxes=STANDARD)
    bought = ring_up(KEY, NOW, [coat], POUNDS, exactly("card", "GBP"))

    swap = exchange(slip(), [Refunds(bought).piece(1)], [shoes])

    assert isinstance(swap, SaleReturned)
    assert swap.total == Decimal("365.00")
    assert bought.signed_amount + swap.signed_amount == Decimal("365.00")  # what the shoes cost
    assert [line.gross_amount for line in (*swap.lines, *swap.exchanged_lines)] == [
        Decimal("730.00"),
        Decimal("365.00"),
    ]


def test_dearer_exchange_is_not_forced_to_zero() -> None:
    """The credit memo of an exchange for something dearer was balanced to nothing, so that nobody
    asked for the difference (microsoft/BCApps, pull request 10467)."""
    plain = Position("PLAIN", Decimal(1), Decimal("100.00"), taxes=STANDARD)
    dear = Position("DEAR", Decimal(1), Decimal("250.00"), taxes=STANDARD)
    bought = ring_up(KEY, NOW, [plain], POUNDS, exactly("card", "GBP"))

    swap = exchange(slip(), [Refunds(bought).piece(1)], [dear])

    assert isinstance(swap, SaleCompleted)
    assert swap.total == Decimal("150.00")
    forced = swap.model_dump(mode="json") | {"total": "0.00", "tenders": []}
    with pytest.raises(ValueError, match=r"total is 0\.00"):
        SaleCompleted.model_validate_json(json.dumps(forced))


def test_even_exchange_needs_no_money() -> None:
    scarf = Position("SCARF", Decimal(1), Decimal("24.90"), taxes=STANDARD)
    bought = ring_up(KEY, NOW, [scarf], POUNDS, exactly("card", "GBP"))

    swap = exchange(slip(), [Refunds(bought).piece(1)], [scarf])

    assert isinstance(swap, SaleCompleted)
    assert (swap.total, swap.tenders) == (Decimal("0.00"), ())


def test_discount_of_a_line_goes_back_with_its_piece_and_is_not_kept_whole() -> None:
    """After one of two discounted articles was refunded, the other kept the discount of both
    (microsoft/BCApps, pull request 10462; bagisto/bagisto, issue 1509, the other way round)."""
    pair = Position(
        "SHIRT",
        Decimal(2),
        Decimal("48.00"),
        discounts=(Discount(code="20-OFF", amount=Decimal("19.20")),),
        taxes=STANDARD,
    )
    bought = ring_up(KEY, NOW, [pair], POUNDS, exactly("card", "GBP"))
    refunds = Refunds(bought)

    first, second = refunds.piece(1, Decimal(1)), refunds.piece(1, Decimal(1))

    for piece in (first, second):
        assert piece.gross_amount == Decimal("38.40")
        assert [discount.amount for discount in piece.discounts] == [Decimal("9.60")]


def test_basket_discount_comes_back_only_with_the_lines_it_was_shared_out_to() -> None:
    """Refunding one of two articles gave back the whole discount of the order, or none of it
    (awesomemotive/easy-digital-downloads, issue 8076; solidusio/solidus, issue 512)."""
    six = Position("SIX", Decimal(1), Decimal("6.00"))
    four = Position("FOUR", Decimal(1), Decimal("4.00"))
    bought = ring_up(
        KEY,
        NOW,
        [six, four],
        POUNDS,
        exactly("card", "GBP"),
        basket_discounts=(Discount(code="TEN-OFF", amount=Decimal("1.00")),),
    )

    back = refund(slip(), [Refunds(bought).piece(1)])

    assert back.total == Decimal("5.40")
    assert [discount.amount for discount in back.basket_discounts] == [Decimal("0.60")]


def test_amounts_of_two_currencies_are_never_added_up() -> None:
    """A refund in the buyer's currency was booked with some amounts in the shop's
    (microsoft/BCApps, issue 6138). Here only a tender may be foreign, and says its worth."""
    scarf = Position("SCARF", Decimal(1), Decimal("24.90"), taxes=STANDARD)
    euros = foreign_cash("GBP", "EUR", Decimal("0.8420"), Decimal(10))
    bought = ring_up(KEY, NOW, [scarf], POUNDS, euros)
    in_euros = bought.model_dump(mode="json")
    in_euros["tenders"][0]["amount_in_sale_currency"] = in_euros["tenders"][0]["amount"]

    back = refund(slip(payment=euros), [Refunds(bought).piece(1)])

    assert (back.currency, back.total) == ("GBP", bought.total)
    with pytest.raises(ValueError, match=r"tenders less change are 29\.64"):
        SaleCompleted.model_validate_json(json.dumps(in_euros))


def test_article_cannot_come_back_twice() -> None:
    """A till let the same article come back again and again (ASATechnologies/POS-Awesome, issue
    6)."""
    scarf = Position("SCARF", Decimal(2), Decimal("24.90"))
    refunds = Refunds(ring_up(KEY, NOW, [scarf], POUNDS, exactly("card", "GBP")))
    refunds.piece(1, Decimal(1))

    with pytest.raises(ValueError, match="only 1 can come back"):
        refunds.piece(1, Decimal(2))
    assert refunds.piece(1).quantity == 1
    assert refunds.numbers == []


def test_what_no_unit_price_can_say_is_a_discount_called_rounding() -> None:
    screws = Position("SCREW", Decimal(30_000), Decimal("0.000333"))
    sale = ring_up(KEY, NOW, [screws], POUNDS, cash_and_change("GBP", Decimal(10)))
    refunds = Refunds(sale)

    back = [refunds.piece(1, Decimal(quantity)) for quantity in (7, 14_999, 14_994)]

    assert sale.total == Decimal("9.99")
    assert sums(back)["gross"] == Decimal("9.99")
    for line in back:
        extended = extended_amount(line.quantity, line.unit_price, "GBP")
        residue = sum((each.amount for each in line.discounts), Decimal(0))
        assert extended - residue == line.gross_amount
    assert {each.code for line in back for each in line.discounts} == {ROUNDING}


def test_gift_card_is_sold_as_a_line_of_its_own_and_can_come_back() -> None:
    card = Position("GIFT-CARD", Decimal(1), Decimal("50.00"), gift_card="GC-1")
    sale = ring_up(KEY, NOW, [card], POUNDS, exactly("card", "GBP"))

    back = refund(slip(), [Refunds(sale).piece(1, reason="unwanted")])

    assert [line.gift_card for line in (*sale.lines, *back.lines)] == ["GC-1", "GC-1"]
    assert back.lines[0].reason == "unwanted"
