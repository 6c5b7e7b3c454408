"""What Dynamics says, judged: one row per status and text."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.dynamics import (
    AlreadyExists,
    DynamicsError,
    MissingParent,
    Refused,
    SetUpWrong,
    TryLater,
)
from shared.dynamics.odata.messages import Response
from shared.dynamics.odata.responses import changeset_error, entity_of, error_of
from tests.shared_data import shared_data

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def _error(status: int, text: str = "", **headers: str) -> DynamicsError:
    body = json.dumps(
        {
            "error": {
                "code": "",
                "message": "An error has occurred.",
                "innererror": {"message": text},
            }
        }
    )
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return error_of(Response(status, names, body.encode()), NOW)


WRITE_FAILED = "Write failed for table row of type 'RetailTransactionEntity'. Infolog: "


@pytest.mark.parametrize(
    ("status", "text", "kind"),
    [
        (429, "Number of requests exceeded the limit of 6000", TryLater),
        (503, "", TryLater),
        (504, "", TryLater),
        (408, "", TryLater),
        (500, "", TryLater),
        (401, "", SetUpWrong),
        (403, "Access denied", SetUpWrong),
        (413, "", SetUpWrong),
        (400, "The property 'X' does not exist on type 'RetailTransaction'.", SetUpWrong),
        (404, "Resource not found for the segment 'RetailTransactions'.", SetUpWrong),
        (400, WRITE_FAILED + "Error: The record already exists..", AlreadyExists),
        (500, WRITE_FAILED + "Info: Cannot create.\nThe record already exists..", AlreadyExists),
        (409, "A record already exists", AlreadyExists),
        (400, "An update conflict occurred due to another user process deleting", TryLater),
        (500, "Deadlock, where one or more users have simultaneously locked", TryLater),
        (412, "ETag is stale", TryLater),
        (400, WRITE_FAILED + "Error: The value '9' in field 'Store number' is not found in the "
              "related table 'Stores'.", MissingParent),
        (400, WRITE_FAILED + "Error: Company 'zzzz' does not exist.", Refused),
        (500, WRITE_FAILED + "Warning: The value 'zzzz' in field 'dataAreaId' is not found in the "
              "related table 'Companies'.", Refused),
        (400, WRITE_FAILED + "Warning: Inventory dimension Site is mandatory.", Refused),
        (500, WRITE_FAILED + "Warning: Inventory dimension Site is mandatory.", Refused),
        (400, "Whatever", Refused),
        (422, "", Refused),
    ],
)  # fmt: skip
def test_status_and_text_say_what_helps(status: int, text: str, kind: type[DynamicsError]) -> None:
    assert type(_error(status, text)) is kind


def test_the_message_is_what_follows_infolog_and_the_original_is_kept() -> None:
    error = _error(400, WRITE_FAILED + "Warning: Site is mandatory.; Error: Update canceled..")
    assert error.message == "Warning: Site is mandatory.; Error: Update canceled."
    assert error.evidence.original.startswith("Write failed for table row")


def test_the_request_id_survives_for_support() -> None:
    error = _error(400, "Whatever", x_ms_request_id="abc-123")
    assert error.request_id == "abc-123"
    assert "request abc-123" in error.describe()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("17", timedelta(seconds=17)),
        ("Sun, 01 Mar 2026 12:00:30 GMT", timedelta(seconds=30)),
        ("Sun, 01 Mar 2026 11:00:00 GMT", timedelta(0)),
        ("soon", None),
        ("-3", None),
    ],
)
def test_retry_after_is_read_in_both_forms(value: str, expected: timedelta | None) -> None:
    error = _error(429, retry_after=value)
    assert isinstance(error, TryLater)
    assert error.retry_after == expected


def test_a_deadlock_may_be_repeated_at_once_whatever_retry_after_says() -> None:
    error = _error(500, "deadlock", retry_after="60")
    assert isinstance(error, TryLater)
    assert error.at_once


def test_a_real_duplicate_is_recognised_below_its_stack_trace() -> None:
    sample = shared_data("payloads/fo/batch_response_200_with_inner_500_duplicate_key.http.txt")
    body = b"{" + sample.read_bytes().split(b"\n{", 1)[1].split(b"\n--", 1)[0]
    error = error_of(Response(500, {}, body), NOW)
    assert isinstance(error, AlreadyExists)
    assert error.message.startswith("Info: Cannot create a record in Customer groups")


def test_a_real_unknown_property_is_found_in_the_innermost_exception() -> None:
    body = shared_data("payloads/fo/error_500_unknown_property.json").read_bytes()
    error = error_of(Response(500, {}, body), NOW)
    assert isinstance(error, SetUpWrong)
    assert "FFYReservationum" in error.message


@given(st.integers(300, 599), st.binary(max_size=200))
def test_every_answer_whatever_its_bytes_gets_exactly_one_judgement(
    status: int, body: bytes
) -> None:
    assert isinstance(error_of(Response(status, {}, body), NOW), DynamicsError)


def test_an_entity_comes_with_exact_numbers() -> None:
    entity = entity_of(Response(200, {}, b'{"GrossAmount":-12.10,"Count":3}'), NOW)
    assert entity == {"GrossAmount": Decimal("-12.10"), "Count": 3}


def test_an_absent_entity_is_none() -> None:
    assert entity_of(Response(404, {}, b""), NOW) is None


def test_a_changeset_succeeded_only_with_an_answer_for_each_operation() -> None:
    created = Response(201)
    assert changeset_error((created, created), 2, NOW) is True
    assert changeset_error((created,), 2, NOW) is False
    assert isinstance(changeset_error((Response(400),), 2, NOW), Refused)
