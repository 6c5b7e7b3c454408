"""`$management` of one entity: the operations as a table (Service Bus AMQP request/response guide).

A request names its operation in an application property and brings a map; the answer carries a
status code, and a map or nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from infra.local.servicebus.amqp import (
    AmqpError,
    Array,
    Int,
    Message,
    Timestamp,
)
from infra.local.servicebus.broker import BrokerError, Delivery, Queue, Subscription, Topic
from infra.local.servicebus.broker.sessions import Sessions
from infra.local.servicebus.broker.transaction import Transaction, Work
from infra.local.servicebus.server import rules
from infra.local.servicebus.server.core import Core
from infra.local.servicebus.server.deliveries import delivery_bytes
from infra.local.servicebus.server.errors import (
    ARGUMENT_ERROR,
    NOT_ALLOWED,
    NOT_IMPLEMENTED,
    refused,
)
from infra.local.servicebus.server.management_body import (
    Body,
    body_of,
    get,
    numbers,
    optional,
    tokens,
)
from infra.local.servicebus.server.management_dispositions import DISPOSITIONS
from infra.local.servicebus.server.requests import Response, failed
from infra.local.servicebus.server.security import Claims
from infra.local.servicebus.server.transactions import top_level

_LONG, _TIMESTAMP, _STRING = 0x81, 0x83, 0xB1
_PEEKED_BYTES = 1024 * 1024
"""A peek answers with fewer messages than asked for rather than with more bytes than this."""

_MOST_DELETED = 4000
"""Messages removed by one batch-delete-messages, as in Azure; the answer tells how many."""

_WITH_CONTENT = 253_402_300_800_000
"""last-updated-time (the year 10000) that asks for sessions with messages or state."""

_PREFIX = "com.microsoft:"
_TAKE_AND_DELETE = 0  # receiver-settle-mode of receive-by-sequence-number; 1 locks


class Management:
    def __init__(self, core: Core, entity: Queue | Topic, claims: Claims) -> None:
        self._core = core
        self._entity = entity
        self._claims = claims
        self._transaction: Transaction | None = None  # of the request being answered

    def answer(self, request: Message, transaction: Transaction | None = None) -> Response:
        """Carry the request out, or hold it for the transaction its transfer names: those SDKs
        that have transactions put the ones in `_HELD` there, too."""
        operation = str((request.application_properties or {}).get("operation"))
        name = operation.removeprefix(_PREFIX)
        try:
            action = _OPERATIONS.get(name)
            if action is None or not operation.startswith(_PREFIX):
                raise refused(NOT_IMPLEMENTED, f"The operation '{operation}' is not served.")
            if transaction is not None and name not in _HELD | _CHANGING_NOTHING:
                raise refused(NOT_ALLOWED, f"'{operation}' cannot be part of a transaction.")
            self._claims.require_for(operation, self._entity.address)
            # It may have been deleted since the link was attached, and made anew.
            self._entity = self._core.namespace.entity(self._entity.address)
            self._transaction = transaction
            body = action(self, body_of(request))
        except (BrokerError, AmqpError) as refusal:
            return failed(refusal)
        if body is None:
            return Response({"statusCode": Int(204), "statusDescription": "No Content"})
        return Response({"statusCode": Int(200), "statusDescription": "OK"}, body)

    def _queue(self) -> Queue:
        if isinstance(self._entity, Topic):
            raise refused(NOT_ALLOWED, f"'{self._entity.address}' is a topic, not a queue.")
        return self._entity

    def _subscription(self) -> Subscription:
        if not isinstance(self._entity, Subscription):
            raise refused(NOT_ALLOWED, f"'{self._entity.address}' is no subscription.")
        return self._entity

    def _sessions(self) -> Sessions:
        queue = self._queue()
        if queue.sessions is None:
            raise refused(NOT_ALLOWED, f"'{queue.address}' has no sessions.")
        return queue.sessions

    def peek(self, body: Body) -> Body | None:
        first = get(body, "from-sequence-number", int)
        count = get(body, "message-count", int)
        session_id = optional(body, "session-id", str)
        if session_id is None:
            messages = self._entity.peek(first, count, self._core.now())
        else:
            messages = self._sessions().peek(session_id, first, count)
        with_body = not body.get("omit-message-body")
        found: list[Body] = []
        size = 0
        for message in messages:
            data = delivery_bytes(message, with_body=with_body)
            size += len(data)
            if found and size > _PEEKED_BYTES:
                break
            found.append({"message": data})
        return {"messages": found} if found else None

    def renew_lock(self, body: Body) -> Body:
        queue, now = self._queue(), self._core.now()
        expirations = [queue.renew(token, now) for token in tokens(body)]
        return {"expirations": Array(_TIMESTAMP, expirations)}

    def receive_by_sequence_number(self, body: Body) -> Body:
        lock = get(body, "receiver-settle-mode", int) != _TAKE_AND_DELETE
        deliveries = self._queue().receive_deferred(
            numbers(body),
            self._core.now(),
            lock=lock,
            session_id=optional(body, "session-id", str),
        )
        return {"messages": [_locked_message(delivery, lock) for delivery in deliveries]}

    def update_disposition(self, body: Body) -> Body:
        status = get(body, "disposition-status", str)
        settle = DISPOSITIONS.get(status.lower())
        if settle is None:
            raise refused(ARGUMENT_ERROR, f"'{status}' is no disposition-status.")
        queue = self._queue()
        self._do(
            [
                Work(
                    top_level(queue.address),
                    partial(settle, queue, body, token),
                    partial(queue.check_lock, token),
                    lock=token,
                )
                for token in tokens(body)
            ]
        )
        return {}

    def _do(self, works: Sequence[Work]) -> None:
        """Do all or nothing: now, or when the request's transaction is discharged."""
        now = self._core.now()
        if self._transaction is not None:
            self._transaction.hold(works, now)
            return
        for work in works:
            work.check(now)
        for work in works:
            work.apply(now)

    def delete_batch(self, body: Body) -> Body | None:
        count = get(body, "message-count", int)
        if count < 1:
            raise refused(ARGUMENT_ERROR, "'message-count' is at least 1.")
        deleted = self._queue().delete_batch(
            min(count, _MOST_DELETED),
            get(body, "enqueued-time-utc", Timestamp),
            optional(body, "session-id", str),
        )
        return {"message-count": Int(deleted)} if deleted else None

    def session_state(self, body: Body) -> Body:
        session_id = get(body, "session-id", str)
        return {"session-state": self._sessions().state(session_id, self._core.now())}

    def set_session_state(self, body: Body) -> Body:
        session_id, state = get(body, "session-id", str), optional(body, "session-state", bytes)
        sessions = self._sessions()
        self._do(
            [
                Work(
                    top_level(self._entity.address),
                    partial(sessions.set_state, session_id, state),
                    partial(sessions.check_state, session_id, state),
                )
            ]
        )
        return {}

    def renew_session_lock(self, body: Body) -> Body:
        session_id = get(body, "session-id", str)
        return {"expiration": Timestamp(self._sessions().renew(session_id, self._core.now()))}

    def message_sessions(self, body: Body) -> Body | None:
        skip, top = get(body, "skip", int), get(body, "top", int)
        changed_after = get(body, "last-updated-time", Timestamp)
        by_content = changed_after >= _WITH_CONTENT
        ids = self._sessions().ids(None if by_content else changed_after, skip, top)
        return {"skip": Int(skip), "sessions-ids": Array(_STRING, ids)} if ids else None

    def schedule_message(self, body: Body) -> Body:
        entries = get(body, "messages", list)
        messages = [get(entry, "message", bytes) for entry in entries]
        if any(len(message) > self._core.max_message_bytes for message in messages):
            raise refused("amqp:link:message-size-exceeded", "A message is too large.")
        namespace, address, now = self._core.namespace, self._entity.address, self._core.now()
        if self._transaction is None:
            given = namespace.schedule(address, messages, now)
        else:
            namespace.check(address, messages, now)
            given = namespace.reserve(address, len(messages))
            scheduled = partial(namespace.schedule, address, messages, numbers=given)
            work = Work(top_level(address), scheduled, address=address, payloads=messages)
            self._transaction.hold([work], now)
        return {"sequence-numbers": Array(_LONG, given)}

    def cancel_scheduled_message(self, body: Body) -> Body:
        entity, cancelled = self._entity, numbers(body)
        self._do(
            [
                Work(
                    top_level(entity.address),
                    lambda _now: entity.cancel_scheduled(cancelled),
                    lambda _now: entity.check_scheduled(cancelled),
                )
            ]
        )
        return {}

    def add_rule(self, body: Body) -> Body:
        rule = rules.read_rule(get(body, "rule-name", str), get(body, "rule-description", dict))
        self._subscription().add_rule(rule)
        return {}

    def remove_rule(self, body: Body) -> Body:
        self._subscription().remove_rule(get(body, "rule-name", str))
        return {}

    def enumerate_rules(self, body: Body) -> Body | None:
        skip, top = get(body, "skip", int), get(body, "top", int)
        known = self._subscription().rules()[max(skip, 0) :][: max(top, 0)]
        if not known:
            return None
        return {"rules": [{"rule-description": rules.write_rule(rule)} for rule in known]}


