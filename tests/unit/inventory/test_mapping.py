"""Facts as changes of stock: what leaves, what comes, where, and under which name."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.inventory.keeper import Changes
from services.inventory.mapping import document, moves_itself, reversed_changes
from services.inventory.positions import movement_row, rows_of
from shared.companies import Company
from shared.dynamics.ports.stock import Movement, StockChange, StockTransfer
from tests.unit.inventory.facts import COMPANIES, NOW, adjusted, counted, goods, returned, sale

USD = COMPANIES["usrt"]


def changes(fact: Any, company: Company = USD) -> Any:
    return document(fact, company).lines


def summary(fact: Any, company: Company = USD) -> list[tuple[str, str, str]]:
    return [(each.item, str(each.quantity), each.movement.value) for each in changes(fact, company)]


def test_a_sale_takes_out_what_was_sold_and_puts_back_what_was_exchanged() -> None:
    fact = sale(1, goods(1, 3, "A"), goods(2, 2, "B"), exchanged_lines=[goods(3, 1, "C")])
    assert summary(fact) == [("A", "-3", "sold"), ("B", "-2", "sold"), ("C", "1", "returned")]


def test_a_return_puts_back_what_came_and_takes_out_what_was_taken_instead() -> None:
    fact = returned(1, goods(1, 3, "A"), exchanged_lines=[goods(2, 1, "B")])
    assert summary(fact) == [("A", "3", "returned"), ("B", "-1", "sold")]


@pytest.mark.parametrize(
    ("kind", "quantity", "expected"),
    [
        ("received", "4", "4"),
        ("damaged", "4", "-4"),
        ("shrunk", "4", "-4"),
        ("adjusted", "4", "4"),
        ("adjusted", "-4", "-4"),
    ],
)
def test_an_adjustment_changes_stock_as_its_kind_says(
    kind: str, quantity: str, expected: str
) -> None:
    assert summary(adjusted("D1", quantity, kind=kind)) == [("20223", expected, kind)]


def test_a_transfer_goes_from_store_to_store() -> None:
    [line] = changes(adjusted("D1", 4, kind="transferred", to_store="W2"))
    assert isinstance(line, StockTransfer)
    assert (line.from_location, line.to_location, line.quantity) == ("W1", "W2", Decimal(4))
    out, into = rows_of(line)
    assert [out.change.quantity, into.change.quantity] == [-4, 4]
    assert (out.twin, into.twin) == (into.key, out.key)


def test_gift_cards_and_services_are_no_goods() -> None:
    company = USD.model_copy(update={"unstocked_items": frozenset({"WRAP"})})
    fact = sale(1, goods(1, 1, "CARD", gift_card="GC-1"), goods(2, 1, "WRAP"), goods(3, 1, "A"))
    assert summary(fact, company) == [("A", "-1", "sold")]


def test_names_do_not_depend_on_the_revision_and_differ_by_line_and_fact() -> None:
    first, corrected = adjusted("D1", 4), adjusted("D1", 5, revision=1)
    assert changes(first)[0].event_id == changes(corrected)[0].event_id
    two = changes(sale(1, goods(1), goods(2)))
    other = [*changes(adjusted("D2", 4)), *changes(counted("D1", 4)), *two]
    assert len({each.event_id for each in other} | {changes(first)[0].event_id}) == 5


def test_the_place_is_the_stores_warehouse_or_that_of_the_place_within_the_store() -> None:
    company = Company.model_validate(
        {
            "legal_entity": "de01",
            "currencies": ["EUR"],
            "site": "S9",
            "stores": {"W1": {"warehouse": "101"}, "W1/CELLAR": {"warehouse": "101C"}},
        }
    )
    places = [
        (line.company, line.site, line.location)
        for location in (None, "CELLAR", "YARD")
        for line in changes(counted("D1", 1, location=location), company)
    ]
    assert places == [("de01", "S9", "101"), ("de01", "S9", "101C"), ("de01", "S9", "YARD")]


@pytest.mark.parametrize(
    ("company", "itself"),
    [
        ({"stock": "inventory-visibility", "ledger": "finance-operations"}, False),
        ({"stock": "finance-operations", "ledger": "finance-operations"}, True),
        ({"stock": "finance-operations", "ledger": "commerce"}, True),
        ({"stock": "business-central", "ledger": "business-central"}, True),
        (
            {"stock": "business-central", "ledger": "business-central", "grain": "aggregate"},
            True,
        ),
        (
            {"stock": "business-central", "ledger": "business-central", "grain": "statement"},
            False,
        ),
        ({"stock": "business-central", "ledger": "finance-operations"}, False),
        ({"stock": "inventory-visibility", "sales_move_stock": True}, True),
    ],
)
def test_an_invoice_in_the_book_of_stock_moves_it_itself(
    company: dict[str, Any], itself: bool
) -> None:
    assert moves_itself(Company.model_validate({"currencies": ["EUR"]} | company)) is itself


@given(st.lists(st.integers(1, 9), min_size=1, max_size=5), st.booleans())
def test_what_is_taken_back_leaves_every_position_as_it_was(
    quantities: list[int], moved: bool
) -> None:
    lines = [goods(number, quantity) for number, quantity in enumerate(quantities, start=1)]
    fact: Any = sale(1, *lines)
    if moved:
        fact = adjusted("D1", 3, kind="transferred", to_store="W2")
    booked = document(fact, USD)
    assert isinstance(booked, Changes)
    back = reversed_changes(booked, fact.event_id)
    sums: dict[tuple[str, str], Decimal] = {}
    rows = [row for line in (*booked.lines, *back.lines) for row in rows_of(line)]
    for row in rows:
        at = (row.change.location, row.change.item)
        sums[at] = sums.get(at, Decimal(0)) + row.change.quantity
        assert row.change.at == rows[0].change.at
    assert set(sums.values()) == {Decimal(0)}
    assert len({row.key for row in rows}) == len(rows)


def test_a_change_is_what_its_row_says_after_it_was_kept() -> None:
    [line] = changes(sale(1, goods(1, "2.5", "Ä/ %", variant="rot/groß")))
    assert isinstance(line, StockChange)
    [row] = rows_of(line)
    assert movement_row(row.record(NOW)) == row
    assert line.movement is Movement.SOLD
