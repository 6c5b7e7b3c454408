"""What the Python drivers do when asked, once for the sync and the aio SDK and for old versions.

An operation is a generator: it yields whatever an SDK call returned and gets the call's value back.
The sync shell hands the value straight back, the aio shell awaits it first.

Values: JSON's own, and `{"bytes": base64}`, `{"uuid": text}`, `{"time": ms}`. Times come back as ms.
"""

from __future__ import annotations

import base64
import itertools
import re
from collections.abc import Callable, Generator, Iterable
from datetime import datetime, timedelta, timezone
from enum import Enum
from typing import Any
from uuid import UUID

import isodate
from azure.servicebus import (
    NEXT_AVAILABLE_SESSION,
    ServiceBusMessage,
    ServiceBusReceiveMode,
    ServiceBusSubQueue,
)
from azure.servicebus.amqp import (
    AmqpAnnotatedMessage,
    AmqpMessageHeader,
    AmqpMessageProperties,
)
from azure.servicebus.management import (
    CorrelationRuleFilter,
    FalseRuleFilter,
    SqlRuleAction,
    SqlRuleFilter,
    TrueRuleFilter,
)

Args = dict[str, Any]
Steps = Generator[Any, Any, Any]
Operation = Callable[["Driver", Any, Args], Steps]
OPERATIONS: dict[str, Operation] = {}

_UTC = timezone.utc
_EPOCH = datetime(1970, 1, 1, tzinfo=_UTC)
_MODES = {
    "peek-lock": ServiceBusReceiveMode.PEEK_LOCK,
    "receive-and-delete": ServiceBusReceiveMode.RECEIVE_AND_DELETE,
}
_SUB_QUEUES = {
    "dead-letter": ServiceBusSubQueue.DEAD_LETTER,
    "transfer-dead-letter": ServiceBusSubQueue.TRANSFER_DEAD_LETTER,
}
_PROPERTIES = (
    "message_id", "subject", "content_type", "correlation_id", "to", "reply_to",
    "reply_to_session_id", "session_id", "partition_key",
)  # fmt: skip


class Driver:
    """What is open, by the names the suite gave, and the messages received, by reference."""

    def __init__(self, client_class: Any, admin_class: Any) -> None:
        self.client_class = client_class
        self.admin_class = admin_class
        self.objects: dict[str, Any] = {}
        self.messages: dict[int, Any] = {}
        self._references = itertools.count(1)

    def steps(self, request: dict[str, Any]) -> Steps:
        """Return the operation of `{op, on, args}`, not begun yet."""
        on = self.objects.get(request.get("on", ""))
        return OPERATIONS[request["op"]](self, on, request.get("args", {}))

    def keep(self, message: Any) -> dict[str, Any]:
        reference = next(self._references)
        self.messages[reference] = message
        return {"reference": reference, **_received(message)}


def operation(function: Operation) -> Operation:
    OPERATIONS[function.__name__] = function
    return function


# Opening and closing


@operation
def open_client(driver: Driver, _on: None, args: Args) -> Steps:
    options = {"connection_verify": args["ca_file"]} if args.get("ca_file") else {}
    if args.get("web_socket"):
        from azure.servicebus import TransportType  # noqa: PLC0415

        options["transport_type"] = TransportType.AmqpOverWebsocket
    if args.get("custom_endpoint"):
        options["custom_endpoint_address"] = args["custom_endpoint"]
    driver.objects[args["as"]] = driver.client_class.from_connection_string(
        args["connection_string"],
        retry_total=args["retries"],
        retry_backoff_factor=0.2,
        **options,
    )
    yield None


@operation
def open_admin(driver: Driver, _on: None, args: Args) -> Steps:
    options = {"connection_verify": args["ca_file"]} if args.get("ca_file") else {}
    driver.objects[args["as"]] = driver.admin_class.from_connection_string(
        args["connection_string"], retry_total=0, **options
    )
    yield None


@operation
def open_sender(driver: Driver, client: Any, args: Args) -> Steps:
    entity = args["entity"]
    # Queues and topics are sent to alike; which of the two a name is only the service knows.
    sender = client.get_queue_sender(entity)
    yield _entered(sender)
    driver.objects[args["as"]] = sender


@operation
def open_receiver(driver: Driver, client: Any, args: Args) -> Steps:
    options: dict[str, Any] = {
        "receive_mode": _MODES[args["mode"]],
        "prefetch_count": args["prefetch"],
    }
    if args.get("sub_queue"):
        options["sub_queue"] = _SUB_QUEUES[args["sub_queue"]]
    if args.get("next_session"):
        options["session_id"] = NEXT_AVAILABLE_SESSION
    elif args.get("session") is not None:
        options["session_id"] = args["session"]
    if args.get("wait") is not None:
        options["max_wait_time"] = args["wait"]
    if isinstance(args["entity"], list):
        receiver = client.get_subscription_receiver(*args["entity"], **options)
    else:
        receiver = client.get_queue_receiver(args["entity"], **options)
    yield _entered(receiver)
    driver.objects[args["as"]] = receiver
    session = receiver.session if "session_id" in options else None
    return None if session is None else _session(session)


