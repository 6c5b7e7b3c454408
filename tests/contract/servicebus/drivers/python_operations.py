"""What the Python drivers do with messages when asked."""

from __future__ import annotations

from typing import Any

from azure.servicebus import (
    NEXT_AVAILABLE_SESSION,
    ServiceBusReceiveMode,
    ServiceBusSubQueue,
    TransportType,
)

from tests.contract.servicebus.drivers.python_driver import Args, Driver, Steps, operation
from tests.contract.servicebus.drivers.python_values import (
    ms_of,
    sendable,
    tagged,
    time_of,
    untagged,
)

_MODES = {
    "peek-lock": ServiceBusReceiveMode.PEEK_LOCK,
    "receive-and-delete": ServiceBusReceiveMode.RECEIVE_AND_DELETE,
}
_SUB_QUEUES = {
    "dead-letter": ServiceBusSubQueue.DEAD_LETTER,
    "transfer-dead-letter": ServiceBusSubQueue.TRANSFER_DEAD_LETTER,
}


# Opening and closing


@operation
def open_client(driver: Driver, _on: None, args: Args) -> Steps:
    options = {"connection_verify": args["ca_file"]} if args.get("ca_file") else {}
    if args.get("web_socket"):
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
    yield sender.send_messages(sendable(args["message"]))


@operation
def send_list(driver: Driver, sender: Any, args: Args) -> Steps:
    yield sender.send_messages([sendable(message) for message in args["messages"]])


@operation
def send_batch(driver: Driver, sender: Any, args: Args) -> Steps:
    """Fill one batch until it takes no more; return how many messages went."""
    batch = yield sender.create_message_batch()
    added = 0
    for message in args["messages"]:
        try:
            batch.add_message(sendable(message))
        except ValueError:  # MessageSizeExceededError is one
            break
        added += 1
    yield sender.send_messages(batch)
    return {"sent": added, "limit": batch.max_size_in_bytes}


@operation
def schedule(driver: Driver, sender: Any, args: Args) -> Steps:
    messages = [sendable(message) for message in args["messages"]]
    numbers = yield sender.schedule_messages(messages, time_of(args["at"]))
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
    return ms_of(until)


# Sessions


@operation
def session(driver: Driver, receiver: Any, args: Args) -> Steps:
    yield None
    return _session(receiver.session)


@operation
def renew_session(driver: Driver, receiver: Any, args: Args) -> Steps:
    until = yield receiver.session.renew_lock()
    return ms_of(until)


@operation
def get_session_state(driver: Driver, receiver: Any, args: Args) -> Steps:
    state = yield receiver.session.get_state()
    return None if state is None else tagged(state)


@operation
def set_session_state(driver: Driver, receiver: Any, args: Args) -> Steps:
    yield receiver.session.set_state(untagged(args["state"]))


@operation
def list_sessions(driver: Driver, client: Any, args: Args) -> Steps:
    since = None if args.get("since") is None else time_of(args["since"])
    if isinstance(args["entity"], list):
        listed = client.list_subscription_sessions(*args["entity"], state_updated_after=since)
    else:
        listed = client.list_queue_sessions(args["entity"], state_updated_after=since)
    found = yield listed
    return list(found)


def _session(session: Any) -> dict[str, Any]:
    return {"id": session.session_id, "locked_until": ms_of(session.locked_until_utc)}
