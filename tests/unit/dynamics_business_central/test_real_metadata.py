"""Every payload of ours, field by field, against the `$metadata` of a running environment."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from infra.local.dynamics.business_central.entities import STANDARD
from shared.dynamics.business_central import (
    customer_payments,
    customers,
    ledger_journals,
    mapping,
    requests,
    stock,
    tables,
    webhooks,
)
from shared.dynamics.fields import EntityFields
from shared.dynamics.ports.documents import (
    DocumentKind,
    Journal,
    JournalLine,
    Payment,
    SalesDocument,
    SalesLine,
)
from shared.dynamics.ports.master_data import Customer
from shared.dynamics.ports.stock import Movement, StockChange, StockTransfer
from tests.unit.dynamics_business_central.real import (
    EntityType,
    Property,
    entity_types,
)

DAY = date(2026, 3, 1)
LONG = "k" * 300
PLACES = mapping.Places({("10003", "RED"): str(uuid.uuid4())}, {"MAIN": str(uuid.uuid4())})
LINE = SalesLine(
    1,
    "10003",
    Decimal("1.5"),
    Decimal("19.99"),
    Decimal("0.50"),
    variant="RED",
    unit="PCS",
    tax_group="STANDARD",
    location="MAIN",
    description=LONG,
)


def document(kind: DocumentKind) -> SalesDocument:
    return SalesDocument(
        kind, "dert", LONG, "C1", DAY, "EUR", (LINE,), applies_to="k0", reference=LONG
    )


def journal() -> Journal:
    lines = (JournalLine(1, "2910", Decimal(5), "6110", LONG, (("STORE", "S1"),)),)
    return Journal("dert", LONG, "GENERAL", DAY, "EUR", lines, LONG)


def payloads() -> Iterator[tuple[str, Mapping[str, object]]]:
    """Yield set and body of every kind of write to API v2.0, with every optional field."""
    guid = str(uuid.uuid4())
    for kind, shape in mapping.SHAPES.items():
        applied = guid if kind is DocumentKind.CREDIT_MEMO else ""
        yield shape.entity_set, mapping.document_body(document(kind), PLACES, applied)
    paid = Payment("dert", LONG, "C1", DAY, Decimal("56.35"), "EUR", "CARD", "k0")
    yield "customerPayments", customer_payments.body(paid, guid)
    yield "journals", ledger_journals.body(journal())
    person = Customer(
        "dert", "C1", "Ada", "", "EUR", "", "a@example.org", "1", "Street 1", "Town", "12345", "DE"
    )
    yield "customers", customers.body(person)
    yield "items", {"inventory": Decimal(7)}
    yield "subscriptions", {"notificationUrl": "u", "resource": "r", "clientState": "s" * 2048}


CASES = [pytest.param(name, body, id=name) for name, body in payloads()]


@pytest.mark.parametrize(("name", "body"), CASES)
def test_a_payload_fits_the_real_metadata(name: str, body: Mapping[str, object]) -> None:
    # As it goes over the wire: what JSON makes of it is what Business Central reads.
    _check(name, json.loads(requests.create(name, body).body))


def _check(name: str, body: Mapping[str, Any]) -> None:
    real = entity_types()[name]
    for field, value in body.items():
        if field in real.navigations:
            for below in value:
                _check(field, below)
            continue
        assert field in real.properties, f"{name} has no {field}"
        assert not STANDARD[name].fields[field].read_only, f"{name}.{field} is read-only"
        _check_value(f"{name}.{field}", real.properties[field], value)


def _check_value(where: str, real: Property, value: Any) -> None:
    match real.kind:
        case "Edm.String":
            assert isinstance(value, str), where
            assert real.length is None or len(value) <= real.length, where
        case "Edm.Guid":
            uuid.UUID(value)
        case "Edm.Decimal":
            assert isinstance(value, int | float), where
        case "Edm.Int32":
            assert isinstance(value, int), where
        case "Edm.Boolean":
            assert isinstance(value, bool), where
        case "Edm.Date":
            assert date.fromisoformat(value).isoformat() == value, where
        case _:
            assert value in real.symbols, where


@pytest.mark.parametrize("table", tables.FIELDS, ids=lambda each: each.entity_set)
def test_the_table_of_fields_names_what_is_there(table: EntityFields) -> None:
    real: EntityType = entity_types()[table.entity_set]
    assert table.names <= set(real.properties)
    assert set(table.actions) <= real.actions
    follows = real.navigations | {"pdfDocument"} & set(entity_types())
    assert set(table.follows) <= follows
    for field, symbols in table.symbols.items():
        assert set(symbols) <= set(real.properties[field].symbols)
    for field, length in table.lengths.items():
        most = real.properties[field].length
        assert most is None or length <= most


def test_the_table_covers_every_payload() -> None:
    known = {each.entity_set: each for each in tables.FIELDS}

    def covered(name: str, body: Mapping[str, Any]) -> None:
        for field, value in body.items():
            if isinstance(value, list):
                assert field in known[name].follows
                for below in value:
                    covered(field, below)
            else:
                assert field in known[name].written, f"{name}.{field}"

    for name, body in payloads():
        covered(name, body)


def test_a_movement_of_stock_has_the_fields_of_the_contract() -> None:
    [movements] = [each for each in tables.CUSTOM_FIELDS if each.entity_set == stock.MOVEMENTS]
    at = datetime(2026, 3, 1, tzinfo=UTC)
    changed = StockChange("e", "dert", "1", Decimal(1), Movement.SOLD, "", "S1", at)
    moved = StockTransfer("e", "dert", "1", Decimal(1), "", "S1", "", "S2", at)
    bodies = (stock.change_body(changed), stock.transfer_body(moved))
    assert {name for body in bodies for name in body} == set(movements.written)


def test_what_is_read_of_a_subscription_is_there() -> None:
    assert set(webhooks.READ) <= set(entity_types()["subscriptions"].properties)
