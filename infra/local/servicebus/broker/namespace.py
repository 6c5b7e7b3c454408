"""The namespace: every entity by address, sending, time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from uuid import UUID

from infra.local.servicebus.broker.changes import Change
from infra.local.servicebus.broker.messages import Parse
from infra.local.servicebus.broker.queue import Queue
from infra.local.servicebus.broker.topic import Topic
from infra.local.servicebus.config import NamespaceConfig


class Namespace:
    """Sans-I/O: no clock, no socket, no thread; `now` is int ms since the epoch, UTC.

    `parse` reads a sender's bytes (default: `amqp.message.Message.parse`), `lock_tokens` yields
    unique lock tokens (default: random).
    """

    def __init__(
        self,
        config: NamespaceConfig,
        *,
        parse: Parse | None = None,
        lock_tokens: Iterator[UUID] | None = None,
    ) -> None:
        raise NotImplementedError

    def restore(self, changes: Iterable[Change]) -> None:
        """Take over what storage loaded; once, before anything else."""
        raise NotImplementedError

    def entity(self, address: str) -> Queue | Topic:
        """Return the entity of an address, case-insensitive: 'q', 't', 't/Subscriptions/s' and
        these with '/$DeadLetterQueue'. Raises EntityNotFound."""
        raise NotImplementedError

    def entities(self) -> Iterable[Queue | Topic]:
        """Every queue, topic, subscription and dead-letter queue, in configuration order."""
        raise NotImplementedError

    def send(self, address: str, payloads: Sequence[bytes], now: int) -> None:
        """Store every payload or none; each is one complete encoded message.

        A duplicate within the entity's window is accepted and dropped. A message whose
        x-opt-scheduled-enqueue-time is in the future is scheduled. Raises EntityNotFound,
        NotAllowed (no session id for a session queue, or the address is a subscription or
        dead-letter queue), InvalidArgument (bytes that are no message).
        """
        raise NotImplementedError

    def schedule(self, address: str, payloads: Sequence[bytes], now: int) -> list[int]:
        """As send, returning one sequence number each by which it can be cancelled; valid until
        the message becomes active, when it gets a new one (Service Bus: message sequencing)."""
        raise NotImplementedError

    def cancel_scheduled(self, address: str, sequence_numbers: Sequence[int], now: int) -> None:
        """Raises MessageNotFound, cancelling none, when one is not scheduled (any more)."""
        raise NotImplementedError

    def advance(self, now: int) -> None:
        """Apply what fell due: lock and message expiry, scheduled messages, duplicate windows."""
        raise NotImplementedError

    def next_deadline(self) -> int | None:
        """Return when advance() has something to do next; None when nothing is pending."""
        raise NotImplementedError

    def take_changes(self) -> list[Change]:
        """Return the journal since the last call, in order.

        Hand it to Storage.commit and await that BEFORE acknowledging what caused it; also when it
        is empty (a duplicate changes nothing but must not be acknowledged before its original is
        durable)."""
        raise NotImplementedError
