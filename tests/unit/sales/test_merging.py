"""Many tickets as one sale: nothing is lost, nothing is rounded twice."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from services.sales.merging import chunks, group_of, merged
from services.sales.slips import Sale, directed, discount
from shared.events.balance import first_contradiction
from tests.unit.sales.baskets import key, sales, simple_return, simple_sale


@st.composite
def groups(draw: st.DrawFn) -> list[Sale]:
    """Sales of one group, each under a number of its own."""
    drawn = draw(st.lists(sales("gbrt"), min_size=1, max_size=12))
    group = group_of(drawn[0])
    alike = [sale for sale in drawn if group_of(sale) == group]
    return [
        sale.model_copy(update={"key": key("gbrt", number)})
        for number, sale in enumerate(alike, start=1)
    ]


def figures(sale_s: Sequence[Sale]) -> dict[str, Decimal]:
    """What a book-keeper adds up."""
    lines = [pair for sale in sale_s for pair in directed(sale)]
    found = {
        "total": sum((sale.total for sale in sale_s), Decimal(0)),
        "rounding": sum((sale.rounding for sale in sale_s), Decimal(0)),
        "net": sum((line.net_amount for line, _ in lines), Decimal(0)),
        "discount": sum((discount(line) for line, _ in lines), Decimal(0)),
    }
    for line, leaves in lines:
        found[f"{line.item} {leaves}"] = (
            found.get(f"{line.item} {leaves}", Decimal(0)) + line.quantity
        )
        for tax in line.taxes:
            name = f"{tax.code} {tax.rate_percent} {leaves}"
            found[name] = found.get(name, Decimal(0)) + tax.amount
    for tender in (tender for sale in sale_s for tender in sale.tenders):
        name = f"{tender.type} {tender.currency} {tender.is_change}"
        found[name] = found.get(name, Decimal(0)) + tender.amount
    return found


@given(groups())
def test_the_sum_says_what_its_tickets_say(group: list[Sale]) -> None:
    assert figures([merged(group)]) == figures(group)


@given(groups())
def test_the_sum_keeps_every_rule_of_a_sale_but_that_of_small_rounding(group: list[Sale]) -> None:
    contradiction = first_contradiction(merged(group))
    assert contradiction is None or contradiction.startswith("rounding of")


@given(groups(), st.integers(1, 8), st.integers(1, 5))
def test_every_ticket_is_in_one_part_and_no_part_is_too_long(
    group: list[Sale], most_lines: int, most_tickets: int
) -> None:
    parts = list(chunks(group, most_lines, most_tickets))
    assert [sale for part in parts for sale in part] == group
    for part in parts:
        assert len(part) <= most_tickets
        one = merged(part)
        assert len(part) == 1 or len([*directed(one)]) <= most_lines


def test_lines_alike_become_one_and_weighed_goods_that_would_round_otherwise_do_not() -> None:
    mugs = merged([simple_sale(1), simple_sale(2)])
    assert [line.quantity for line in mugs.lines] == [4]
    body = simple_sale(1).model_dump()
    weighed = {
        "quantity": Decimal("0.5"), "unit_price": Decimal("0.01"), "taxes": [],
        "net_amount": Decimal("0.01"),
    }  # fmt: skip
    body["lines"] = [body["lines"][0] | weighed]
    paid = {"amount": Decimal("0.01"), "amount_in_sale_currency": Decimal("0.01")}
    body |= {"tenders": [body["tenders"][0] | paid], "total": Decimal("0.01")}
    half = type(simple_sale(1)).model_validate(body)
    nuts = merged([half, half])
    assert [line.quantity for line in nuts.lines] == [Decimal("0.5"), Decimal("0.5")]


def test_sales_and_returns_currencies_and_tenders_are_kept_apart() -> None:
    euro = {"type": "cash", "currency": "EUR", "amount": "11.00",
            "amount_in_sale_currency": "12.10"}  # fmt: skip
    assert group_of(simple_sale(1)) == group_of(simple_sale(2))
    others = {
        group_of(simple_return(3)),
        group_of(simple_sale(4, "gbrt")),
        group_of(simple_sale(5, tenders=[euro])),
    }
    assert len(others | {group_of(simple_sale(1))}) == 4
