"""What a raw peer hears: frames, put into the order a test asks for them in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

from infra.local.servicebus.amqp.composites import decode_composite
from infra.local.servicebus.amqp.frames import FrameBuffer
from infra.local.servicebus.amqp.performatives import (
    Disposition,
    TransactionalState,
    Transfer,
)

P = TypeVar("P")
PATIENCE = 60.0
"""Seconds a test waits for what must come."""


class Said(NamedTuple):
    """One frame of the bus."""

    channel: int
    performative: Any
    payload: bytes


class Listener:
    """Frames that were not asked for wait, in order, until they are."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._frames = FrameBuffer(1 << 20)
        self.heard: list[Said] = []
        self.heartbeats = 0
        self.largest = 1 << 20  # bytes of a frame that it takes

    async def expect(self, kind: type[P], *, channel: int | None = None) -> P:
        """Return the next performative of this kind; others keep waiting."""
        said = await self.expect_frame(kind, channel=channel)
        return cast(P, said.performative)

    async def expect_frame(self, kind: type[Any], *, channel: int | None = None) -> Said:
        async with asyncio.timeout(PATIENCE):
            while True:
                for at, said in enumerate(self.heard):
                    if isinstance(said.performative, kind) and channel in (None, said.channel):
                        return self.heard.pop(at)
                assert await self._hear(), f"the bus hung up without a {kind.__name__}"

    async def outcome(self, delivery_id: int, *, channel: int = 0) -> Any:
        """Return the state the bus tells of a delivery, sent by either side."""
        async with asyncio.timeout(PATIENCE):
            while True:
                for said in self.heard:
                    told = said.performative
                    if (
                        isinstance(told, Disposition)
                        and said.channel == channel
                        and told.first <= delivery_id <= (told.last or told.first)
                    ):
                        self.heard.remove(said)
                        for other in range(told.first, (told.last or told.first) + 1):
                            if other != delivery_id:  # a range answers several
                                rest = told._replace(first=other, last=other)
                                self.heard.append(said._replace(performative=rest))
                        # Within a transaction the bus settles what it sent at the discharge.
                        assert told.settled or isinstance(told.state, TransactionalState)
                        return told.state
                assert await self._hear(), "the bus hung up without an outcome"

    async def receive(self, *, channel: int = 0) -> tuple[Transfer, bytes]:
        """Return the next delivery, put together from its frames."""
        first = await self.expect_frame(Transfer, channel=channel)
        payload, last = first.payload, first.performative
        while last.more:
            said = await self.expect_frame(Transfer, channel=channel)
            payload, last = payload + said.payload, said.performative
        return first.performative, payload

    async def until_closed(self) -> list[Any]:
        """Hear the bus out; return every performative it says before it hangs up."""
        async with asyncio.timeout(PATIENCE):
            while await self._hear():
                pass
        return [said.performative for said in self.heard]

    async def until_hung_up(self) -> None:
        """Return when the bus has closed the transport, whatever it says before."""
        async with asyncio.timeout(PATIENCE):
            while await self._reader.read(65536):
                pass

    def pause_reading(self) -> None:
        """Take nothing from the network any more."""
        cast(asyncio.ReadTransport, self._writer.transport).pause_reading()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Hear the bus until the condition holds."""
        async with asyncio.timeout(PATIENCE):
            while not condition():
                assert await self._hear(), "the bus hung up"

    async def _hear(self) -> bool:
        chunk = await self._reader.read(65536)
        if not chunk:
            return False
        self._frames.feed(chunk)
        while (frame := self._frames.take_frame()) is not None:
            assert len(frame.body) + 8 <= self.largest
            if not frame.body:
                self.heartbeats += 1
                continue
            performative, end = decode_composite(frame.body)
            self.heard.append(Said(frame.channel, performative, frame.body[end:]))
        return True
