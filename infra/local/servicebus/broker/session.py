"""One session of a queue, the lock that holds it, and a place in the line for the next one."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from infra.local.servicebus.broker.errors import SessionLockLost
from infra.local.servicebus.broker.messages import BrokerMessage, MessageState
from infra.local.servicebus.broker.runtime import Listener
from infra.local.servicebus.broker.timers import Timer
from infra.local.servicebus.broker.waiting import Waiting


class SessionLock:
    """One receiver's exclusive hold of a session. `listeners` hear when its messages became
    available; `lost`, if set, is called with the reason when the lock expires, not on release."""

    __slots__ = ("held", "listeners", "locked_until", "lost", "session_id", "timer")

    def __init__(self, session_id: str, locked_until: int) -> None:
        self.session_id = session_id
        self.locked_until = locked_until
        self.held: dict[UUID, BrokerMessage] = {}  # by lock token
        self.listeners: set[Listener] = set()
        self.lost: Callable[[SessionLockLost], None] | None = None
        self.timer: Timer


class Session:
    __slots__ = ("id", "lock", "messages", "offered", "state", "state_changed_at", "waiting")

    def __init__(self, session_id: str) -> None:
        self.id = session_id
        self.messages: dict[int, BrokerMessage] = {}  # of any state
        self.waiting = Waiting(self.messages)
        self.lock: SessionLock | None = None
        self.state: bytes | None = None
        self.state_changed_at = 0
        self.offered: int | None = None  # the number under which Offers has it

    @property
    def is_active(self) -> bool:
        return any(each.state is MessageState.ACTIVE for each in self.messages.values())


class PendingAccept:
    """A receiver in line for the next available session."""

    __slots__ = ("answer", "timer")

    def __init__(self, answer: Callable[[SessionLock | None], None]) -> None:
        self.answer = answer
        self.timer: Timer
