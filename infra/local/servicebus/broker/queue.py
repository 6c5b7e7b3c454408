"""A queue, a subscription or a dead-letter queue."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from infra.local.servicebus.broker.messages import BrokerMessage, Counts, Delivery
from infra.local.servicebus.config import QueueConfig, RuleConfig


class Queue:
    """Messages waiting for receivers. Every method first applies what fell due by `now`.

    Methods taking a lock token raise MessageLockLost when it is unknown, settled or expired.
    `properties` maps application properties to new values, merged into the message's own.
    """

    address: str  # as configured: 'q', 't/Subscriptions/s', '…/$DeadLetterQueue'
    config: QueueConfig
    dead_letter_queue: Queue | None  # None on a dead-letter queue
    listeners: set[Callable[[], None]]  # called when messages became available, once per operation

    @property
    def active_count(self) -> int:
        """Messages that receive() could hand out now."""
        raise NotImplementedError

    def counts(self) -> Counts:
        raise NotImplementedError

    def receive(self, count: int, now: int, *, settle_on_delivery: bool = False) -> list[Delivery]:
        """Hand out up to `count` messages, lowest sequence number first; locked for the queue's
        lock duration, or gone at once with `settle_on_delivery`. NotAllowed on a session queue."""
        raise NotImplementedError

    def complete(self, lock_token: UUID, now: int) -> None:
        raise NotImplementedError

    def abandon(
        self, lock_token: UUID, now: int, properties: Mapping[str, Any] | None = None
    ) -> None:
        """Give the message back to its place with one more failed delivery; at the queue's
        maximum it is dead-lettered (MaxDeliveryCountExceeded)."""
        raise NotImplementedError

    def defer(
        self, lock_token: UUID, now: int, properties: Mapping[str, Any] | None = None
    ) -> None:
        """Set the message aside: from now on only receive_deferred hands it out."""
        raise NotImplementedError

    def dead_letter(
        self,
        lock_token: UUID,
        now: int,
        reason: str | None = None,
        description: str | None = None,
        properties: Mapping[str, Any] | None = None,
    ) -> None:
        """Move the message to the dead-letter queue. On a dead-letter queue: NotAllowed."""
        raise NotImplementedError

    def release(self, lock_token: UUID, now: int) -> None:
        """Give the message back to its old place; no delivery is counted."""
        raise NotImplementedError

    def renew(self, lock_token: UUID, now: int) -> int:
        """Lock anew for the lock duration from now; return the new expiry."""
        raise NotImplementedError

    def peek(self, from_sequence: int, count: int, now: int) -> list[BrokerMessage]:
        """Return up to `count` messages of any state from that number on, ascending."""
        raise NotImplementedError

    def receive_deferred(
        self, sequence_numbers: Sequence[int], now: int, *, lock: bool = True
    ) -> list[Delivery]:
        """Hand out deferred messages, all or none: MessageNotFound when one is missing, not
        deferred or locked. `lock=False` settles on delivery."""
        raise NotImplementedError


class Subscription(Queue):
    """A topic's queue with the rules that choose what it gets."""

    def rules(self) -> list[RuleConfig]:
        """Return the rules in the order they were added."""
        raise NotImplementedError

    def add_rule(self, rule: RuleConfig) -> None:
        """Raises EntityAlreadyExists, or InvalidArgument when filter or action do not compile."""
        raise NotImplementedError

    def remove_rule(self, name: str) -> None:
        """Raises EntityNotFound."""
        raise NotImplementedError
