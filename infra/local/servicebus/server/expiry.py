"""Ending what nobody uses, as the service does: off unless it is asked for (`expire_idle`).

Source: MicrosoftDocs/azure-docs, "AMQP errors in Azure Service Bus" (links, connections), and the
AMQP protocol guide, "Claims-based authorization" (tokens).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.local.servicebus.amqp.events import Detached, Event
from infra.local.servicebus.amqp.link import Link
from infra.local.servicebus.amqp.performatives import Error

if TYPE_CHECKING:
    from infra.local.servicebus.server.client import Client

LINK_MS = 600_000
CONNECTION_MS = 300_000
NEW_CONNECTION_MS = 60_000
TOKEN_MS = 20_000
_LOOK_MS = 10_000
"""How often it is looked; of the bus's clock, like all of these."""


class Expiry:
    """Of one connection, from when it was accepted until `close`."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._core = client.core
        self._begun = self._without_links_since = self._core.now()
        self._allowed = NEW_CONNECTION_MS
        self._used: dict[Link, tuple[int, int]] = {}  # when, and its delivery-count then
        self._timer = self._core.later(_LOOK_MS, self._look)

    def saw(self, event: Event) -> None:
        """Note that the peer used a link."""
        link: Link | None = getattr(event, "link", None)
        if link is None:
            return
        if isinstance(event, Detached):
            self._used.pop(link, None)
            self._without_links_since = self._core.now()
        else:
            self._used[link] = self._core.now(), link.delivery_count
            self._allowed = CONNECTION_MS

    def close(self) -> None:
        self._core.cancel(self._timer)

    def _look(self) -> None:
        self._timer = self._core.later(_LOOK_MS, self._look)
        now = self._core.now()
        for link, (at, count) in list(self._used.items()):
            if link.delivery_count != count:  # what we send is use as well
                self._used[link] = now, link.delivery_count
            elif now - at >= LINK_MS:
                text = f"The link '{link.name}' is detached: idle timeout 00:10:00."
                self._client.expel(link, Error("amqp:link:detach-forced", text))
        if not self._used and now - self._without_links_since >= self._allowed:
            self._force(f"was inactive for more than the allowed {self._allowed} milliseconds")
        elif now - self._begun >= TOKEN_MS and not self._client.claims.any_taken:
            self._force("brought no valid token within 20 seconds")

    def _force(self, why: str) -> None:
        self._client.close(Error("amqp:connection:forced", f"The connection {why}."))
