"""A queue, a subscription's queue or a dead-letter queue.

    scheduled --its time--> waiting (under a new number)
    waiting   --receive---> locked --complete---> gone
                            locked --dead-letter--> the dead-letter queue
                            locked --abandon, release, lock expiry--> waiting, at its old place
                            locked --defer--> deferred --receive_deferred--> locked

A message has at most one timer: activation while scheduled, the end of its life while waiting, the
lock's end while locked. Deferred messages have none (Service Bus does not sweep them).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from infra.local.servicebus.broker.entity import Entity, shorter
from infra.local.servicebus.broker.errors import MessageLockLost, NotAllowed
from infra.local.servicebus.broker.incoming import Incoming
from infra.local.servicebus.broker.messages import (
    BrokerMessage,
    Counts,
    Delivery,
    MessageState,
    Payload,
)
from infra.local.servicebus.broker.runtime import Listener, Runtime
from infra.local.servicebus.broker.waiting import Waiting
from infra.local.servicebus.settings import (
    QueueConfig,
)

REASON = "DeadLetterReason"
DESCRIPTION = "DeadLetterErrorDescription"


class Queue(Entity):
    """Messages waiting for receivers.

    Time passes only through Namespace.advance; until then a message whose lock or life has ended
    stays where it is, but receive() never hands out an expired one and an expired lock settles
    nothing. Methods taking a lock token raise MessageLockLost when it is unknown, settled or
    expired. `properties` maps application properties to new values, merged into the message's own.
    """

    def __init__(
        self,
        address: str,
        config: QueueConfig,
        runtime: Runtime,
        dead_letter_queue: Queue | None,
        transfer_dead_letter_queue: Queue | None = None,
    ) -> None:
        super().__init__(address, config, runtime)
        self.config = config
        # Both None on a dead-letter queue. What could not be forwarded is in the second one.
        self.dead_letter_queue = dead_letter_queue
        self.transfer_dead_letter_queue = transfer_dead_letter_queue
        self.listeners: set[Listener] = set()  # called when messages became available
        self._waiting = Waiting(self._messages)
        self._sessions: dict[str, Waiting] = {}  # instead of _waiting where sessions are required
        self._locked: dict[UUID, BrokerMessage] = {}
        self._deferred = 0

    @property
    def active_count(self) -> int:
        """Messages that receive() could hand out now."""
        return len(self._waiting) + sum(map(len, self._sessions.values()))

    def counts(self) -> Counts:
        return Counts(
            active=len(self._messages) - self._deferred - self._scheduled,
            locked=len(self._locked),
            deferred=self._deferred,
            scheduled=self._scheduled,
            dead_letter=_held(self.dead_letter_queue),
            transfer=0,
            transfer_dead_letter=_held(self.transfer_dead_letter_queue),
        )

    # Receiving

    def receive(self, count: int, now: int, *, settle_on_delivery: bool = False) -> list[Delivery]:
        """Hand out up to `count` messages, lowest sequence number first; locked for the queue's
        lock duration, or gone at once with `settle_on_delivery`. NotAllowed on a session queue.

        Calls no listener of this queue, so that a listener may call it."""
        if self.config.requires_session:
            raise NotAllowed(
                f"'{self.address}' requires sessions: it cannot be received from without one."
            )
        deliveries: list[Delivery] = []
        while len(deliveries) < count:
            number = self._waiting.take()
            if number is None:
                break
            message = self._messages[number]
            if message.expires_at is not None and message.expires_at <= now:
                self._expire(message)
            else:
                deliveries.append(self._deliver(message, now, settle_on_delivery))
        self._runtime.wake(now)
        return deliveries

    def receive_deferred(
        self, sequence_numbers: Sequence[int], now: int, *, lock: bool = True
    ) -> list[Delivery]:
        """Hand out deferred messages, all or none: MessageNotFound when one is missing, not
        deferred or locked. `lock=False` settles on delivery."""
        messages = self._all_or_none(sequence_numbers, MessageState.DEFERRED)
        return [self._deliver(message, now, not lock) for message in messages]

    def _deliver(self, message: BrokerMessage, now: int, settle: bool) -> Delivery:
        token = self._runtime.next_token()
        if settle:
            self._remove(message)
        else:
            message.lock_token = token
            self._locked[token] = message
            self._lock_until(message, now + self.config.lock_duration)
        return Delivery(token, message)

    def _lock_until(self, message: BrokerMessage, until: int) -> None:
        if message.timer is not None:
            self._runtime.timers.cancel(message.timer)
        message.locked_until = until
        message.timer = self._runtime.timers.at(until, self._lock_expired, message)

    # Settling

    def complete(self, lock_token: UUID, now: int) -> None:
        """Remove the message for good."""
        self._remove(self._unlock(lock_token, now))

    def abandon(
        self, lock_token: UUID, now: int, properties: Mapping[str, Any] | None = None
    ) -> None:
        """Give the message back to its place with one more failed delivery; at the queue's
        maximum it is dead-lettered (MaxDeliveryCountExceeded)."""
        message = self._unlock(lock_token, now)
        self._change(message, properties)
        self._failed(message, now)
        self._runtime.wake(now)

    def defer(
        self, lock_token: UUID, now: int, properties: Mapping[str, Any] | None = None
    ) -> None:
        """Set the message aside: from now on only receive_deferred hands it out."""
        message = self._unlock(lock_token, now)
        self._change(message, properties)
        if message.state is not MessageState.DEFERRED:
            message.state = MessageState.DEFERRED
            self._deferred += 1
        self._note(message)

    def dead_letter(
        self,
        lock_token: UUID,
        now: int,
        reason: str | None = None,
        description: str | None = None,
        properties: Mapping[str, Any] | None = None,
    ) -> None:
        """Move the message to the dead-letter queue. On a dead-letter queue: NotAllowed."""
        if self.dead_letter_queue is None:
            raise NotAllowed(f"'{self.address}' has no dead-letter queue of its own.")
        message = self._unlock(lock_token, now)
        self._change(message, properties)
        self._bury(message, reason, description)
        self._runtime.wake(now)

    def release(self, lock_token: UUID, now: int) -> None:
        """Give the message back to its old place; no delivery is counted."""
        self._give_back(self._unlock(lock_token, now), now)
        self._runtime.wake(now)

    def renew(self, lock_token: UUID, now: int) -> int:
        """Lock anew for the lock duration from now; return the new expiry."""
        until = now + self.config.lock_duration
        self._lock_until(self._locked_message(lock_token, now), until)
        return until

    def check_lock(self, lock_token: UUID, now: int) -> None:
        """Raise what settling with this token would raise; changes nothing."""
        self._locked_message(lock_token, now)

    def locked(self) -> list[BrokerMessage]:
        """Return the messages that are locked."""
        return list(self._locked.values())

    def expire_lock(self, lock_token: UUID, now: int) -> None:
        """End a lock before its time, as if its time were over."""
        self._lock_expired(self._locked_message(lock_token, now), now)
        self._runtime.wake(now)

    def _locked_message(self, lock_token: UUID, now: int) -> BrokerMessage:
        message = self._locked.get(lock_token)
        if message is None or message.locked_until is None or message.locked_until <= now:
            raise MessageLockLost(
                f"The lock {lock_token} on '{self.address}' is not valid: it has expired, or the "
                "message has already been settled."
            )
        return message

    def _unlock(self, lock_token: UUID, now: int) -> BrokerMessage:
        message = self._locked_message(lock_token, now)
        self._clear_lock(message)
        return message

    def _clear_lock(self, message: BrokerMessage) -> None:
        if message.lock_token is not None:
            del self._locked[message.lock_token]
        message.lock_token = message.locked_until = None
        self._cancel_timer(message)

    # What ends a lock or a life

    def _lock_expired(self, message: BrokerMessage, now: int) -> None:
        self._clear_lock(message)
        self._failed(message, now)

    def _failed(self, message: BrokerMessage, now: int) -> None:
        message.delivery_count += 1
        most = self.config.max_delivery_count
        if self.dead_letter_queue is not None and message.delivery_count >= most:
            self._bury(
                message,
                "MaxDeliveryCountExceeded",
                f"Message could not be consumed after {most} delivery attempts.",
            )
            return
        self._note(message)
        self._give_back(message, now)

    def _life_ended(self, message: BrokerMessage, _now: int) -> None:
        self._expire(message)
        self._waiting_of(message).removed()

    def _expire(self, message: BrokerMessage) -> None:
        if self.config.dead_lettering_on_message_expiration and self.dead_letter_queue is not None:
            self._bury(message, "TTLExpiredException", "The message expired and was dead lettered.")
        else:
            self._remove(message)

    def _give_back(self, message: BrokerMessage, now: int) -> None:
        if message.state is MessageState.DEFERRED:
            return
        if message.expires_at is not None and message.expires_at <= now:
            self._expire(message)
            return
        self._waiting_of(message).put_back(message.sequence_number)
        self._wait(message)

    def _bury(self, message: BrokerMessage, reason: str | None, description: str | None) -> None:
        """Move the message to the dead-letter queue, under a number of that queue."""
        if self.dead_letter_queue is None:
            raise NotAllowed(f"'{self.address}' has no dead-letter queue of its own.")
        told = {REASON: reason, DESCRIPTION: description}
        self._change(message, {name: text for name, text in told.items() if text is not None})
        self.dead_letter_queue.enqueue(
            message.stored,
            message.enqueued_time,
            enqueued_sequence_number=message.sequence_number,
            delivery_count=message.delivery_count,
            scheduled_enqueue_time=message.scheduled_enqueue_time,
            session_id=message.session_id,
            partition_key=message.partition_key,
            dead_letter_source=message.dead_letter_source,
            application_properties=message.application_properties,
            property_changes=message.property_changes,
        )
        self._remove(message)

    # Entering

    def refuse(self, incoming: Incoming) -> None:
        if self.config.requires_session and incoming.session_id is None:
            raise NotAllowed(f"'{self.address}' requires sessions: the message has no session id.")

    def _admit(self, incoming: Incoming, payload: Payload | None, now: int) -> int:
        return self.enqueue(
            payload or self._runtime.store(incoming.data),
            now,
            expires_at=self.end_of_life(incoming.time_to_live, now),
            scheduled_enqueue_time=incoming.scheduled_enqueue_time,
            session_id=incoming.session_id if self.config.requires_session else None,
            partition_key=incoming.partition_key,
        ).sequence_number

    def end_of_life(self, time_to_live: int | None, now: int) -> int | None:
        """Return when a message entering now expires; dead letters never do."""
        life = shorter(time_to_live, self.config.default_time_to_live)
        return None if life is None or self.dead_letter_queue is None else now + life

    def enqueue(
        self,
        payload: Payload,
        enqueued_time: int,
        *,
        enqueued_sequence_number: int | None = None,
        **fields: Any,
    ) -> BrokerMessage:
        """Make a new active message of this queue; `fields` are BrokerMessage's."""
        number = self._runtime.next_number(self)
        source = number if enqueued_sequence_number is None else enqueued_sequence_number
        message = BrokerMessage(number, source, enqueued_time, payload, **fields)
        self.keep(message)
        self._note(message)
        return message

    def keep(self, message: BrokerMessage) -> None:
        super().keep(message)
        if message.state is MessageState.ACTIVE:
            self._waiting_of(message).add(message.sequence_number)
            self._wait(message)
        elif message.state is MessageState.DEFERRED:
            self._deferred += 1

    def _remove(self, message: BrokerMessage) -> None:
        super()._remove(message)
        if message.state is MessageState.DEFERRED:
            self._deferred -= 1

    def _waiting_of(self, message: BrokerMessage) -> Waiting:
        if not self.config.requires_session:
            return self._waiting
        session = message.session_id or ""
        if session not in self._sessions:
            self._sessions[session] = Waiting(self._messages)
        return self._sessions[session]

    def _wait(self, message: BrokerMessage) -> None:
        if message.expires_at is not None:
            message.timer = self._runtime.timers.at(message.expires_at, self._life_ended, message)
        if self.listeners:
            self._runtime.available(self)


def _held(queue: Queue | None) -> int:
    return 0 if queue is None else len(queue._messages)
