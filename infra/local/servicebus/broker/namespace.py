"""The namespace: sending, time, the journal, and every entity through its directory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from uuid import UUID

from infra.local.servicebus.amqp.message import Message
from infra.local.servicebus.broker.changes import Change
from infra.local.servicebus.broker.directory import Directory
from infra.local.servicebus.broker.entity import Entity
from infra.local.servicebus.broker.errors import BrokerError, NotAllowed
from infra.local.servicebus.broker.forwarding import STRANDING
from infra.local.servicebus.broker.incoming import Incoming, read
from infra.local.servicebus.broker.limits import Limits
from infra.local.servicebus.broker.messages import Parse
from infra.local.servicebus.broker.queue import Queue
from infra.local.servicebus.broker.restore import restore
from infra.local.servicebus.broker.runtime import Runtime, random_lock_tokens
from infra.local.servicebus.broker.timers import Timers
from infra.local.servicebus.broker.topic import Subscription
from infra.local.servicebus.settings import NamespaceConfig


class Namespace(Directory):
    """Sans-I/O: no clock, no socket, no thread; `now` is int ms since the epoch, UTC.

    `parse` reads a sender's bytes (default: `amqp.message.Message.check`), `lock_tokens` yields
    unique lock tokens (default: random), `now` is when the entities of `config` come to be,
    `limits` what is refused as too much (default: nothing).

    Raises InvalidArgument when `config` holds what no entity can be (see Directory), QuotaExceeded
    when it holds too many.
    """

    def __init__(
        self,
        config: NamespaceConfig,
        *,
        parse: Parse = Message.check,
        lock_tokens: Iterator[UUID] | None = None,
        now: int = 0,
        limits: Limits | None = None,
    ) -> None:
        runtime = Runtime(parse, lock_tokens or random_lock_tokens(), limits)
        super().__init__(config, runtime, now)

    @property
    def limits(self) -> Limits | None:
        return self._runtime.limits

    # Sending

    def send(self, address: str, payloads: Sequence[bytes], now: int, *, via: str = "") -> None:
        """Store every payload or none; each is one complete encoded message. Those that travel
        via another entity are in its transfer dead-letter queue where they cannot get on.

        A duplicate within the entity's window is accepted and dropped. A message whose
        x-opt-scheduled-enqueue-time is in the future is scheduled. Raises EntityNotFound,
        NotAllowed (no session id for a session queue, or the address is a subscription or
        dead-letter queue), InvalidArgument (bytes that are no message).
        """
        try:
            entity, messages = self._read(address, payloads)
        except STRANDING as refusal:
            for message in self._parsed(payloads):
                self._last_stop(via, address, refusal).strand(message, refusal, now)
        else:
            for message in messages:
                if not entity.is_duplicate(message, now):
                    entity.accept(message, now)
        self._runtime.wake(now)

    def check(self, address: str, payloads: Sequence[bytes], now: int, *, via: str = "") -> None:
        """Raise what sending these would raise now; changes nothing."""
        try:
            self._read(address, payloads)
        except STRANDING as refusal:
            self._parsed(payloads)
            self._last_stop(via, address, refusal)

    def _last_stop(self, via: str, address: str, refusal: BrokerError) -> Queue:
        """Return the queue whose messages `refusal` keeps from getting on; raises it where they
        enter directly, or via a topic, which has no transfer dead-letter queue."""
        found = self._entities.get(via.lower())
        if not isinstance(found, Queue) or via.lower() == address.lower():
            raise refusal
        return found

    def reserve(self, address: str, count: int) -> list[int]:
        """Give the entity's next sequence numbers to messages that are scheduled later."""
        entity = self.entity(address)
        return [self._runtime.next_number(entity) for _ in range(count)]

    def schedule(
        self,
        address: str,
        payloads: Sequence[bytes],
        now: int,
        numbers: Sequence[int | None] | None = None,
    ) -> list[int]:
        """As send, returning one sequence number each by which it can be cancelled; valid until
        the message becomes active, when it gets a new one (Service Bus: message sequencing).

        A dropped duplicate gets a number too, which names no message. `numbers` are reserved."""
        entity, messages = self._read(address, payloads)
        reserved = numbers or [None] * len(messages)
        given = [
            number or self._runtime.next_number(entity)
            if entity.is_duplicate(message, now)
            else entity.accept(message, now, number)
            for message, number in zip(messages, reserved, strict=True)
        ]
        self._runtime.wake(now)
        return given

    def _read(self, address: str, payloads: Sequence[bytes]) -> tuple[Entity, list[Incoming]]:
        """Everything that can be refused is refused here, before anything changes."""
        entity = self.entity(address)
        entity.check_send()
        if isinstance(entity, Subscription) or (
            isinstance(entity, Queue) and entity.dead_letter_queue is None
        ):
            raise NotAllowed(f"'{entity.address}' cannot be sent to; send to its queue or topic.")
        messages = self._parsed(payloads)
        for message in messages:
            entity.refuse(message)
        if self._runtime.limits is not None:
            self._runtime.limits.check_messages(messages, entity.config)
            entity.check_room(sum(map(len, payloads)))
        return entity, messages

    def _parsed(self, payloads: Sequence[bytes]) -> list[Incoming]:
        return [read(self._runtime.parse, payload) for payload in payloads]

    def cancel_scheduled(self, address: str, sequence_numbers: Sequence[int], now: int) -> None:
        """Raises MessageNotFound, cancelling none, when one is not scheduled (any more)."""
        self.entity(address).cancel_scheduled(sequence_numbers)

    # Time

    @property
    def timers(self) -> Timers:
        """For what happens at a time; advance() runs it."""
        return self._runtime.timers

    def advance(self, now: int) -> None:
        """Apply what fell due: lock and message expiry, scheduled messages, duplicate windows."""
        self._runtime.timers.run(now)
        self._runtime.wake(now)

    def next_deadline(self) -> int | None:
        """Return when advance() has something to do next; None when nothing is pending."""
        return self._runtime.timers.next_due()

    # Durability

    def take_changes(self) -> list[Change]:
        """Return the journal since the last call, in order.

        Hand it to Storage.commit and await that BEFORE acknowledging what caused it; also when it
        is empty (a duplicate changes nothing but must not be acknowledged before its original is
        durable)."""
        return self._runtime.take_changes()

    def restore(self, changes: Iterable[Change]) -> None:
        """Take over what storage loaded; once, before anything else. Locks are not restored:
        what was locked waits again, with its delivery count. What
        belongs to entities that are not there stays in storage until they are (`orphans`)."""
        restore(changes, self, self._runtime)

    @property
    def orphans(self) -> dict[str, int]:
        """How many stored messages wait for entities that are not there, by address."""
        return dict(self.absent.counts)
