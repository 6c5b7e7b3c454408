"""What the tests of transactions share."""

from __future__ import annotations

from typing import Any

from infra.local.servicebus import LocalServiceBus
from infra.local.servicebus.amqp.performatives import Error, Rejected
from tests.integration.servicebus_protocol.peer import Peer, message


def counts(bus: LocalServiceBus, address: str = "work") -> dict[str, int]:
    entity: dict[str, int] = bus.inspect()["entities"][address]
    names = ("active", "locked", "scheduled", "deferred", "deadLettered")
    return {name: entity[name] for name in names if entity[name]}


def condition(outcome: Any) -> str:
    assert isinstance(outcome, Rejected)
    assert isinstance(outcome.error, Error)
    return outcome.error.condition


async def received(peer: Peer, name: str = "in", *, credit: int = 1) -> int:
    """Grant credit and return the id of the delivery that comes."""
    peer.flow(name, credit)
    transfer, _ = await peer.receive()
    assert transfer.delivery_id is not None
    return transfer.delivery_id


async def delivered(peer: Peer) -> int:
    """Attach a coordinator, `out` and `in` to the queue `work`, send a message and receive it;
    return the id of its delivery."""
    await peer.coordinate()
    await peer.attach("out", to="work")
    await peer.attach("in", source="work")
    await peer.send("out", message("m"))
    return await received(peer)
