"""Where a queue's messages stand, and what ends a lock or a life.

    scheduled --its time--> waiting (under a new number)
    waiting   --receive---> locked --complete---> gone
                            locked --dead-letter--> the dead-letter queue
                            locked --abandon, release, lock expiry--> waiting, at its old place
                            locked --defer--> deferred --receive_deferred--> locked

A message has at most one timer: activation while scheduled, the end of its life while waiting, the
lock's end while locked. Deferred messages have none (Service Bus does not sweep them), nor have
those locked under a session's lock, which has one for all of them.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING
from uuid import UUID

from infra.local.servicebus.broker.entity import Entity
from infra.local.servicebus.broker.errors import BrokerError, MessageLockLost, SessionLockLost
from infra.local.servicebus.broker.messages import (
    BrokerMessage,
    Counts,
    Delivery,
    MessageState,
)
from infra.local.servicebus.broker.runtime import Listener, Runtime
from infra.local.servicebus.broker.session import SessionLock
from infra.local.servicebus.broker.sessions import Sessions
from infra.local.servicebus.broker.waiting import Waiting
from infra.local.servicebus.settings import QueueConfig

if TYPE_CHECKING:
    from infra.local.servicebus.broker.queue import Queue


class Lifecycle(Entity):
    """The states of a queue's messages; Queue has the operations that move them.

    `sessions` is None where none are required. `listeners` hear when messages became available,
    except those of sessions."""

    config: QueueConfig

    def __init__(
        self,
        address: str,
        config: QueueConfig,
        runtime: Runtime,
        dead_letter_queue: Queue | None,
        transfer_dead_letter_queue: Queue | None = None,
    ) -> None:
        super().__init__(address, config, runtime)
        # Both None on a dead-letter queue; what could not be forwarded is in the second.
        self.dead_letter_queue = dead_letter_queue
        self.transfer_dead_letter_queue = transfer_dead_letter_queue
        self.listeners: set[Listener] = set()
        self.sessions = Sessions(self, runtime) if config.requires_session else None
        self._waiting = Waiting(self._messages)  # unused where there are sessions
        self._locked: dict[UUID, BrokerMessage] = {}
        self._deferred = 0

    @property
    def active_count(self) -> int:
        """Messages that receive() could hand out now."""
        return len(self._waiting if self.sessions is None else self.sessions)

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

    @property
    def size_bytes(self) -> int:
        parts = (self.dead_letter_queue, self.transfer_dead_letter_queue)
        return self._stored_bytes + sum(part._stored_bytes for part in parts if part is not None)

    def keep(self, message: BrokerMessage) -> None:
        super().keep(message)
        if self.sessions is not None:
            self.sessions.keep(message)
        if message.state is MessageState.ACTIVE:
            self._line_of(message).add(message.sequence_number)
            self._wait(message)
        elif message.state is MessageState.DEFERRED:
            self._deferred += 1

    def _remove(self, message: BrokerMessage) -> None:
        super()._remove(message)
        if self.sessions is not None:
            self.sessions.removed(message)
        if message.state is MessageState.DEFERRED:
            self._deferred -= 1

    def discard(self, reason: BrokerError) -> None:
        super().discard(reason)
        self._locked.clear()
        if self.sessions is not None:
            self.sessions.discard()

    # Waiting

    def _line_of(self, message: BrokerMessage) -> Waiting:
        return self._waiting if self.sessions is None else self.sessions.line_of(message)

    def _wait(self, message: BrokerMessage) -> None:
        if message.expires_at is not None:
            message.timer = self._runtime.timers.at(message.expires_at, self._life_ended, message)
        if self.sessions is not None:
            self.sessions.available(message)
        elif self.listeners:
            self._runtime.available(self)

    def _give_back(self, message: BrokerMessage, now: int) -> None:
        if message.state is MessageState.DEFERRED:
            return
        if message.expires_at is not None and message.expires_at <= now:
            self._expire(message, now)
            return
        if self._forwarded(message, now):
            return
        self._line_of(message).put_back(message.sequence_number)
        self._wait(message)

    def _life_ended(self, message: BrokerMessage, now: int) -> None:
        line = self._line_of(message)
        self._expire(message, now)
        line.removed()

    def _expire(self, message: BrokerMessage, now: int) -> None:
        if self.config.dead_lettering_on_message_expiration and self.dead_letter_queue is not None:
            self._bury(
                message, now, "TTLExpiredException", "The message expired and was dead lettered."
            )
        else:
            self._remove(message)

    @abstractmethod
    def _forwarded(self, message: BrokerMessage, now: int) -> bool:
        """Hand a message on that is kept here, if the queue forwards and its target takes it."""

    @abstractmethod
    def _bury(
        self, message: BrokerMessage, now: int, reason: str | None, description: str | None
    ) -> None:
        """Move the message to the dead-letter queue."""

    # Locks

    def _deliver(
        self, message: BrokerMessage, now: int, settle: bool, session: SessionLock | None
    ) -> Delivery:
        self.tally.outgoing += 1
        token = self._runtime.next_token()
        if settle:
            self._remove(message)
            return Delivery(token, message)
        message.lock_token = token
        self._locked[token] = message
        if session is None:
            self._lock_until(message, now + self.config.lock_duration)
        else:
            self._cancel_timer(message)
            message.locked_until = session.locked_until
            session.held[token] = message
        return Delivery(token, message)

    def _lock_until(self, message: BrokerMessage, until: int) -> None:
        self._cancel_timer(message)
        message.locked_until = until
        message.timer = self._runtime.timers.at(until, self._lock_expired, message)

    def check_lock(self, lock_token: UUID, now: int) -> None:
        """Raise what settling with this token would raise; changes nothing."""
        self._locked_message(lock_token, now)

    def locked(self) -> list[BrokerMessage]:
        """Return the messages that are locked."""
        return list(self._locked.values())

    def expire_lock(self, lock_token: UUID, now: int) -> None:
        """End a lock, of a message or of the session it belongs to, as if its time were over."""
        message = self._locked_message(lock_token, now)
        if self.sessions is not None:
            self.sessions.expire(self.sessions.current(message.session_id, now), now)
            return
        self._lock_expired(message, now)
        self._runtime.wake(now)

    def _locked_message(self, lock_token: UUID, now: int) -> BrokerMessage:
        message = self._locked.get(lock_token)
        if message is None or message.locked_until is None or message.locked_until <= now:
            lost = MessageLockLost if self.sessions is None else SessionLockLost
            raise lost(
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
            if self.sessions is not None:
                self.sessions.unlocked(message, message.lock_token)
        message.lock_token = message.locked_until = None
        self._cancel_timer(message)

    def _lock_expired(self, message: BrokerMessage, now: int) -> None:
        self.lock_ended(message, now, failed=True)

    def lock_ended(self, message: BrokerMessage, now: int, *, failed: bool) -> None:
        """Take the message back from who had it, counting a failed delivery or not."""
        self._clear_lock(message)
        if failed:
            self._failed(message, now)
        else:
            self._give_back(message, now)

    def _failed(self, message: BrokerMessage, now: int) -> None:
        message.delivery_count += 1
        most = self.config.max_delivery_count
        if self.dead_letter_queue is not None and message.delivery_count >= most:
            self._bury(
                message,
                now,
                "MaxDeliveryCountExceeded",
                f"Message could not be consumed after {most} delivery attempts.",
            )
            return
        self._note(message)
        self._give_back(message, now)


def _held(queue: Queue | None) -> int:
    return 0 if queue is None else len(queue._messages)
