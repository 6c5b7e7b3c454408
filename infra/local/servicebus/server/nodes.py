"""What a link leads to. A node hears what happens on its link and answers through it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.local.servicebus.amqp.events import Arrived, Disposed, Oversize

if TYPE_CHECKING:
    from infra.local.servicebus.server.client import Client


class Node:
    """Does nothing; nodes override what their direction of link can bring."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.core = client.core

    def arrived(self, event: Arrived) -> None:
        """A message came in."""

    def oversize(self, event: Oversize) -> None:
        """A message came in that was too large to keep."""

    def credited(self) -> None:
        """The peer may be ready for more."""

    def disposed(self, event: Disposed) -> None:
        """The peer told outcomes."""

    def detached(self) -> None:
        """The link has gone."""
