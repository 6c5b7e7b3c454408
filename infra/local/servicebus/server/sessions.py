"""Accepting sessions: attaching with a session filter is accepting one (Service Bus protocol guide,
"Sessions"; the filter's form as the SDKs send and expect it)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from infra.local.servicebus.amqp import Described, Symbol
from infra.local.servicebus.amqp.link import OutgoingLink
from infra.local.servicebus.amqp.performatives import Source
from infra.local.servicebus.broker import BrokerError, Queue, SessionLock
from infra.local.servicebus.broker.session import PendingAccept
from infra.local.servicebus.broker.sessions import Sessions
from infra.local.servicebus.server.errors import ARGUMENT_ERROR, TIMEOUT, error_of, refused
from infra.local.servicebus.server.nodes import Node
from infra.local.servicebus.server.receiving import ReceivingNode

if TYPE_CHECKING:
    from infra.local.servicebus.server.client import Client

_FILTER = Symbol("com.microsoft:session-filter")
_LOCKED_UNTIL = Symbol("com.microsoft:locked-until-utc")
_TIMEOUT = "com.microsoft:timeout"
_DEFAULT_TIMEOUT = 65_000
"""ms that a receiver waits for a session when it does not say how long."""

_TICKS_PER_MS = 10_000
_TICKS_AT_1970 = 621_355_968_000_000_000
""".NET counts time in 100 ns since the year 1."""


def wants_session(source: Source) -> bool:
    return _FILTER in (source.filter or {})


class AcceptingNode(Node):
    """A link that waits for its session; a ReceivingNode takes over as soon as it has one."""

    def __init__(
        self,
        client: Client,
        link: OutgoingLink,
        queue: Queue,
        sessions: Sessions,
        *,
        settle_on_delivery: bool,
    ) -> None:
        super().__init__(client)
        self._link = link
        self._queue = queue
        self._sessions = sessions
        self._settle_on_delivery = settle_on_delivery
        self._pending: PendingAccept | None = None
        queue.receivers.add(self._refuse)

    def accept(self) -> None:
        """Accept the session the filter names, or wait for the next available one."""
        now = self.core.now()
        try:
            session_id = _session_id(self._link.source)
            if session_id is not None:
                self._answered(self._sessions.accept(session_id, now))
                return
            timeout = self._link.properties.get(_TIMEOUT)
            if not isinstance(timeout, int):
                timeout = _DEFAULT_TIMEOUT
        except BrokerError as refusal:
            self._refuse(refusal)
            return
        self._pending = self._sessions.accept_next(self._answered, now, timeout)

    def detached(self) -> None:
        self._leave_line()

    def _answered(self, lock: SessionLock | None) -> None:
        if lock is None:
            text = f"No session of '{self._queue.address}' became available in time."
            self._refuse(refused(TIMEOUT, text))
            return
        self._leave_line()
        link = self._link
        link.owner = node = ReceivingNode(
            self.client,
            link,
            self._queue,
            settle_on_delivery=self._settle_on_delivery,
            session=lock,
        )
        link.accept(
            source=_granted(link.source, lock.session_id),
            properties={_LOCKED_UNTIL: lock.locked_until * _TICKS_PER_MS + _TICKS_AT_1970},
            max_message_size=self.core.max_message_bytes,
        )
        # Maybe another client's doing: this one is served in a turn of its own.
        self.core.ready(node.credited)
        self.client.flush_soon()

    def _refuse(self, refusal: BrokerError) -> None:
        self._leave_line()
        self.client.refuse(self._link, error_of(refusal))
        self.client.flush_soon()

    def _leave_line(self) -> None:
        self._queue.receivers.discard(self._refuse)
        if self._pending is not None:
            self._sessions.cancel(self._pending)


def _session_id(source: Any) -> str | None:
    """Return the id that the filter names, None for the next available session. Raises Refusal."""
    asked = source.filter[_FILTER]
    if isinstance(asked, Described):
        asked = asked.value
    if asked is not None and not isinstance(asked, str):
        raise refused(ARGUMENT_ERROR, f"{_FILTER} is neither a session's id nor null.")
    return asked


def _granted(source: Any, session_id: str) -> Any:
    """Return the source to answer with: as it came, the filter with the session's id."""
    asked = source.filter[_FILTER]
    described = isinstance(asked, Described)
    granted = Described(asked.descriptor, session_id) if described else session_id
    return source._replace(filter={**source.filter, _FILTER: granted})
