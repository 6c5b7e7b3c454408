"""Judge a response: the entity it carries, or the one error of our tree. No I/O.

Dynamics says why in text more than in status codes (older Finance & Operations versions answer 500
where newer ones answer 400), so the table below reads both. The texts are those of an integration
user whose language is en-us: any other language hides them from us.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any

from shared.dynamics.odata.batch import Answer
from shared.dynamics.odata.errors import (
    AlreadyExists,
    DynamicsError,
    Evidence,
    MissingParent,
    Refused,
    SetUpWrong,
    TryLater,
)
from shared.dynamics.odata.messages import Response

Make = Callable[[Evidence, timedelta | None], DynamicsError]

ANY_STATUS: Collection[int] = range(100, 600)
SERVER_ERROR: Collection[int] = range(500, 600)
_AT_ONCE = timedelta(0)


def later(evidence: Evidence, retry_after: timedelta | None) -> DynamicsError:
    return TryLater(evidence, retry_after)


def at_once(evidence: Evidence, _: timedelta | None) -> DynamicsError:
    return TryLater(evidence, _AT_ONCE)


def plainly(kind: type[DynamicsError]) -> Make:
    return lambda evidence, _: kind(evidence)


@dataclass(frozen=True, slots=True)
class Rule:
    """The first rule whose statuses and text both match decides; `text` is a regular expression
    searched in the error's code and texts, in lower case."""

    statuses: Collection[int]
    text: str
    make: Make
    hint: str = ""


RULES: tuple[Rule, ...] = (
    Rule({429}, "", later, "Dynamics is throttling; see 'Throttling priority mapping' in it."),
    Rule(
        {401},
        "",
        plainly(SetUpWrong),
        "Check tenant, client id, secret or certificate, and the form 'Microsoft Entra ID "
        "applications', which maps the client id to a Dynamics user.",
    ),
    Rule({403}, "", plainly(SetUpWrong), "Give the mapped user a role that allows this."),
    Rule(ANY_STATUS, r"already exists", plainly(AlreadyExists)),
    Rule(ANY_STATUS, r"update conflict|deadlock", at_once),
    Rule({409, 412}, "", at_once),
    Rule(
        ANY_STATUS,
        r"the property '.*' does not exist on type|resource not found for the segment|"
        r"no http resource was found",
        plainly(SetUpWrong),
        "This environment's data entities differ from what we write; compare its version.",
    ),
    Rule(
        ANY_STATUS,
        r"\b(company|legal entity|data ?area(id)?)\b[^.;]*"
        r"\b(does not exist|is not valid|not found)",
        plainly(Refused),
        "Correct the legal entity in the setting COMPANIES or create it in Dynamics.",
    ),
    Rule(
        ANY_STATUS,
        r"not found in the related table|does not exist|(cannot|could not) be found",
        plainly(MissingParent),
    ),
    Rule({413}, "", plainly(SetUpWrong), "Lower DYNAMICS_BATCH_OPERATIONS."),
    Rule({408, 502, 503, 504}, "", later),
    Rule(SERVER_ERROR, r"infolog|write failed|mandatory", plainly(Refused)),
    Rule(SERVER_ERROR, "", later),
    Rule({404}, "", plainly(MissingParent)),
    Rule(ANY_STATUS, "", plainly(Refused)),
)


def error_of(response: Response, now: datetime, rules: Sequence[Rule] = RULES) -> DynamicsError:
    """Return what a response that is no success means; `now` (aware UTC) dates a Retry-After.

    The last of the product's `rules` matches everything."""
    original, code = _texts(response)
    message = _after_infolog(original) or f"Dynamics answered {response.status} without a text."
    lowered = f"{code} {original} {message}".lower()
    for rule in rules:
        if response.status in rule.statuses and re.search(rule.text, lowered, re.DOTALL):
            request_id = next(
                (response.headers[n] for n in _ID_HEADERS if n in response.headers),
                found[1] if (found := _CORRELATION.search(original)) else "",
            )
            evidence = Evidence(
                message, original, response.status, code, request_id, hint=rule.hint
            )
            return rule.make(evidence, retry_after(response.headers, now))
    raise AssertionError("the last rule matches everything")


def entity_of(
    response: Response, now: datetime, rules: Sequence[Rule] = RULES
) -> dict[str, Any] | None:
    """Return the entity of a GET by key, None for 404; raises the error for anything else.

    Numbers come as int or `Decimal`, never as float.
    """
    if response.status == 404:
        return None
    if not response.is_success:
        raise error_of(response, now, rules)
    return json_object(response)


def json_object(response: Response) -> dict[str, Any]:
    """Return the JSON object a success carries; numbers as in entity_of. Raises TryLater."""
    found = _json(response.body)
    if not isinstance(found, dict):
        raise TryLater(Evidence("Dynamics' answer is not a JSON object.", status=response.status))
    return found


def changeset_error(answer: Answer, operations: int, now: datetime) -> DynamicsError | bool:
    """Return True for a changeset that succeeded, its error, or False when it is not certain.

    Certain success is one 2xx response for each of its operations.
    """
    failed = next((response for response in answer if not response.is_success), None)
    if failed is not None:
        return error_of(failed, now)
    return len(answer) == operations


def retry_after(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """Return how long Retry-After asks to wait: seconds or an HTTP date (RFC 9110, 10.2.3).

    None when the header is absent or unreadable; never negative.
    """
    value = headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,9}(\.\d+)?", value):
        return timedelta(seconds=float(value))
    try:
        return max(parsedate_to_datetime(value) - now, timedelta(0))
    except (TypeError, ValueError):
        return None


_ID_HEADERS = ("x-ms-correlation-id", "x-ms-request-id", "request-id", "ms-dyn-aid")
_CORRELATION = re.compile(r"\s*CorrelationId:\s*([0-9A-Fa-f-]{36})\.?")
"""At the end of Business Central's texts."""
_MAX_TEXT = 2000


def _texts(response: Response) -> tuple[str, str]:
    """Return the most telling text of an error body, and its code.

    The outer message is mostly "An error has occurred."; the reason sits in an inner error.
    """
    parsed = _json(response.body)
    error = _error_in(parsed) if isinstance(parsed, dict) else None
    if isinstance(error, str):
        return error[:_MAX_TEXT], ""
    if not isinstance(error, dict):
        return response.body.decode("utf-8", "replace").strip()[:_MAX_TEXT], ""
    code = str(error.get("code") or "")
    message = str(error.get("message") or "")
    inner = error.get("innererror")
    while isinstance(inner, dict):
        message = str(inner.get("message") or message)
        inner = inner.get("internalexception")
    return message[:_MAX_TEXT], code


def _error_in(body: Mapping[str, Any]) -> object:
    """Return the error of an OData body, of an ASP.NET one, of Inventory Visibility's or of
    Commerce's, which carries the exception as a JSON text."""
    exception = body.get("Exception")
    thrown = _json(exception.encode()) if isinstance(exception, str) else None
    if isinstance(thrown, dict):
        message = thrown.get("LocalizedMessage") or thrown.get("Message")
        return {"code": thrown.get("ErrorResourceId"), "message": message}
    return next((body[name] for name in ("error", "Message", "message") if name in body), None)


def _after_infolog(text: str) -> str:
    _, found, reason = text.partition("Infolog:")
    reason = _CORRELATION.sub("", reason if found else text)
    return re.sub(r"\s+", " ", reason).replace("..", ".").strip(" ;")


def _json(body: bytes) -> Any:
    try:
        return json.loads(body, parse_float=Decimal)
    except ValueError:
        return None