def _entered(handler: Any) -> Any:
    return handler.__aenter__() if hasattr(handler, "__aenter__") else handler.__enter__()


@operation
def close(driver: Driver, on: Any, args: Args) -> Steps:
    yield on.close()
    driver.objects.pop(args["name"])


# Sending


@operation
def send(driver: Driver, sender: Any, args: Args) -> Steps:
    yield sender.send_messages(_message(args["message"]))


@operation
def send_list(driver: Driver, sender: Any, args: Args) -> Steps:
    yield sender.send_messages([_message(message) for message in args["messages"]])


@operation
def send_batch(driver: Driver, sender: Any, args: Args) -> Steps:
    """Fill one batch until it takes no more; return how many messages went."""
    batch = yield sender.create_message_batch()
    added = 0
    for message in args["messages"]:
        try:
            batch.add_message(_message(message))
        except ValueError:  # MessageSizeExceededError is one
            break
        added += 1
    yield sender.send_messages(batch)
    return {"sent": added, "limit": batch.max_size_in_bytes}


@operation
def schedule(driver: Driver, sender: Any, args: Args) -> Steps:
    messages = [_message(message) for message in args["messages"]]
    numbers = yield sender.schedule_messages(messages, _time(args["at"]))
    return list(numbers)


@operation
def cancel(driver: Driver, sender: Any, args: Args) -> Steps:
    yield sender.cancel_scheduled_messages(args["numbers"])


# Receiving and settling


@operation
def receive(driver: Driver, receiver: Any, args: Args) -> Steps:
    got = yield receiver.receive_messages(
        max_message_count=args["count"], max_wait_time=args["wait"]
    )
    return [driver.keep(message) for message in got]


@operation
def receive_deferred(driver: Driver, receiver: Any, args: Args) -> Steps:
    got = yield receiver.receive_deferred_messages(args["numbers"])
    return [driver.keep(message) for message in got]


@operation
def peek(driver: Driver, receiver: Any, args: Args) -> Steps:
    start = {} if args.get("start") is None else {"sequence_number": args["start"]}
    got = yield receiver.peek_messages(max_message_count=args["count"], **start)
    return [driver.keep(message) for message in got]


@operation
def complete(driver: Driver, receiver: Any, args: Args) -> Steps:
    yield receiver.complete_message(driver.messages[args["message"]])


@operation
def abandon(driver: Driver, receiver: Any, args: Args) -> Steps:
    yield receiver.abandon_message(driver.messages[args["message"]])


@operation
def defer(driver: Driver, receiver: Any, args: Args) -> Steps:
    yield receiver.defer_message(driver.messages[args["message"]])


@operation
def dead_letter(driver: Driver, receiver: Any, args: Args) -> Steps:
    yield receiver.dead_letter_message(
        driver.messages[args["message"]],
        reason=args["reason"],
        error_description=args["description"],
    )


@operation
def renew_lock(driver: Driver, receiver: Any, args: Args) -> Steps:
    until = yield receiver.renew_message_lock(driver.messages[args["message"]])
    return _ms(until)


# Sessions


@operation
def session(driver: Driver, receiver: Any, args: Args) -> Steps:
    yield None
    return _session(receiver.session)


@operation
def renew_session(driver: Driver, receiver: Any, args: Args) -> Steps:
    until = yield receiver.session.renew_lock()
    return _ms(until)


@operation
def get_session_state(driver: Driver, receiver: Any, args: Args) -> Steps:
    state = yield receiver.session.get_state()
    return None if state is None else _tagged(state)


@operation
def set_session_state(driver: Driver, receiver: Any, args: Args) -> Steps:
    yield receiver.session.set_state(_untagged(args["state"]))


@operation
def list_sessions(driver: Driver, client: Any, args: Args) -> Steps:
    since = None if args.get("since") is None else _time(args["since"])
    if isinstance(args["entity"], list):
        listed = client.list_subscription_sessions(*args["entity"], state_updated_after=since)
    else:
        listed = client.list_queue_sessions(args["entity"], state_updated_after=since)
    found = yield listed
    return list(found)


def _session(session: Any) -> dict[str, Any]:
    return {"id": session.session_id, "locked_until": _ms(session.locked_until_utc)}


# Administration: `kind` is queue, topic, subscription or rule; `path` the names from the topic down.


@operation
def admin_create(driver: Driver, admin: Any, args: Args) -> Steps:
    properties = {name: _setting(value) for name, value in args["properties"].items()}
    yield getattr(admin, f"create_{args['kind']}")(*args["path"], **properties)


