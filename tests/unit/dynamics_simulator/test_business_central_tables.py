"""The simulated Business Central's tables against recorded documents."""

from __future__ import annotations

import json
import re
from datetime import datetime, timezone
from typing import Any

import pytest

from infra.local.dynamics.business_central import errors, types
from infra.local.dynamics.business_central.entities import STANDARD, Entity
from infra.local.dynamics.business_central.types import Field
from tests.unit.dynamics_business_central.real import entity_types, recording

_KINDS = {
    "guid": "Edm.Guid",
    "text": "Edm.String",
    "code": "Edm.String",
    "decimal": "Edm.Decimal",
    "bool": "Edm.Boolean",
    "date": "Edm.Date",
    "moment": "Edm.DateTimeOffset",
    "stream": "Edm.Stream",
}


@pytest.mark.parametrize("entity", STANDARD.values(), ids=lambda each: each.name)
def test_every_field_is_one_of_the_recorded_metadata(entity: Entity) -> None:
    real = entity_types()[entity.name].properties
    assert set(entity.fields) <= set(real)
    for name, field in entity.fields.items():
        recorded = real[name]
        if field.symbols:
            assert tuple(map(types.escape, field.symbols)) == recorded.symbols
        elif field.kind == "int":
            assert recorded.kind in ("Edm.Int32", "Edm.Int64")
        else:
            assert recorded.kind == _KINDS[field.kind], name
        if recorded.length is not None:
            # Our lengths are no longer than the real ones: what passes here passes there.
            assert field.length is not None
            assert field.length <= recorded.length


@pytest.mark.parametrize("entity", STANDARD.values(), ids=lambda each: each.name)
def test_every_action_and_navigation_is_recorded(entity: Entity) -> None:
    from infra.local.dynamics.business_central.operations import rules_of

    real = entity_types()[entity.name]
    assert set(rules_of(entity.name).actions) <= real.actions
    assert set(entity.children) <= real.navigations


def test_recorded_rows_are_read_as_they_are() -> None:
    """What a running environment answers has only values that our types know."""
    recorded = json.loads(recording("samples/salesOrders.json"))["value"]
    for order in recorded:
        _fits(STANDARD["salesOrders"], order)
        for line in order["salesOrderLines"]:
            _fits(STANDARD["salesOrderLines"], line)
    _fits(STANDARD["customers"], json.loads(recording("samples/customer.json")))


def _fits(entity: Entity, row: dict[str, Any]) -> None:
    for name, field in entity.fields.items():
        if name in row:
            read = types.read_value(field, row[name])
            assert read == row[name] or field.kind in ("moment", "code")


def test_the_etag_has_the_form_of_the_recorded_ones() -> None:
    from infra.local.dynamics.business_central.books import etag
    from infra.local.dynamics.odata.store import StoredRow

    recorded = json.loads(recording("samples/customer.json"))["@odata.etag"]
    ours = etag(StoredRow("{}", 1, 5637144576))
    form = r'W/"[A-Za-z0-9+/]+=*"'
    assert re.fullmatch(form, recorded)
    assert re.fullmatch(form, ours)
    assert abs(len(recorded) - len(ours)) <= 4


def test_the_codes_of_errors_are_documented_ones() -> None:
    documented = {row["code"] for row in json.loads(recording("error_codes_odata_v4.json"))}
    number = Field("number", "code", 20)
    made = (
        errors.dialog("x"),
        errors.malformed("x"),
        errors.wrong_query("x"),
        errors.unknown_segment("x"),
        errors.no_row("x", "y"),
        errors.no_company(),
        errors.read_only(number),
        errors.too_long(number, "x" * 21),
        errors.filter_too_long(number, "x" * 21, "Item"),
        errors.same_key("Item", "x"),
        errors.not_related("x", "y", "z", "w"),
        errors.changed_meanwhile(),
        errors.token_missing(),
        errors.not_allowed("POST", "x"),
        errors.no_such_action(),
        errors.unauthorized(),
    )
    assert {each.code for each in made} <= documented


def test_symbols_escape_what_identifiers_may_not_hold() -> None:
    assert types.escape("In Review") == "In_x0020_Review"
    assert types.escape("G/L Account") == "G_x002F_L_x0020_Account"
    assert types.unescape("Positive_x0020_Adjmt_x002E_") == "Positive Adjmt."


def test_moments_are_kept_in_one_form() -> None:
    moment = datetime(2026, 3, 1, 12, 30, 15, 123456, tzinfo=timezone.utc)
    assert types.format_moment(moment) == "2026-03-01T12:30:15.123Z"
