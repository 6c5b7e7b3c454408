"""A peer made of raw frames: it says exactly what a test tells it to, well-formed or not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from infra.local.servicebus import LocalServiceBus
from infra.local.servicebus.amqp import Message, encode_message
from infra.local.servicebus.amqp.composites import encode_composite
from infra.local.servicebus.amqp.encode import encode_described
from infra.local.servicebus.amqp.frames import AMQP_HEADER, encode_frame
from infra.local.servicebus.amqp.message import VALUE
from infra.local.servicebus.amqp.performatives import (
    ROLE_RECEIVER,
    ROLE_SENDER,
    Attach,
    Begin,
    Close,
    Coordinator,
    Declare,
    Declared,
    Detach,
    Discharge,
    Disposition,
    End,
    Flow,
    Open,
    Source,
    Target,
    TransactionalState,
    Transfer,
)
from infra.local.servicebus.amqp.values import UShort
from tests.integration.servicebus_protocol.hearing import PATIENCE, Listener


class Peer(Listener):
    """Says what it is told to, and hears."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        super().__init__(reader, writer)
        self._deliveries: dict[int, int] = {}  # next delivery id, by channel
        self._handles: dict[tuple[int, str], int] = {}

    # Saying

    def write(self, data: bytes) -> None:
        self._writer.write(data)

    def say(self, performative: Any, payload: bytes = b"", *, channel: int = 0) -> None:
        self.write(encode_frame(channel, encode_composite(performative), payload))

    async def open(self, container_id: str = "raw", **fields: Any) -> Open:
        self.write(AMQP_HEADER)
        self.say(Open(container_id, channel_max=UShort(4999), **fields))
        assert await self._reader.readexactly(8) == AMQP_HEADER
        return await self.expect(Open)

    async def begin(self, *, channel: int = 0, window: int = 65536) -> Begin:
        self.say(Begin(None, 0, window, 65536), channel=channel)
        return await self.expect(Begin, channel=channel)

    async def attach(
        self,
        name: str,
        *,
        to: Any = None,
        source: Any = None,
        channel: int = 0,
        settle_modes: tuple[int, int] = (0, 0),
        properties: Mapping[str, Any] | None = None,
        handle: int | None = None,
    ) -> Attach:
        """Attach a sender `to` an address (or terminus), or a receiver from `source`."""
        self.say_attach(
            name,
            to=to,
            source=source,
            channel=channel,
            settle_modes=settle_modes,
            properties=properties,
            handle=handle,
        )
        return await self.expect(Attach, channel=channel)

    def say_attach(
        self,
        name: str,
        *,
        to: Any = None,
        source: Any = None,
        channel: int = 0,
        settle_modes: tuple[int, int] = (0, 0),
        properties: Mapping[str, Any] | None = None,
        handle: int | None = None,
    ) -> None:
        if handle is None:
            handle = len(self._handles)
        self._handles[channel, name] = handle
        self.say(
            Attach(
                name,
                handle,
                ROLE_RECEIVER if to is None else ROLE_SENDER,
                *settle_modes,
                source=Source(source) if isinstance(source, str) else source or Source("me"),
                target=Target(to) if isinstance(to, str) else to or Target("me"),
                initial_delivery_count=None if to is None else 0,
                properties=None if properties is None else dict(properties),
            ),
            channel=channel,
        )

    def flow(
        self, name: str, credit: int, *, count: int = 0, channel: int = 0, **more: Any
    ) -> None:
        handle = self._handles[channel, name]
        fields = {"incoming_window": 65536, "outgoing_window": 65536, **more}
        self.say(
            Flow(
                next_incoming_id=fields.pop("next_incoming_id", 0),
                next_outgoing_id=0,
                handle=handle,
                delivery_count=count,
                link_credit=credit,
                **fields,
            ),
            channel=channel,
        )

    def transfer(
        self, name: str, message: bytes, *, channel: int = 0, state: Any = None, **fields: Any
    ) -> int:
        """Send one message in one frame; return its delivery id."""
        delivery_id = self._deliveries.get(channel, 0)
        self._deliveries[channel] = delivery_id + 1
        head = Transfer(
            self._handles[channel, name],
            delivery_id,
            delivery_id.to_bytes(4),
            fields.pop("message_format", 0),
            fields.pop("settled", False),
            state=state,
            **fields,
        )
        self.say(head, message, channel=channel)
        return delivery_id

    def transfer_in_parts(self, name: str, message: bytes, *, size: int = 32_000) -> int:
        """Send one message in several frames; return its delivery id."""
        delivery_id = self.transfer(name, message[:size], more=len(message) > size)
        for start in range(size, len(message), size):
            more = start + size < len(message)
            self.say(Transfer(self._handles[0, name], more=more), message[start : start + size])
        return delivery_id

    async def send(self, name: str, message: bytes, *, channel: int = 0, state: Any = None) -> Any:
        """Send and return the outcome."""
        delivery_id = self.transfer(name, message, channel=channel, state=state)
        return await self.outcome(delivery_id, channel=channel)

    async def detach(self, name: str, *, channel: int = 0, closed: bool = True) -> Detach:
        self.say(Detach(self._handles.pop((channel, name)), closed), channel=channel)
        return await self.expect(Detach, channel=channel)

    async def end(self, *, channel: int = 0) -> End:
        self.say(End(), channel=channel)
        return await self.expect(End, channel=channel)

    def say_close(self) -> None:
        self.say(Close())

    # Transactions

    async def coordinate(self, name: str = "coordinator", *, channel: int = 0) -> Attach:
        return await self.attach(name, to=Coordinator(), channel=channel)

    async def command(self, command: Any, *, name: str = "coordinator", channel: int = 0) -> Any:
        body = encode_described(VALUE, encode_composite(command))
        return await self.send(name, body, channel=channel)

    async def command_declare(self) -> Any:
        """Ask for a transaction, return whatever the answer is."""
        return await self.command(Declare())

    async def declare(self, *, name: str = "coordinator", channel: int = 0) -> bytes:
        outcome = await self.command(Declare(), name=name, channel=channel)
        assert isinstance(outcome, Declared)
        return outcome.txn_id

    async def discharge(self, txn_id: bytes, *, fail: bool = False, channel: int = 0) -> Any:
        return await self.command(Discharge(txn_id, fail), channel=channel)

    def dispose(
        self,
        delivery_id: int,
        outcome: Any,
        *,
        last: int | None = None,
        channel: int = 0,
        settled: bool = False,
    ) -> None:
        self.say(Disposition(ROLE_RECEIVER, delivery_id, last, settled, outcome), channel=channel)

    async def settle(self, delivery_id: int, outcome: Any, *, channel: int = 0) -> Any:
        """Tell an outcome and return the bus's answer to it."""
        self.dispose(delivery_id, outcome, channel=channel)
        return await self.outcome(delivery_id, channel=channel)

    async def quiet(self) -> None:
        """Return when the bus has dealt with everything said so far: it answers an echo."""
        self.say(Flow(0, 65536, 0, 65536, echo=True))
        while (await self.expect(Flow)).handle is not None:
            pass

    async def aclose(self) -> None:
        self._writer.close()


@asynccontextmanager
async def connected(bus: LocalServiceBus) -> AsyncIterator[Peer]:
    """A connection with nothing said on it yet."""
    peer = Peer(*await asyncio.open_connection(bus.host, bus.amqp_port))
    try:
        yield peer
    finally:
        await peer.aclose()


@asynccontextmanager
async def opened(bus: LocalServiceBus, **fields: Any) -> AsyncIterator[Peer]:
    """A connection with one session on channel 0."""
    async with connected(bus) as peer:
        await peer.open(**fields)
        await peer.begin()
        yield peer


async def eventually(condition: Callable[[], object]) -> None:
    """Return when the condition, about the bus in this very process, holds."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - the bus has no event for what tests look at
            await asyncio.sleep(0.005)


def message(text: str, **properties: Any) -> bytes:
    return encode_message(value=text, **properties)


def text(data: bytes) -> str:
    return str(Message.check(data).value)


def within(txn_id: bytes, outcome: Any = None) -> TransactionalState:
    return TransactionalState(txn_id, outcome)