@operation
def admin_get(driver: Driver, admin: Any, args: Args) -> Steps:
    found = yield getattr(admin, f"get_{args['kind']}")(*args["path"])
    return {name: _plain(getattr(found, name)) for name in args["wanted"]}


@operation
def admin_runtime(driver: Driver, admin: Any, args: Args) -> Steps:
    found = yield getattr(admin, f"get_{args['kind']}_runtime_properties")(*args["path"])
    return {name: _plain(getattr(found, name)) for name in args["wanted"]}


@operation
def admin_update(driver: Driver, admin: Any, args: Args) -> Steps:
    *parents, _name = args["path"]
    found = yield getattr(admin, f"get_{args['kind']}")(*args["path"])
    for name, value in args["properties"].items():
        setattr(found, name, _setting(value))
    yield getattr(admin, f"update_{args['kind']}")(*parents, found)


@operation
def admin_delete(driver: Driver, admin: Any, args: Args) -> Steps:
    yield getattr(admin, f"delete_{args['kind']}")(*args["path"])


@operation
def admin_list(driver: Driver, admin: Any, args: Args) -> Steps:
    found = yield getattr(admin, f"list_{args['kind']}s")(*args["path"])
    return [entity.name for entity in found]


@operation
def admin_namespace(driver: Driver, admin: Any, args: Args) -> Steps:
    found = yield admin.get_namespace_properties()
    return {name: _plain(getattr(found, name)) for name in args["wanted"]}


@operation
def add_rule(driver: Driver, admin: Any, args: Args) -> Steps:
    filter_, action = args["filter"], args.get("action")
    yield admin.create_rule(
        *args["entity"],
        args["name"],
        filter=_setting(filter_),
        action=None if action is None else SqlRuleAction(action),
    )


@operation
def remove_rule(driver: Driver, admin: Any, args: Args) -> Steps:
    yield admin.delete_rule(*args["entity"], args["name"])


@operation
def list_rules(driver: Driver, admin: Any, args: Args) -> Steps:
    found = yield admin.list_rules(*args["entity"])
    return [
        {"name": rule.name, **_filter(rule.filter), **_action(rule.action)} for rule in found
    ]


def _filter(found: Any) -> dict[str, Any]:
    if isinstance(found, CorrelationRuleFilter):
        return {"correlation": {"subject": found.label, "properties": dict(found.properties or {})}}
    # The SDK's true and false filters are SQL filters too.
    return {"sql": found.sql_expression}


def _action(found: Any) -> dict[str, Any]:
    expression = getattr(found, "sql_expression", None)
    return {} if expression is None else {"action": expression}


# Values


_FILTERS: dict[str, Callable[[Any], Any]] = {
    "sql": SqlRuleFilter,
    "true": lambda _none: TrueRuleFilter(),
    "false": lambda _none: FalseRuleFilter(),
    "correlation": lambda wanted: CorrelationRuleFilter(
        label=wanted.get("subject"), properties=wanted.get("properties", {})
    ),
}


def _setting(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    [(kind, wanted)] = value.items()
    return _FILTERS[kind](wanted)


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, timedelta):
        return isodate.duration_isoformat(value)
    return _ms(value) if isinstance(value, datetime) else value


def _time(ms: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=ms)


def _ms(time: datetime | None) -> int | None:
    if time is None:
        return None
    return (time - _EPOCH) // timedelta(milliseconds=1)


def _untagged(value: Any) -> Any:
    if isinstance(value, list):
        return [_untagged(each) for each in value]
    if not isinstance(value, dict):
        return value
    [(tag, held)] = value.items()
    return {"bytes": base64.b64decode, "uuid": UUID, "time": _time, "map": _map}[tag](held)


def _map(entries: dict[str, Any]) -> dict[str, Any]:
    return {key: _untagged(value) for key, value in entries.items()}


def _tagged(value: Any, *, text: bool = False) -> Any:
    """`text`: bytes that are UTF-8 become str, for where the SDK hands out strings as bytes."""
    if isinstance(value, bytes):
        if text:
            try:
                return value.decode()
            except UnicodeDecodeError:
                pass
        return {"bytes": base64.b64encode(value).decode()}
    if isinstance(value, UUID):
        return {"uuid": str(value)}
    if isinstance(value, datetime):
        return _ms(value)
    if isinstance(value, list):
        return [_tagged(each, text=text) for each in value]
    if isinstance(value, dict):
        return {"map": _texts(value)}
    return value


def _texts(properties: dict[Any, Any] | None) -> dict[str, Any]:
    return {
        str(_tagged(key, text=True)): _tagged(value, text=True)
        for key, value in (properties or {}).items()
    }


