"""What all entities of one namespace share: journal, timers, payloads, lock tokens, wake-ups."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any, Protocol
from uuid import UUID

from infra.local.servicebus.broker.changes import (
    Change,
    PayloadPut,
    PayloadRemoved,
    SequenceReached,
)
from infra.local.servicebus.broker.limits import Limits
from infra.local.servicebus.broker.messages import Parse, Payload
from infra.local.servicebus.broker.timers import Timers

Listener = Callable[[int], None]
"""Hears, with the time, that something became available."""


class Numbered(Protocol):
    """An entity that gives sequence numbers."""

    address: str
    last_sequence_number: int


class Heard(Protocol):
    """An entity with listeners for available messages."""

    listeners: set[Listener]


def random_lock_tokens() -> Iterator[UUID]:
    """Yield tokens no other run yields: 64 random bits, then a counter (cheaper than uuid4)."""
    run = int.from_bytes(os.urandom(8)) << 64
    for number in count(1):
        yield UUID(int=run | number)


class Runtime:
    def __init__(
        self, parse: Parse, lock_tokens: Iterator[UUID], limits: Limits | None = None
    ) -> None:
        self.parse = parse
        self.limits = limits  # None: nothing is too much
        self.next_token: Callable[[], UUID] = lock_tokens.__next__
        self.timers = Timers()
        self.entities: dict[str, Any] = {}  # by lower-case address; what a Directory has made
        self.changes: list[Change] = []
        self.last_payload = 0
        self.stuck: dict[Any, None] = {}  # dead-letter queues whose target took nothing
        self._counted: dict[Any, None] = {}
        self._awake: dict[Any, None] = {}

    def next_number(self, entity: Numbered) -> int:
        """Give the entity's next sequence number; journalled once per take_changes."""
        entity.last_sequence_number = number = entity.last_sequence_number + 1
        self._counted[entity] = None
        return number

    def forget(self, entity: Numbered) -> None:
        """The entity is gone: its numbers need no journal, its listeners no call."""
        self.stuck.pop(entity, None)
        self._counted.pop(entity, None)
        self._awake.pop(entity, None)

    def store(self, data: bytes) -> Payload:
        self.last_payload = number = self.last_payload + 1
        self.changes.append(PayloadPut(number, data))
        return Payload(number, data)

    def let_go(self, payload: Payload) -> None:
        """Drop one reference; the last one removes the payload."""
        payload.references -= 1
        if payload.references <= 0:
            self.changes.append(PayloadRemoved(payload.number))

    def take_changes(self) -> list[Change]:
        for entity in self._counted:
            self.changes.append(SequenceReached(entity.address, entity.last_sequence_number))
        self._counted.clear()
        taken, self.changes = self.changes, []
        return taken

    def available(self, entity: Heard) -> None:
        """Note that the entity has something to hand out; its listeners hear of it in wake()."""
        if entity.listeners:
            self._awake[entity] = None

    def wake(self, now: int) -> None:
        """Tell the listeners, once the operation has left everything consistent: they may receive
        and settle at once."""
        while self._awake:
            awake, self._awake = self._awake, {}
            for entity in awake:
                for listener in tuple(entity.listeners):
                    listener(now)
