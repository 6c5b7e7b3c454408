"""Between HTTP and operations: bodies up to a limit, requests and answers as values."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from .messages import Answer, Operation

METHODS = ["GET", "POST", "PATCH", "DELETE", "PUT"]
ODATA = {"OData-Version": "4.0"}


async def body_pieces(
    request: Request,
    most: int,
    *,
    too_large: Callable[[], Exception],
    cut_off: Callable[[], Exception],
) -> AsyncIterator[bytes]:
    """The body as it arrives. Raises what `too_large` makes beyond so many bytes, and `cut_off`."""
    size = 0
    try:
        async for piece in request.stream():
            size += len(piece)
            if size > most:
                raise too_large()
            yield piece
    except ClientDisconnect as error:
        raise cut_off() from error


async def whole(pieces: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in pieces])


def operation_of(request: Request, body: bytes) -> Operation:
    """The operation of a request to a route with the parameter `resource`."""
    return Operation(
        request.method,
        request.path_params["resource"],
        dict(request.query_params),
        dict(request.headers),
        body,
    )


def response_of(answer: Answer) -> Response:
    response = Response(answer.body, answer.status, ODATA)
    for name, value in answer.headers:
        response.headers[name] = value
    return response


def continues_on_error(prefer: str) -> bool:
    """Whether `odata.continue-on-error` is asked, alone or `=true` (OData Protocol 8.2.8.3)."""
    wanted = {"odata.continue-on-error", "continue-on-error"}
    for preference in prefer.lower().split(","):
        name, _, value = preference.strip().partition("=")
        if name in wanted:
            return value.strip() != "false"
    return False