def _message(source: dict[str, Any]) -> ServiceBusMessage | AmqpAnnotatedMessage:
    [(kind, body)] = source["body"].items()
    body = _untagged(body)
    given = {name: _untagged(source[name]) for name in _PROPERTIES if name in source}
    properties = _map(source.get("properties", {}))
    live = source.get("time_to_live")
    if kind != "data" or not isinstance(given.get("message_id", ""), str):
        return _annotated(kind, body, given, properties)
    return ServiceBusMessage(
        body if len(body) != 1 else body[0],
        application_properties=properties or None,
        time_to_live=None if live is None else timedelta(milliseconds=live),
        scheduled_enqueue_time_utc=(
            _time(source["scheduled_at"]) if "scheduled_at" in source else None
        ),
        **given,
    )


def _annotated(kind: str, body: Any, given: Args, properties: Args) -> AmqpAnnotatedMessage:
    return AmqpAnnotatedMessage(
        **{f"{kind}_body": body},
        header=AmqpMessageHeader(),
        properties=AmqpMessageProperties(**given),
        application_properties=properties or None,
    )


def _received(message: Any) -> dict[str, Any]:
    raw = message.raw_amqp_message
    found = {
        "body": _body(raw),
        "properties": _texts(message.application_properties),
        "annotations": _texts(raw.annotations),
        **{name: _tagged(getattr(message, name), text=True) for name in _PROPERTIES},
        # The high-level attribute turns every kind of id into text.
        "message_id": _tagged(raw.properties.message_id, text=True) if raw.properties else None,
        "time_to_live": _milliseconds(message.time_to_live),
        "scheduled_at": _ms(message.scheduled_enqueue_time_utc),
        "sequence_number": message.sequence_number,
        "enqueued_sequence_number": message.enqueued_sequence_number,
        "delivery_count": message.delivery_count,
        "enqueued_at": _ms(message.enqueued_time_utc),
        "expires_at": _ms(message.expires_at_utc),
        "locked_until": _ms(getattr(message, "locked_until_utc", None)),
        "lock_token": str(message.lock_token) if getattr(message, "lock_token", None) else None,
        "state": message.state.name.lower(),
        "dead_letter_reason": message.dead_letter_reason,
        "dead_letter_description": message.dead_letter_error_description,
        "dead_letter_source": message.dead_letter_source,
    }
    return {name: value for name, value in found.items() if value is not None}


def _milliseconds(duration: timedelta | None) -> int | None:
    return None if duration is None else duration // timedelta(milliseconds=1)


def _body(raw: Any) -> dict[str, Any]:
    kind = raw.body_type.value
    body = raw.body
    if kind == "data":
        return {"data": [_tagged(b"".join(_chunks(body)))]}
    if kind == "sequence":
        return {"sequence": [_tagged(each, text=True) for section in body for each in section]}
    return {"value": _tagged(body, text=True)}


def _chunks(body: Iterable[bytes] | None) -> Iterable[bytes]:
    return body or ()


# Errors

_CODES = {
    "MessageLockLostError": "message-lock-lost",
    "MessageAlreadySettled": "message-already-settled",
    "SessionLockLostError": "session-lock-lost",
    "SessionCannotBeLockedError": "session-cannot-be-locked",
    "MessageNotFoundError": "message-not-found",
    "MessagingEntityNotFoundError": "not-found",
    "MessagingEntityDisabledError": "entity-disabled",
    "MessagingEntityAlreadyExistsError": "entity-already-exists",
    "MessageSizeExceededError": "message-size-exceeded",
    "ServiceBusQuotaExceededError": "resource-limit-exceeded",
    "ServiceBusServerBusyError": "server-busy",
    "OperationTimeoutError": "timeout",
    "ServiceBusAuthorizationError": "unauthorized-access",
    "ServiceBusAuthenticationError": "unauthorized-access",
    "ServiceBusConnectionError": "connection",
    "ServiceBusCommunicationError": "connection",
    "ResourceNotFoundError": "not-found",
    "ResourceExistsError": "entity-already-exists",
    "ClientAuthenticationError": "unauthorized-access",
}
_CONDITION = re.compile(r"(?:amqp|com\.microsoft):(?:\w+:)?([a-z-]+)")


def error_of(error: BaseException) -> dict[str, str]:
    """Return the short name of the AMQP condition the SDK's error stands for, and its text.

    Where no class says it, the SDK keeps the condition; an HTTP status is `http-400`."""
    name = type(error).__name__
    status = getattr(error, "status_code", None)
    named = _CONDITION.search(str(getattr(error, "_condition", None) or error))
    if name in _CODES:
        code = _CODES[name]
    elif isinstance(status, int):
        code = f"http-{status}"
    else:
        code = named.group(1) if named else name
    return {"code": code, "text": f"{name}: {error}"}
