"""Links by name: a peer that attaches one again takes it over (AMQP 1.0, 2.6.1).

The Service Bus SDKs attach anew when a connection breaks; the link of the broken one, which may
still look alive here, must not keep what it has. Microsoft.Azure.Amqp, which the service is built
on, steals by container id, name and role as well (Azure/azure-amqp, pull request 218).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.local.servicebus.amqp.link import Link
from infra.local.servicebus.amqp.performatives import Error

if TYPE_CHECKING:
    from infra.local.servicebus.server.client import Client

STOLEN = "amqp:link:stolen"


class LinkNames:
    """Of all connections of one bus."""

    def __init__(self) -> None:
        self._held: dict[tuple[str, str, bool], tuple[Client, Link]] = {}

    def __len__(self) -> int:
        return len(self._held)

    def take(self, client: Client, link: Link) -> None:
        """Give the name to this link; whoever has it is detached. Peers without a container id
        cannot be told apart, and steal nothing."""
        if not client.container_id:
            return
        key = (client.container_id, link.name, link.role)
        former = self._held.get(key)
        self._held[key] = client, link
        if former is not None:
            victim, old = former
            text = f"The link '{old.name}' was attached again by its container."
            victim.expel(old, Error(STOLEN, text))

    def release(self, client: Client, link: Link) -> None:
        key = (client.container_id, link.name, link.role)
        if self._held.get(key, (None, None))[1] is link:
            del self._held[key]
