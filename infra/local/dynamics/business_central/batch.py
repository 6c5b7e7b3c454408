"""`$batch` in JSON: requests read, carried out in order, answers written.

Source: OData JSON Format 4.01, section 19; Microsoft, "Using OData transactional $batch requests".
Without `Prefer: odata.continue-on-error` the first failure ends it, and its answer is the last.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from infra.local.dynamics.product import ConnectionDropped

from . import errors
from .messages import JSON_TYPE, Answer, Operation
from .transactions import Transactions

MAX_REQUESTS = 100
"""Requests in one batch (dynamics.md, section 0)."""


def answer_batch(
    body: Mapping[str, object],
    headers: Mapping[str, str],
    transactions: Transactions,
    root: str,
    drop_before: int | None = None,
) -> dict[str, object]:
    """Return the JSON of the answer. Raises BusinessCentralError where it cannot be read; drops
    the connection after `drop_before` of its requests."""
    requests = body.get("requests")
    if not isinstance(requests, list) or not all(isinstance(each, dict) for each in requests):
        raise errors.malformed("Invalid Request Body")
    if len(requests) > MAX_REQUESTS:
        raise errors.malformed(f"The batch holds more than {MAX_REQUESTS} requests.")
    operations = [_operation(each, root) for each in requests]
    snapshot = headers.get("isolation", "").lower() == "snapshot"
    if drop_before is not None:
        for operation in () if snapshot else operations[:drop_before]:
            transactions.answer(operation, root)
        raise ConnectionDropped
    if snapshot:
        answers = transactions.together(operations, root)
    else:
        answers = []
        goes_on = "continue-on-error" in headers.get("prefer", "")
        for operation in operations:
            answers.append(transactions.answer(operation, root))
            if answers[-1].status >= 400 and not goes_on:
                break
    pairs = zip(requests, answers, strict=False)
    return {"responses": [_response(each.get("id"), answer) for each, answer in pairs]}


def _operation(request: Mapping[str, Any], root: str) -> Operation:
    method, url = request.get("method"), request.get("url")
    given = request.get("headers") or {}
    body = request.get("body")
    if not isinstance(method, str) or not isinstance(url, str) or not isinstance(given, dict):
        raise errors.malformed("Invalid Request Body")
    if body is not None and not isinstance(body, dict):
        raise errors.malformed("Invalid Request Body")
    parts = urlsplit(url.removeprefix(root))
    path = unquote(parts.path).lstrip("/")
    base = "/" + root.split("/", 3)[3]
    path = path.removeprefix(base.lstrip("/"))
    headers = {str(name).lower(): str(value) for name, value in given.items()}
    return Operation(method.upper(), path, dict(parse_qsl(parts.query)), headers, body)


def _response(identifier: object, answer: Answer) -> dict[str, object]:
    if answer.body is None:
        return {"id": identifier, "status": answer.status, "headers": {}}
    headers = {"content-type": JSON_TYPE, "odata-version": "4.0"}
    headers |= {name.lower(): value for name, value in answer.headers.items()}
    return {"id": identifier, "status": answer.status, "headers": headers, "body": answer.body}
