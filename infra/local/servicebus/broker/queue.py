"""A queue, a subscription's queue or a dead-letter queue: receiving, settling, entering.

Which states its messages go through is told in `lifecycle`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any
from uuid import UUID

from infra.local.servicebus.broker.entity import shorter
from infra.local.servicebus.broker.errors import BrokerError, MessageNotFound, NoSession, NotAllowed
from infra.local.servicebus.broker.forwarding import TRANSFER_FAILED, forward
from infra.local.servicebus.broker.incoming import Incoming
from infra.local.servicebus.broker.lifecycle import Lifecycle
from infra.local.servicebus.broker.messages import (
    BrokerMessage,
    Delivery,
    MessageState,
    Payload,
)
from infra.local.servicebus.broker.session import SessionLock

REASON = "DeadLetterReason"
DESCRIPTION = "DeadLetterErrorDescription"


class Queue(Lifecycle):
    """Messages waiting for receivers.

    Time passes only through Namespace.advance; until then a message whose lock or life has ended
    stays where it is, but receive() never hands out an expired one and an expired lock settles
    nothing. Methods taking a lock token raise MessageLockLost (SessionLockLost where sessions are
    required) when it is unknown, settled or expired. `properties` maps application properties to
    new values, merged into the message's own.
    """

    # Receiving

    def receive(
        self,
        count: int,
        now: int,
        *,
        settle_on_delivery: bool = False,
        session: SessionLock | None = None,
    ) -> list[Delivery]:
        """Hand out up to `count` messages, lowest sequence number first; locked for the queue's
        lock duration, or gone at once with `settle_on_delivery`. A queue that requires sessions
        hands out the messages of `session`, under its lock: SessionLockLost when that is over,
        NotAllowed without one.

        Calls no listener of what it hands out from, so that a listener may call it."""
        self.accessed_at = now
        line = self._waiting if self.sessions is None else self.sessions.line(session, now)
        deliveries: list[Delivery] = []
        while len(deliveries) < count:
            number = line.take()
            if number is None:
                break
            message = self._messages[number]
            if message.expires_at is not None and message.expires_at <= now:
                self._expire(message, now)
            else:
                deliveries.append(self._deliver(message, now, settle_on_delivery, session))
        self._runtime.wake(now)
        return deliveries

    def receive_deferred(
        self,
        sequence_numbers: Sequence[int],
        now: int,
        *,
        lock: bool = True,
        session_id: str | None = None,
    ) -> list[Delivery]:
        """Hand out deferred messages, all or none: MessageNotFound when one is missing, not
        deferred or locked. `lock=False` settles on delivery. A queue that requires sessions hands
        out those of one session, under its lock: errors as in receive()."""
        session = None if self.sessions is None else self.sessions.current(session_id, now)
        messages = self._all_or_none(sequence_numbers, MessageState.DEFERRED)
        if session is not None and any(m.session_id != session_id for m in messages):
            raise MessageNotFound(
                f"A message of '{self.address}' does not belong to the session '{session_id}'."
            )
        return [self._deliver(message, now, not lock, session) for message in messages]

    def delete_batch(self, count: int, enqueued_before: int, session_id: str | None = None) -> int:
        """Remove up to `count` waiting messages enqueued before that time, oldest first, of one
        session or of all; return how many. Locked, deferred and scheduled ones stay."""
        held: Iterable[BrokerMessage] = self._messages.values()
        if session_id is not None:
            held = () if self.sessions is None else self.sessions.messages(session_id)
        found = (
            message
            for message in held
            if message.state is MessageState.ACTIVE
            and message.lock_token is None
            and message.enqueued_time < enqueued_before
        )
        doomed = list(islice(found, count))
        for message in doomed:
            line = self._line_of(message)
            self._remove(message)
            line.removed()
        return len(doomed)

    # Settling

    def complete(self, lock_token: UUID, now: int) -> None:
        """Remove the message for good."""
        self._remove(self._unlock(lock_token, now))
        self.tally.settled["complete"] += 1

    def abandon(
        self, lock_token: UUID, now: int, properties: Mapping[str, Any] | None = None
    ) -> None:
        """Give the message back to its place with one more failed delivery; at the queue's
        maximum it is dead-lettered (MaxDeliveryCountExceeded)."""
        message = self._unlock(lock_token, now)
        self.tally.settled["abandon"] += 1
        self._change(message, properties)
        self._failed(message, now)
        self._runtime.wake(now)

    def defer(
        self, lock_token: UUID, now: int, properties: Mapping[str, Any] | None = None
    ) -> None:
        """Set the message aside: from now on only receive_deferred hands it out."""
        message = self._unlock(lock_token, now)
        self.tally.settled["defer"] += 1
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
        self.tally.settled["dead_letter"] += 1
        self._change(message, properties)
        self._bury(message, now, reason, description)
        self._runtime.wake(now)

    def release(self, lock_token: UUID, now: int) -> None:
        """Give the message back to its old place; no delivery is counted."""
        self._give_back(self._unlock(lock_token, now), now)
        self.tally.settled["release"] += 1
        self._runtime.wake(now)

    def renew(self, lock_token: UUID, now: int) -> int:
        """Lock anew for the lock duration from now; return the new expiry. NotAllowed for messages
        of a session, which are locked with it."""
        if self.sessions is not None:
            raise NotAllowed(f"'{self.address}' requires sessions: renew the session's lock.")
        until = now + self.config.lock_duration
        self._lock_until(self._locked_message(lock_token, now), until)
        return until

    def _bury(
        self, message: BrokerMessage, now: int, reason: str | None, description: str | None
    ) -> None:
        self.to_dead_letters(message, now, reason, description)
        self._remove(message)

    def to_dead_letters(
        self,
        message: BrokerMessage,
        now: int,
        reason: str | None,
        description: str | None,
        hops: int = 0,
    ) -> None:
        """Put the message into the dead-letter queue, under a number of that queue; here it is
        not removed."""
        if self.dead_letter_queue is None:
            raise NotAllowed(f"'{self.address}' has no dead-letter queue of its own.")
        self.tally.buried(reason)
        told = {REASON: reason, DESCRIPTION: description}
        self._change(message, {name: text for name, text in told.items() if text is not None})
        self.dead_letter_queue.enqueue(
            message.stored,
            now,
            hops=hops,
            enqueued_time=message.enqueued_time,
            enqueued_sequence_number=message.sequence_number,
            delivery_count=message.delivery_count,
            scheduled_enqueue_time=message.scheduled_enqueue_time,
            session_id=message.session_id,
            partition_key=message.partition_key,
            dead_letter_source=message.dead_letter_source,
            application_properties=message.application_properties,
            property_changes=message.property_changes,
        )

    def strand(self, incoming: Incoming, refusal: BrokerError, now: int) -> None:
        """Keep a message that travels via this queue and cannot get on."""
        last_stop = self.transfer_dead_letter_queue
        if last_stop is None:
            raise refusal
        self.tally.buried(TRANSFER_FAILED)
        known = incoming.parsed.application_properties or {}
        last_stop.enqueue(
            self._runtime.store(self._identified(incoming).data),
            now,
            session_id=incoming.session_id,
            partition_key=incoming.partition_key,
            application_properties={**known, REASON: TRANSFER_FAILED, DESCRIPTION: refusal.text},
        )

    # Entering

    def refuse(self, incoming: Incoming) -> None:
        if self.config.requires_session and incoming.session_id is None:
            raise NoSession(f"'{self.address}' requires sessions: the message has no session id.")

    def _admit(self, incoming: Incoming, payload: Payload | None, now: int) -> int:
        return self.enqueue(
            payload or self._runtime.store(incoming.data),
            now,
            expires_at=self.end_of_life(incoming.time_to_live, now),
            scheduled_enqueue_time=incoming.scheduled_enqueue_time,
            session_id=incoming.session_id,
            partition_key=incoming.partition_key,
            **incoming.carried,
        ).sequence_number

    def end_of_life(self, time_to_live: int | None, now: int) -> int | None:
        """Return when a message entering now expires; dead letters never do."""
        life = shorter(time_to_live, self.config.default_time_to_live)
        return None if life is None or self.dead_letter_queue is None else now + life

    def enqueue(
        self,
        payload: Payload,
        now: int,
        *,
        hops: int = 0,
        enqueued_time: int | None = None,
        enqueued_sequence_number: int | None = None,
        **fields: Any,
    ) -> BrokerMessage:
        """Make a new active message of this queue, which goes on at once where the queue
        forwards; `fields` are BrokerMessage's, `hops` how often it was forwarded until here."""
        number = self._runtime.next_number(self)
        source = number if enqueued_sequence_number is None else enqueued_sequence_number
        at = now if enqueued_time is None else enqueued_time
        message = BrokerMessage(number, source, at, payload, **fields)
        if self.config.forward_to is None or not forward(self._runtime, self, message, now, hops):
            self.keep(message)
            self._note(message)
        return message

    def forward_waiting(self, now: int) -> None:
        """Hand on what waits here from before the queue forwarded, or before its target came."""
        for message in tuple(self._messages.values()):
            if message.state is MessageState.ACTIVE and message.lock_token is None:
                line = self._line_of(message)
                if not self._forwarded(message, now):
                    return
                line.removed()

    def _forwarded(self, message: BrokerMessage, now: int) -> bool:
        if self.config.forward_to is None or not forward(self._runtime, self, message, now):
            return False
        self._remove(message)
        return True

    def check_receive(self) -> None:
        super().check_receive()
        if self.config.forward_to is not None:
            raise NotAllowed(
                f"'{self.address}' forwards to '{self.config.forward_to}': nothing can be received "
                "from it."
            )
