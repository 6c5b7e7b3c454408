"""Points: what a sale earns, how it is shared out, and that returns take back no more."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.customers.earning import Earning, earning, returned_of, shared_out
from tests.unit.customers.sales import back, line, returned, sale

AMOUNTS = st.decimals("0", "500", places=2)
QUANTITIES = st.decimals("0.001", "20", places=3)


def earned(*lines: Any, rate: str = "1", **changes: Any) -> Earning:
    made = earning(sale(1, lines, **changes), "sale", Decimal(rate))
    assert made is not None
    return made


def test_points_are_whole_and_rounded_down_on_the_sum() -> None:
    assert earned(line(1, "0.60"), line(2, "0.60")).points == 1
    assert earned(line(1, "9.99"), rate="0.1").points == 0


def test_lines_share_what_the_sum_has_earned() -> None:
    made = earned(line(1, "0.60"), line(2, "0.60"), line(3, "0.80"))
    assert [made.lines[number].points for number in (1, 2, 3)] == [0, 1, 1]


def test_a_gift_card_earns_when_it_pays_and_not_when_it_is_bought() -> None:
    assert earned(line(1, "10"), line(2, "50", gift_card="G-1")).points == 10
    only = sale(1, [line(1, "50", gift_card="G-1")])
    assert earning(only, "sale", Decimal(1)) is None


def test_without_a_card_or_a_rate_nobody_earns() -> None:
    assert earning(sale(1, [line(1, "10")], loyalty_card=None), "sale", Decimal(1)) is None
    assert earning(sale(1, [line(1, "10")]), "sale", Decimal(0)) is None


def test_an_exchange_without_receipt_earns_on_the_difference() -> None:
    made = earned(line(1, "100"), exchanged_lines=[line(2, "40")])
    assert made.points == 60


def test_an_exchange_that_names_its_sale_earns_on_what_was_taken() -> None:
    made = earned(line(1, "100"), exchanged_lines=[back(9, 1, "40", at=2)])
    assert made.points == 100, "the sale named gives its own points back"


def test_a_return_names_what_came_back_of_each_sale() -> None:
    fact = returned(2, [back(1, 1, "3"), back(1, 2, "4", "2"), line(3, "5")])
    [(of, parts)] = returned_of(fact).items()
    assert (of.sequence, parts) == (1, [(1, Decimal(1)), (2, Decimal(2))])


def test_more_than_was_sold_takes_back_no_more_than_was_earned() -> None:
    made = earned(line(1, "10", "2")).take_back("one", [(1, Decimal(2))])
    again = made.take_back("two", [(1, Decimal(2))])
    assert (made.taken_by("one"), again.taken_by("two"), again.remaining) == (10, 0, 0)


def test_the_same_return_takes_back_once() -> None:
    made = earned(line(1, "10", "2")).take_back("one", [(1, Decimal(1))])
    assert made.take_back("one", [(1, Decimal(1))]) == made


def test_a_line_that_was_not_sold_takes_back_nothing() -> None:
    made = earned(line(1, "10")).take_back("one", [(7, Decimal(1))])
    assert made.remaining == 10


def test_after_a_reversal_there_is_nothing_to_take_back() -> None:
    made = earned(line(1, "10", "2")).take_back("one", [(1, Decimal(1))]).reverse("order")
    assert made.left == 5
    assert made.take_back("two", [(1, Decimal(1))]).taken_by("two") == 0
    assert made.reverse("another") == made


def test_what_was_given_back_can_be_taken_again() -> None:
    made = earned(line(1, "10", "3")).take_back("one", [(1, Decimal(1))])
    made = made.take_back("two", [(1, Decimal(1))]).give_back("one", "order")
    made = made.take_back("three", [(1, Decimal(2))])
    assert made.remaining == 0


@given(st.integers(0, 10**6), st.lists(AMOUNTS, min_size=1, max_size=20))
def test_shares_add_up_and_none_is_negative(points: int, amounts: Sequence[Decimal]) -> None:
    shares = shared_out(points, amounts)
    assert all(share >= 0 for share in shares)
    assert sum(shares) == (points if sum(amounts) else 0)


@given(
    st.lists(st.tuples(AMOUNTS, QUANTITIES), min_size=1, max_size=5),
    st.decimals("0", "20", places=3),
    st.data(),
)
def test_returning_everything_takes_back_exactly_what_was_earned(
    sold: list[tuple[Decimal, Decimal]], rate: Decimal, data: st.DataObject
) -> None:
    """Line by line, in parts, in any order, with returns reversed and made again in between."""
    if not rate:
        return
    made = earned(
        *(line(n, str(amount), str(q)) for n, (amount, q) in enumerate(sold, start=1)),
        rate=str(rate),
    )
    parts = []
    for number, (_, quantity) in enumerate(sold, start=1):
        cut = data.draw(st.decimals("0", str(quantity), places=3))
        parts += [(number, part) for part in (cut, quantity - cut) if part]
    whole = made.points
    assert whole == sum(each.points for each in made.lines.values())
    for place, part in enumerate(data.draw(st.permutations(parts))):
        made = made.take_back(f"r{place}", [part])
        assert 0 <= made.remaining <= whole
        if data.draw(st.booleans()):
            made = made.give_back(f"r{place}", f"o{place}").take_back(f"again{place}", [part])
    assert made.remaining == 0
