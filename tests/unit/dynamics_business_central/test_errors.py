"""Business Central's documented errors, and what each asks of the caller."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from shared.dynamics.business_central.errors import RULES
from shared.dynamics.odata.errors import (
    AlreadyExists,
    DynamicsError,
    MissingParent,
    Refused,
    SetUpWrong,
    TryLater,
)
from shared.dynamics.odata.messages import Response
from shared.dynamics.odata.responses import error_of
from tests.unit.dynamics_business_central.real import recording

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def judge(status: int, code: str, message: str) -> DynamicsError:
    body = json.dumps({"error": {"code": code, "message": message}}).encode()
    return error_of(Response(status, {}, body), NOW, RULES)


@pytest.mark.parametrize(
    ("status", "code", "message", "kind"),
    [
        (400, "Internal_EntityWithSameKeyExists", "The Item already exists.", AlreadyExists),
        (
            400,
            "Application_DialogException",
            "The customer cannot be found.",
            MissingParent,
        ),
        (400, "Application_DialogException", "Item does not exist.", MissingParent),
        (400, "Application_DialogException", "There is nothing to post.", AlreadyExists),
        (400, "Application_DialogException", "You cannot delete Item 1000.", Refused),
        (400, "Application_FieldValidationException", "Blocked must be equal to 'No'", Refused),
        (400, "BadRequest_InvalidOperation", "Control 'Number' is read-only.", SetUpWrong),
        (400, "Internal_InvalidTableRelation", "a value that cannot be found in", MissingParent),
        (401, "Authentication_InvalidCredentials", "rejected", SetUpWrong),
        (404, "BadRequest_ResourceNotFound", "Resource not found for the segment", SetUpWrong),
        (404, "Internal_CompanyNotFound", "the default company cannot be found", Refused),
        (409, "Request_EntityChanged", "Another user has already changed", TryLater),
        (429, "Application_TooManyRequests", "Too many requests", TryLater),
        (500, "Internal_ServerError", "Cannot establish a connection", TryLater),
        (503, "", "", TryLater),
    ],
)
def test_an_error_is_judged_by_code_and_text(
    status: int, code: str, message: str, kind: type[DynamicsError]
) -> None:
    assert type(judge(status, code, message)) is kind


def test_the_correlation_id_is_kept_and_not_part_of_the_message() -> None:
    identifier = "dac3ab2f-5fea-4ad2-a663-ef832f270a7b"
    error = judge(400, "Unknown", f"It went wrong.  CorrelationId:  {identifier}.")
    assert error.request_id == identifier
    assert error.message == "It went wrong."
    assert identifier in error.describe()


def test_every_documented_error_has_a_verdict_that_no_status_is_needed_for() -> None:
    kinds = {
        row["code"]: type(judge(400, row["code"], row["message"]))
        for row in json.loads(recording("error_codes_odata_v4.json"))
    }
    assert kinds["Internal_EntityWithSameKeyExists"] is AlreadyExists
    assert kinds["Request_EntityChanged"] is TryLater
    assert kinds["Internal_RecordNotFound"] is MissingParent
    assert kinds["Internal_TenantUnavailable"] is TryLater
    assert kinds["Application_StringExceededLength"] is Refused
