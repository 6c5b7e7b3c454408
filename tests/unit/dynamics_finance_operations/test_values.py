"""Keys, variants and packages: pure values."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.dynamics.finance_operations.bulk import (
    Route,
    errors_by_row,
    execution_id,
    package_file,
    route,
)
from shared.dynamics.finance_operations.keys import short_key
from shared.dynamics.finance_operations.variants import dimensions_of, variant_of


@given(st.text(max_size=90), st.text(max_size=90), st.sampled_from([20, 44, 60]))
def test_two_keys_never_become_one(one: str, two: str, length: int) -> None:
    assert len(short_key(one, length)) <= length
    if one.casefold() != two.casefold():
        assert short_key(one, length) != short_key(two, length)


def test_a_key_dynamics_would_take_for_a_pattern_is_hashed() -> None:
    assert "*" not in short_key("till*7", 60)


@pytest.mark.parametrize("variant", ["", "/M/Blue", "C1", "C1/M/Blue/S/V2"])
def test_a_variant_survives_the_way_to_dimensions_and_back(variant: str) -> None:
    assert variant_of(dimensions_of(variant, "Source"), "Source") == variant


@pytest.mark.parametrize(
    ("backlog", "chosen"), [(0, Route.ODATA), (99, Route.ODATA), (100, Route.PACKAGE)]
)
def test_the_backlog_chooses_the_route(backlog: int, chosen: Route) -> None:
    assert route(backlog, 100) is chosen


def test_the_same_rows_are_the_same_import() -> None:
    rows = [{"dataAreaId": "dert", "CustomerAccount": "1"}]
    one, two = (package_file("G", "Customers V3", rows) for _ in range(2))
    other = package_file("G", "Customers V3", [{**rows[0], "CustomerAccount": "2"}])
    assert execution_id("dert", "G", one) == execution_id("dert", "G", two)
    assert execution_id("dert", "G", one) != execution_id("dert", "G", other)


def test_errors_find_their_rows_and_the_others_are_kept() -> None:
    text = json.dumps(
        [
            {"RecordId": "2", "ErrorMessage": "a"},
            {"RecordId": "2", "ErrorMessage": "b"},
            {"RecordId": "9", "ErrorMessage": "c"},
        ]
    )
    assert errors_by_row(text, 3) == ({1: "a; b"}, ["c"])
    assert errors_by_row("not json", 3) == ({}, ["not json"])
