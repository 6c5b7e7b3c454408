"""Claims-based security: the tokens a connection puts on `$cbs`, and what its links need of them.

Source: OASIS "AMQP Claims-based Security"; answers as the SDKs read them.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from infra.local.servicebus.amqp import Int, Message
from infra.local.servicebus.amqp.link import IncomingLink
from infra.local.servicebus.amqp.performatives import Error
from infra.local.servicebus.server.addresses import CBS, MANAGEMENT, node_of
from infra.local.servicebus.server.requests import Response
from infra.local.servicebus.server.security import LISTEN, RIGHTS, SEND, Claims, Unauthorized

if TYPE_CHECKING:
    from infra.local.servicebus.broker.timers import Timer
    from infra.local.servicebus.server.client import Client


class ConnectionClaims(Claims):
    """Of one connection, whose links it ends when nothing allows them any longer."""

    def __init__(self, client: Client) -> None:
        super().__init__(client.core.authorization)
        self._client = client
        self._timers: dict[str, Timer] = {}  # by path

    def authorize(self, link: Any) -> None:
        """Raises Unauthorized for a link its peer has no claim for; before it is known whether
        the entity exists, as in the service."""
        terminus = link.target if isinstance(link, IncomingLink) else link.source
        address = getattr(terminus, "address", None)
        if not isinstance(address, str):
            return  # a coordinator, or what attaching refuses
        path, special = node_of(address)
        if special == MANAGEMENT:
            self.require(path, *RIGHTS)  # which one, the operations say
        elif special != CBS:
            self.require(path, SEND if isinstance(link, IncomingLink) else LISTEN)

    def put_token(self, request: Message, _transaction: object = None) -> Response:
        """Answer a request to `$cbs`. A missing entity is no reason to refuse a token: that is
        found when a link attaches."""
        properties = request.application_properties or {}
        operation, audience = properties.get("operation"), properties.get("name")
        if operation != "put-token":
            return _response(400, f"The operation {operation!r} is not served; put-token is.")
        token = request.value
        if isinstance(token, bytes):
            token = token.decode(errors="replace")
        if not self.enforced:
            return _response(202, "Accepted")
        if not isinstance(audience, str) or not isinstance(token, str):
            return _response(400, "put-token needs 'name', the audience, and a token as its body.")
        try:
            claim = self.take(audience, token)
        except Unauthorized as refusal:
            self._client.note(logging.WARNING, "token for '%s' refused: %s", audience, refusal.text)
            return _response(401, refusal.text)
        if claim.expires_at is not None:
            self._watch(claim.path, claim.expires_at)
        return _response(202, "Accepted")

    def close(self) -> None:
        """Nobody is there any more."""
        for timer in self._timers.values():
            self._client.core.cancel(timer)
        self._timers.clear()

    def _watch(self, path: str, expires_at: int) -> None:
        core = self._client.core
        if path in self._timers:
            core.cancel(self._timers[path])
        self._timers[path] = core.later(expires_at - core.now(), self._expired)

    def _expired(self) -> None:
        """End the links that lived on a token that was not renewed; their SDKs come back with a
        new one after this condition (Azure/azure-sdk-for-python issue 23487)."""
        for link in self._client.connection.links():
            if link.owner is None or link.gone:
                continue
            try:
                self.authorize(link)
            except Unauthorized as refusal:
                text = f"The link '{link.name}' is force detached. Code: RenewToken. "
                error = Error("amqp:link:detach-forced", f"{text}Details: {refusal.text}")
                self._client.expel(link, error)


def _response(code: int, description: str) -> Response:
    return Response({"status-code": Int(code), "status-description": description})