_OPERATIONS: dict[str, Callable[[Management, Body], Body | None]] = {
    "peek-message": Management.peek,
    "renew-lock": Management.renew_lock,
    "receive-by-sequence-number": Management.receive_by_sequence_number,
    "update-disposition": Management.update_disposition,
    "schedule-message": Management.schedule_message,
    "cancel-scheduled-message": Management.cancel_scheduled_message,
    "batch-delete-messages": Management.delete_batch,
    "get-session-state": Management.session_state,
    "set-session-state": Management.set_session_state,
    "renew-session-lock": Management.renew_session_lock,
    "get-message-sessions": Management.message_sessions,
    "add-rule": Management.add_rule,
    "remove-rule": Management.remove_rule,
    "enumerate-rules": Management.enumerate_rules,
}


_HELD = frozenset(
    {
        "update-disposition",
        "schedule-message",
        "cancel-scheduled-message",
        "set-session-state",
    }
)
_CHANGING_NOTHING = frozenset(
    {
        "peek-message",
        "renew-lock",
        "renew-session-lock",
        "receive-by-sequence-number",
        "get-session-state",
        "get-message-sessions",
        "enumerate-rules",
    }
)
"""What a rollback need not undo: they are done at once within a transaction, too."""


def _locked_message(delivery: Delivery, lock: bool) -> Body:
    token = delivery.lock_token
    data = delivery_bytes(delivery.message, lock_token=token if lock else None)
    return {"message": data, "lock-token": token}
