"""Money conserved: what balances is accepted, and no amount can change unnoticed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.till.pricing import exactly, take_back
from shared.events import (
    Fact,
    Reason,
    SaleCompleted,
    SaleReturned,
    decode,
    encode,
    smallest_amount,
)
from shared.events.balance import first_contradiction
from tests.unit.till.chance import exchanges, sales

from .examples import KEY, NOW, a_sale, an_event, json_of, refusal


def returns(sale: SaleCompleted) -> SaleReturned:
    numbers = [line.number for line in sale.lines][::2]
    return take_back(KEY, NOW, sale, numbers, exactly("cash", sale.currency))


FACTS = sales() | sales().map(returns) | exchanges()


@given(FACTS)
def test_transaction_that_adds_up_travels_unchanged(fact: Fact) -> None:
    event = an_event(fact)

    assert decode(encode(event)) == event


def _amounts(data: dict[str, Any], finer: bool) -> Iterator[tuple[tuple[Any, ...], str]]:
    """Yield the path of every amount whose change must be noticed, and what must be named."""
    yield ("total",), "total"
    yield ("rounding",), "rounding"
    for index in range(len(data["basket_discounts"])):
        yield ("basket_discounts", index, "amount"), "basket discount"
    for index, tender in enumerate(data["tenders"]):
        yield ("tenders", index, "amount_in_sale_currency"), "tender"
        if tender["currency"] == data["currency"]:
            yield ("tenders", index, "amount"), "tender"
    for lines in ("lines", "exchanged_lines"):
        for index, line in enumerate(data[lines]):
            where = f"line {line['number']}"
            yield (lines, index, "net_amount"), where
            yield (lines, index, "basket_discount"), where
            for part in ("taxes", "discounts"):
                # Where prices come without tax, a line's tax is first missed in the total.
                alone = part == "taxes" and not data["prices_include_tax"] and not finer
                for number in range(len(line[part])):
                    yield (lines, index, part, number, "amount"), "total" if alone else where


@given(FACTS, st.integers(0, 10_000), st.sampled_from([1, -1]), st.booleans())
def test_any_amount_changed_by_one_unit_or_less_is_refused_by_name(
    fact: SaleCompleted | SaleReturned, choice: int, sign: int, finer: bool
) -> None:
    body = json_of(an_event(fact))
    amounts = list(_amounts(body["data"], finer))
    path, named = amounts[choice % len(amounts)]
    parent = body["data"]
    for key in path[:-1]:
        parent = parent[key]
    changed = Decimal(parent[path[-1]]) + sign * smallest_amount(fact.currency).scaleb(-finer)
    parent[path[-1]] = str(changed if changed >= 0 or path == ("rounding",) else -changed)

    error = refusal(body)

    assert error.reason is Reason.AMOUNTS_DO_NOT_ADD_UP
    assert named in error.detail


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"rounding": "1.00", "total": "25.00"}, "rounding of 1.00 is not less than one GBP"),
        ({"total": "24.001"}, "total of 24.001 has a fraction below the minor unit of GBP"),
        ({"tenders": []}, "tenders less change are 0, total is 24.00"),
        (
            {"basket_discounts": [{"code": "X", "amount": "1.00"}]},
            "basket discounts are 1.00, the lines' shares of them 0",
        ),
        (
            {
                "tenders": [
                    {
                        "type": "cash",
                        "currency": "EUR",
                        "amount": "28.005",
                        "amount_in_sale_currency": "24.00",
                    }
                ]
            },
            "tender 1 of 28.005 has a fraction below the minor unit of EUR",
        ),
        ({"lines": json_of()["data"]["lines"] * 2}, "two lines have the same line number"),
    ],
)
def test_contradiction_is_named_in_a_sentence(changes: dict[str, Any], sentence: str) -> None:
    body = json_of()
    body["data"].update(changes)

    error = refusal(body)

    assert (error.reason, error.detail) == (Reason.AMOUNTS_DO_NOT_ADD_UP, sentence)


def test_largest_amounts_the_contract_allows_are_added_exactly() -> None:
    large = "999999999999999.999999"
    body = json_of()
    body["data"]["lines"][0].update(quantity=large, unit_price=large)

    assert refusal(body).reason is Reason.AMOUNTS_DO_NOT_ADD_UP
    assert first_contradiction(a_sale()) is None


def test_amounts_are_compared_by_value_not_by_spelling() -> None:
    body = json_of()
    body["data"]["total"] = "24.0"
    body["data"]["rounding"] = "-0.000000"

    assert decode(json.dumps(body).encode()).data == a_sale()
