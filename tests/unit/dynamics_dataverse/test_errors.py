"""What Dataverse's errors mean to a service."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shared.dynamics import (
    AlreadyExists,
    DynamicsError,
    MissingParent,
    Refused,
    SetUpWrong,
    TryLater,
)
from shared.dynamics.dataverse.errors import RULES
from shared.dynamics.odata.messages import Response
from shared.dynamics.odata.responses import error_of

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SAMPLES = Path(__file__).parents[4] / "shared/data/payloads/dataverse"


def judged(status: int, code: str, message: str = "", **headers: str) -> DynamicsError:
    body = json.dumps({"error": {"code": code, "message": message}}).encode()
    return error_of(Response(status, headers, body), NOW, RULES)


@pytest.mark.parametrize(
    ("status", "code", "message", "kind"),
    [
        (412, "0x80040237", "A record with matching key values already exists.", AlreadyExists),
        (412, "0x80060892", "Select unique values and try again.", AlreadyExists),
        (412, "0x80040333", "A record was not created: a duplicate already exists.", Refused),
        (500, "0x80040333", "A record was not created: a duplicate already exists.", Refused),
        (404, "0x80060891", "A record with the specified key values does not exist", MissingParent),
        (404, "0x80040217", "contact With Id = x Does Not Exist", MissingParent),
        (400, "0x80040265", "The plug-in said no.", Refused),
        (400, "0x80044331", "The length exceeded the maximum.", Refused),
        (400, "0x80048d19", "Invalid property 'x_key' was found in entity", SetUpWrong),
        (404, "0x80060888", "Resource not found for the segment 'x'.", SetUpWrong),
        (403, "0x80040220", "Principal user is missing prvCreateContact.", SetUpWrong),
        (401, "", "", SetUpWrong),
        (429, "-2147015902", "Number of requests exceeded the limit of 6000.", TryLater),
        (503, "", "", TryLater),
        (500, "0x80040216", "An unexpected error occurred.", TryLater),
    ],
)
def test_codes_decide(status: int, code: str, message: str, kind: type[DynamicsError]) -> None:
    error = judged(status, code, message)
    assert type(error) is kind
    assert error.code == code


def test_a_stale_row_version_and_a_deadlock_may_be_repeated_at_once() -> None:
    for error in (judged(412, "0x80060882"), judged(500, "0x80044150", "was deadlocked on")):
        assert isinstance(error, TryLater)
        assert error.at_once


@pytest.mark.skipif(not SAMPLES.exists(), reason="needs the captured answers")
def test_documented_answers_without_codes_are_understood() -> None:
    kinds = {
        "error_404_upsert_not_found": MissingParent,
        "error_412_duplicate_key": AlreadyExists,
        "error_412_rowversion_mismatch": TryLater,
    }
    for name, kind in kinds.items():
        head, _, body = (SAMPLES / f"{name}.http.txt").read_text().partition("{")
        status = int(head.split(" ")[1])
        error = error_of(Response(status, {}, f"{{{body}".encode()), NOW, RULES)
        assert type(error) is kind, name


def test_throttling_says_how_long() -> None:
    error = judged(429, "0x80072322", "Number of requests", **{"retry-after": "35"})
    assert isinstance(error, TryLater)
    assert error.retry_after == timedelta(seconds=35)
