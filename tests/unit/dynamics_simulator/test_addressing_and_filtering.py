"""Resource paths and query options: what is written is read back, and any text is understood or
refused, never a crash."""

from __future__ import annotations

from contextlib import suppress
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.dynamics.finance_operations.entity_sets import (
    ENTITY_SETS,
    RETAIL_TRANSACTIONS,
    SALES_LINES,
)
from infra.local.dynamics.odata.entities import DATE, DATE_TIME, DECIMAL, INT32, EdmType
from infra.local.dynamics.odata.keys import (
    MalformedResource,
    WrongKey,
    format_key,
    parse_resource,
    read_key,
)
from infra.local.dynamics.odata.query import BadQuery, parse_query
from infra.local.dynamics.odata.store import DuplicateKey, EntityStore

_texts = st.text(st.characters(codec="utf-8"), max_size=12)
_numbers = st.integers(1, 999) | st.decimals("0.1", "99", places=2).map(float)


@given(texts=st.tuples(_texts, _texts, _texts, _texts), number=_numbers)
def test_formatted_key_reads_back_as_the_same_key(
    texts: tuple[str, str, str, str], number: float
) -> None:
    key = (*texts, number)

    resource = parse_resource(unquote(format_key(SALES_LINES, key)))

    assert resource.set_name == "RetailTransactionSalesLinesV2"
    assert resource.predicate is not None
    assert read_key(SALES_LINES, resource.predicate) == key


_pieces = st.sampled_from(
    [
        "RetailTransactions",
        "(",
        ")",
        "'",
        "''",
        ",",
        "=",
        "dataAreaId",
        "'usrt'",
        "1",
        " ",
        "\n",
        "é",
    ]
)


@given(path=st.lists(_pieces, max_size=14).map("".join) | st.text(max_size=30))
def test_any_path_is_read_or_refused(path: str) -> None:
    try:
        resource = parse_resource(path)
        read_key(RETAIL_TRANSACTIONS, resource.predicate or ())
    except (MalformedResource, WrongKey):
        pass


_words = st.sampled_from(
    [
        *("NetAmount", "Staff", "TransactionType", "businessDate", "NoSuch", "$it/x", "any(x:x)"),
        *("eq", "ne", "lt", "ge", "in", "and", "or", "not", "add", "(", ")", "%", "'"),
        *("'text'", "'*t*'", "''", "1", "-2.5", "null", "true", "2026-03-02", "duration'P1D'"),
        *("2026-03-02T00:00:00Z", "Microsoft.Dynamics.DataEntities.NoYes'Yes'"),
        *("contains(Staff,'a')", "startswith(", ",", "tolower(Staff)"),
    ]
)


@pytest.fixture(scope="module")
def store() -> EntityStore:
    return EntityStore(":memory:", list(ENTITY_SETS.values()))


def _runs_or_is_refused(store: EntityStore, condition: str) -> None:
    try:
        query = parse_query(RETAIL_TRANSACTIONS, {"$filter": condition}, None)
    except BadQuery:
        return

    assert store.count(RETAIL_TRANSACTIONS, query.where, query.values) == 0


@given(condition=st.lists(_words, max_size=12).map(" ".join) | st.text(max_size=30))
def test_any_filter_runs_or_is_refused(store: EntityStore, condition: str) -> None:
    _runs_or_is_refused(store, condition)


@pytest.mark.parametrize(
    "condition",
    [
        "not " * 990 + "NetAmount eq 1",
        "not (" * 25 + "NetAmount eq 1" + ")" * 25,
        "not (" * 300 + "NetAmount eq 1" + ")" * 300,
        "(" * 1900 + "NetAmount eq 1" + ")" * 1900,
        " or ".join(["NetAmount eq 1"] * 220),
    ],
)
def test_deep_filter_runs_or_is_refused(store: EntityStore, condition: str) -> None:
    _runs_or_is_refused(store, condition)


@pytest.mark.parametrize(
    ("kind", "value", "read"),
    [
        (DECIMAL, -0.005, -0.005),
        (DECIMAL, 7, 7),
        (INT32, 2**31 - 1, 2**31 - 1),
        (DATE_TIME, "2026-03-02T23:30:00-02:00", "2026-03-03T01:30:00Z"),
        (DATE, "2026-03-02T23:30:00-02:00", "2026-03-03T12:00:00Z"),
    ],
)
def test_value_is_read_in_its_canonical_form(kind: EdmType, value: object, read: object) -> None:
    assert kind.read(value) == read


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (DECIMAL, "1"),
        (DECIMAL, False),
        (DECIMAL, 1e16),
        (INT32, 2**31),
        (INT32, 1.0),
        (DATE_TIME, "0001-01-01T00:00:00+14:00"),
        (DATE_TIME, "2026-02-30T00:00:00Z"),
        (DATE_TIME, 20260302),
    ],
)
def test_value_of_another_type_is_refused(kind: EdmType, value: object) -> None:
    with pytest.raises(ValueError):
        kind.read(value)


def test_rolled_back_transaction_leaves_nothing(store: EntityStore) -> None:
    key = ("usrt", "1", "T", "1")
    with suppress(RuntimeError), store.transaction():
        store.insert(RETAIL_TRANSACTIONS, key, {"Terminal": "T"})
        raise RuntimeError

    assert not store.has(RETAIL_TRANSACTIONS, key)


def test_keys_differ_by_their_parts_and_not_by_case_or_number_form() -> None:
    store = EntityStore(":memory:", [SALES_LINES])
    store.insert(SALES_LINES, ("usrt", "a", "bc", "1", 1), {})
    store.insert(SALES_LINES, ("usrt", "ab", "c", "1", 1), {})
    store.insert(SALES_LINES, ("usrt", 'a","b', "c", "1", 1), {})

    with pytest.raises(DuplicateKey):
        store.insert(SALES_LINES, ("USRT", "A", "BC", "1", 1.0), {})


def test_deleting_below_a_key_spares_its_neighbours() -> None:
    store = EntityStore(":memory:", [SALES_LINES])
    for number in ("1", "12", "2"):
        store.insert(SALES_LINES, ("usrt", "a", "b", number, 1), {})

    store.delete_below(SALES_LINES, ("usrt", "a", "b", "1"))

    assert not store.has(SALES_LINES, ("usrt", "a", "b", "1", 1))
    assert store.count(SALES_LINES, "1", ()) == 2
