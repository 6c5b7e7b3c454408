"""A fact without its personal fields is still the same fact, and says nothing of anybody."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from shared.events import (
    ERASED,
    FACTS,
    PERSONAL,
    CustomerRegistered,
    DeliveryAddress,
    OrderPlaced,
    SaleCompleted,
    decode,
    encode,
    json_schemas,
    new_event,
    personal_fields,
    without_personal_fields,
)

from .examples import a_sale, an_event, json_of, sampled, samples

SAID_OF_PEOPLE = (
    "Amal",
    "Palm",
    "amal",
    "+971",
    "KD-1001",
    "LC-778",
    "C-12",
    "100765432100003",
    "Friendly",
    "too slow",
)
"""What the archived events say of people, beside the keys that name a customer's own record."""


def money_and_keys(value: Any, path: str = "") -> dict[str, Any]:
    """Return every amount, quantity, number and key of a fact by where it stands."""
    if isinstance(value, BaseModel):
        value = dict(value)
    if isinstance(value, dict):
        parts = list(value.items())
    elif isinstance(value, tuple):
        parts = list(enumerate(value))
    else:
        return {} if isinstance(value, str) or value is None else {path: value}
    found: dict[str, Any] = {}
    for name, part in parts:
        found |= money_and_keys(part, f"{path}.{name}")
    return found


@pytest.mark.parametrize("sample", samples(), ids=lambda path: path.stem)
def test_erased_fact_keeps_its_id_and_amounts_and_travels_like_any_other(sample: Path) -> None:
    event = decode(sample.read_bytes())

    erased = without_personal_fields(event.data)

    again = decode(encode(new_event(erased, source=event.source, time=event.time)))
    assert again.data == erased
    assert again.id == event.id
    assert erased.place == event.data.place
    assert erased.signed_amount == event.data.signed_amount
    kept = {
        path: value
        for path, value in money_and_keys(event.data).items()
        if not path.startswith(".event.")  # of a reversal: the whole fact of a person
    }
    assert money_and_keys(erased) == kept


@pytest.mark.parametrize("sample", samples(), ids=lambda path: path.stem)
def test_erased_fact_says_nothing_of_a_person(sample: Path) -> None:
    fact = decode(sample.read_bytes()).data

    said = json.dumps(json_of(an_event(without_personal_fields(fact)))["data"])

    # The number a customer's own record goes by is its key, and names nobody by itself.
    own_number = ("KD-1001",) if "customer-" in fact.TOPIC or "contact" in sample.stem else ()
    assert [text for text in SAID_OF_PEOPLE if text in said and text not in own_number] == []


def test_required_text_is_replaced_and_optional_one_absent() -> None:
    registered = without_personal_fields(sampled(CustomerRegistered))
    order = without_personal_fields(sampled(OrderPlaced))
    sale = without_personal_fields(sampled(SaleCompleted))

    assert (registered.name, registered.email, registered.customer) == (ERASED, None, "KD-1001")
    assert order.customer == ERASED
    assert order.delivery == DeliveryAddress(country="AE")
    assert sale.tax_invoice is not None
    assert sale.tax_invoice.buyer_name is None
    assert sale.tax_invoice.seller_name == "Tillbus Trading LLC"
    assert sale.exchanged_lines[0].original == sampled(SaleCompleted).exchanged_lines[0].original


def test_fact_without_anything_personal_stays_as_it_is() -> None:
    sale = a_sale()

    assert without_personal_fields(sale) == sale


@pytest.mark.parametrize("type_", FACTS)
def test_schema_marks_the_personal_fields_and_no_others(type_: str) -> None:
    model = FACTS[type_]
    schema = json_schemas()[f"{type_.removeprefix('com.tillbus.')}.json"]

    marked = {name for name, field in schema["properties"].items() if field.get("x-personal")}

    assert marked == personal_fields(model)
    assert marked == {
        name
        for name, field in model.model_fields.items()
        if any(each is PERSONAL for each in field.metadata)
    }


def test_schema_marks_personal_fields_of_parts_too() -> None:
    schemas = json_schemas()
    invoice = schemas["sale-completed.v1.json"]["$defs"]["TaxInvoice"]["properties"]
    address = schemas["order-placed.v1.json"]["$defs"]["DeliveryAddress"]["properties"]

    assert {name for name, field in invoice.items() if field.get("x-personal")} == {
        "buyer_name",
        "buyer_address",
        "buyer_tax_number",
    }
    assert {name for name, field in address.items() if field.get("x-personal")} == {
        "name",
        "street",
        "city",
        "postal_code",
    }
