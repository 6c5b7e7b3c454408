"""`$batch` in JSON: many requests in one, each for itself or all or none.

Source: Microsoft, "Using OData transactional $batch requests"; OData JSON Format 4.01, section 19.
With `Isolation: snapshot` the requests are one transaction, unless AL commits in between: a posting
does, so creating and posting are never one. Without it each stands for itself, and
`odata.continue-on-error` lets those after a failure be carried out too.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from decimal import Decimal

from shared.dynamics.business_central.api import Api
from shared.dynamics.odata.errors import DynamicsError
from shared.dynamics.odata.messages import Operation, Response
from shared.dynamics.odata.requests import exact_number
from shared.dynamics.service import Uncertain

MAX_REQUESTS = 100

_log = logging.getLogger("tillbus.dynamics")


async def together(api: Api, operations: Sequence[Operation]) -> None:
    """Carry out all or none. Raises DynamicsError when none was, Uncertain when nobody knows;
    ValueError for more than MAX_REQUESTS."""
    if len(operations) > MAX_REQUESTS:
        raise ValueError(f"{len(operations)} requests do not fit into one batch")
    headers = (("Isolation", "snapshot"),)
    for response in await _send(api, operations, headers):
        if response is None:
            raise Uncertain("an incomplete answer to a batch")
        if not response.is_success:
            raise api.service.error(response)


async def each(api: Api, operations: Sequence[Operation]) -> list[Response | None]:
    """Return one answer per request, None where it is uncertain; at most MAX_REQUESTS go together.

    Raises DynamicsError when the first batch was not carried out; a later one is then uncertain."""
    answers: list[Response | None] = []
    headers = (("Prefer", "odata.continue-on-error"),)
    for start in range(0, len(operations), MAX_REQUESTS):
        some = operations[start : start + MAX_REQUESTS]
        try:
            answers += await _send(api, some, headers)
        except Uncertain:
            answers += [None] * len(some)
        except DynamicsError:
            if not answers:
                raise
            answers += [None] * len(some)
    return answers


async def _send(
    api: Api, operations: Sequence[Operation], headers: tuple[tuple[str, str], ...]
) -> list[Response | None]:
    """Raises DynamicsError when it was not carried out, Uncertain when no answer is certain."""
    request = Operation("POST", f"{api.name}/$batch", batch_body(operations, api.name), headers)
    outer = await api.service.write(request)
    return batch_answers(outer.body, len(operations))


def batch_body(operations: Sequence[Operation], api_name: str) -> bytes:
    """Return the body; the urls in it are below the API's own root. No I/O."""
    requests = [
        {
            "method": operation.method,
            "id": str(number),
            "url": operation.path.removeprefix(f"{api_name}/"),
            "headers": {"Content-Type": "application/json", **dict(operation.headers)},
            **({"body": json.loads(operation.body)} if operation.body else {}),
        }
        for number, operation in enumerate(operations)
    ]
    return json.dumps({"requests": requests}, separators=(",", ":")).encode()


def batch_answers(body: bytes, count: int) -> list[Response | None]:
    """Return one answer per request in order, None where there is none. No I/O.

    By id; where Business Central gives none back, by position."""
    answers: list[Response | None] = [None] * count
    try:
        responses = json.loads(body, parse_float=Decimal)["responses"]
        for position, response in enumerate(responses):
            identifier = response.get("id")
            index = position if identifier is None else int(identifier)
            if not 0 <= index < count:
                raise ValueError(f"an answer to request {index} of {count}")
            content = response.get("body")
            headers = {name.lower(): str(text) for name, text in response["headers"].items()}
            text = b"" if content is None else json.dumps(content, default=_number).encode()
            answers[index] = Response(int(response["status"]), headers, text)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        # Cut off or not ours: what was read until here stands, the rest is uncertain.
        _log.warning("The answer to a batch of %d requests is not whole: %r", count, error)
    return answers


def _number(value: object) -> object:
    if isinstance(value, Decimal):
        return exact_number(value)
    raise TypeError
