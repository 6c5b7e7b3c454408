"""Claims-based security (`$cbs`): tokens are taken, not checked — this is a development bus."""

from __future__ import annotations

from infra.local.servicebus.amqp import Int, Message
from infra.local.servicebus.server.requests import Response


def put_token(request: Message) -> Response:
    """Accept any token for any audience, as the real service does for an entity that is missing:
    that is refused when a link attaches."""
    operation = (request.application_properties or {}).get("operation")
    if operation != "put-token":
        return _response(400, f"The operation {operation!r} is not served; put-token is.")
    return _response(202, "Accepted")


def _response(code: int, description: str) -> Response:
    return Response({"status-code": Int(code), "status-description": description})
