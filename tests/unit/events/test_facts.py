"""Fields of the facts: what is refused, and that nothing refused is ever echoed."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pydantic import ValidationError

from shared.events import (
    FACTS,
    REASONS,
    DocumentRejected,
    Reason,
    decode,
    json_schemas,
    minor_units,
    new_event,
    round_money,
)
from shared.events.schemas import __file__ as schemas_module
from shared.events.schemas import schema_texts
from shared.events.schemas.__main__ import main as write_schemas

from .examples import KEY, NOW, SAMPLES, a_sale, json_of, refusal, samples, type_of

CARD = "4111 1111 1111 1111"


def test_every_reason_has_words_for_an_operator() -> None:
    assert set(REASONS) == set(Reason)
    assert all(help_.meaning and help_.whose_job and help_.what_to_do for help_ in REASONS.values())


def test_every_fact_has_a_sample_and_a_topic_named_after_it() -> None:
    for type_, model in FACTS.items():
        assert type_ == f"com.tillbus.{model.TOPIC}.v1"
        assert (SAMPLES / f"{model.TOPIC}.v1.json").exists()


def test_stored_schemas_are_those_of_the_models(tmp_path: Any) -> None:
    """When this fails: python -m shared.events.schemas shared/events/schemas."""
    stored = {
        path.name: path.read_text(encoding="utf-8")
        for path in Path(schemas_module).parent.glob("*.json")
    }

    assert write_schemas([str(tmp_path)]) == 0
    assert {path.name: path.read_text("utf-8") for path in tmp_path.iterdir()} == stored
    assert stored == schema_texts()


def test_writing_schemas_without_a_folder_says_how(capsys: pytest.CaptureFixture[str]) -> None:
    assert write_schemas([]) == 2
    assert capsys.readouterr().err == "usage: python -m shared.events.schemas DIR\n"


@pytest.mark.parametrize("sample", samples(), ids=lambda path: path.stem)
def test_schema_accepts_every_archived_event(sample: Path) -> None:
    schema = json_schemas()[type_of(sample).removeprefix("com.tillbus.") + ".json"]

    jsonschema.validate(json.loads(sample.read_text("utf-8"))["data"], schema)


@pytest.mark.parametrize("name", sorted(json_schemas()))
def test_schema_is_one_and_describes_every_field(name: str) -> None:
    schema = json_schemas()[name]
    jsonschema.Draft202012Validator.check_schema(schema)

    models = [schema, *schema.get("$defs", {}).values()]
    fields = [
        (model["title"], field, words)
        for model in models
        for field, words in model.get("properties", {}).items()
    ]
    assert [field for *field, words in fields if not words.get("description")] == []


def test_schema_refuses_money_as_a_json_number_with_a_point() -> None:
    data = json_of()["data"]
    schema = json_schemas()["sale-completed.v1.json"]
    jsonschema.validate({**data, "total": 24}, schema)

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**data, "total": 24.5}, schema)


@pytest.mark.parametrize("number", [24.0, True, "24,00", "2.4e1", " 24.00", "NaN", "", "0x18", []])
def test_amount_that_is_not_exact_text_is_refused(number: Any) -> None:
    body = json_of()
    body["data"]["total"] = number

    error = refusal(body)

    assert error.reason is Reason.INVALID_DATA
    assert error.detail.startswith("total: ")
    with pytest.raises(ValidationError):
        a_sale(total=number)


def test_whole_number_is_an_amount() -> None:
    body = json_of()
    body["data"]["total"] = 24

    assert decode(json.dumps(body).encode()).data == a_sale()
    assert a_sale(total=24) == a_sale(total=Decimal("2.4E+1")) == a_sale()


BROKEN_FIELDS: dict[str, tuple[tuple[Any, ...], Any, Reason]] = {
    "company in capitals": (("key", "company"), "GBRT", Reason.INVALID_DATA),
    "store with a slash": (("key", "store"), "A/B", Reason.INVALID_DATA),
    "sequence zero": (("key", "sequence"), 0, Reason.INVALID_DATA),
    "sequence as text": (("key", "sequence"), "7", Reason.INVALID_DATA),
    "day as a number": (("key", "business_day"), 20260302, Reason.INVALID_DATA),
    "moment without offset": (("occurred_at",), "2026-03-02T17:05:06", Reason.INVALID_DATA),
    "moment as a number": (("occurred_at",), 1772471106, Reason.INVALID_DATA),
    "unknown currency": (("currency",), "GBX", Reason.UNKNOWN_CURRENCY),
    "currency in small letters": (("currency",), "gbp", Reason.UNKNOWN_CURRENCY),
    "unknown tender currency": (("tenders", 0, "currency"), "XYZ", Reason.UNKNOWN_CURRENCY),
    "unknown tender": (("tenders", 0, "type"), "barter", Reason.INVALID_DATA),
    "no lines": (("lines",), [], Reason.INVALID_DATA),
    "quantity zero": (("lines", 0, "quantity"), "0", Reason.INVALID_DATA),
    "negative quantity": (("lines", 0, "quantity"), "-1", Reason.INVALID_DATA),
    "negative price": (("lines", 0, "unit_price"), "-12.00", Reason.INVALID_DATA),
    "control character": (("lines", 0, "description"), "a\x00b", Reason.INVALID_DATA),
    "flag as text": (("prices_include_tax",), "yes", Reason.INVALID_DATA),
    "card number in text": (("receipt",), f"paid by {CARD}", Reason.CARD_NUMBER),
    "card number as article": (("lines", 0, "item"), "4111111111111111", Reason.CARD_NUMBER),
    "card number in an unknown field": (("card_no",), CARD, Reason.CARD_NUMBER),
    "card number as a number": (("tenders", 0, "pan"), 4111111111111111, Reason.CARD_NUMBER),
}


@pytest.mark.parametrize("case", BROKEN_FIELDS)
def test_broken_field_is_refused_with_its_reason_and_never_echoed(case: str) -> None:
    path, value, reason = BROKEN_FIELDS[case]
    body = json_of()
    parent: Any = body["data"]
    for key in path[:-1]:
        parent = parent[key]
    parent[path[-1]] = value

    error = refusal(body)

    assert error.reason is reason
    assert "4111" not in f"{error} {error.__cause__}"


def test_card_number_in_the_envelope_is_refused() -> None:
    assert refusal({**json_of(), "operator": CARD}).reason is Reason.CARD_NUMBER


def test_invalid_fact_cannot_be_made_for_publishing() -> None:
    with pytest.raises(ValidationError) as caught:
        new_event(a_sale(customer=CARD), source="/x", time=NOW)

    assert "4111" not in str(caught.value)


def test_explanations_quoting_a_card_number_are_masked_and_cut_instead_of_refused() -> None:
    rejected = DocumentRejected(
        message_id="m" * 300,
        key=KEY,
        subscription="sales",
        reason=Reason.REFUSED_BY_DYNAMICS,
        detail=f"card {CARD} expired\x00" + "." * 2000,
        rejected_at=NOW,
    )

    assert rejected.detail.startswith("card **** expired..")
    assert len(rejected.detail) == 1024
    assert len(rejected.message_id) == 256


def test_minor_units_are_those_of_iso_4217() -> None:
    assert [minor_units(code) for code in ("JPY", "GBP", "AED", "KWD", "CLF")] == [0, 2, 2, 3, 4]
    assert round_money(Decimal("0.0005"), "KWD") == Decimal("0.001")
    assert round_money(Decimal("-2.5"), "JPY") == Decimal("-3")
    with pytest.raises(ValueError, match="XXX"):
        minor_units("XXX")
