"""What the tests of the protocol share."""

from __future__ import annotations

from infra.local.servicebus import LocalServiceBus
from infra.local.servicebus.amqp.performatives import Accepted
from tests.integration.servicebus_protocol.peer import Peer, message


def counts(bus: LocalServiceBus, address: str = "work") -> tuple[int, int]:
    """(active, of these locked)"""
    entity = bus.inspect()["entities"][address]
    return entity["active"], entity["locked"]


async def filled(peer: Peer, *texts: str) -> None:
    await peer.attach("fill", to="work")
    for each in texts:
        assert await peer.send("fill", message(each)) == Accepted()
