"""What the broker reads from a sender's message before it is stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple
from uuid import UUID

from infra.local.servicebus.amqp.message import LONGEST_HEADER_TTL, with_message_id
from infra.local.servicebus.broker.errors import InvalidArgument
from infra.local.servicebus.broker.messages import Parse, ParsedMessage

SCHEDULED_ENQUEUE_TIME = "x-opt-scheduled-enqueue-time"
PARTITION_KEY = "x-opt-partition-key"
_NOTHING: Mapping[str, Any] = MappingProxyType({})
LAST_TIME = 253_402_300_799_999  # the end of the year 9999, where .NET's time ends


class Incoming(NamedTuple):
    """A message on its way in. `time_to_live` is ms, None = unlimited. `carried` is what a
    forwarded one brings along: fields of BrokerMessage, and its hops so far."""

    data: bytes
    parsed: ParsedMessage
    time_to_live: int | None
    scheduled_enqueue_time: int | None
    partition_key: str | None
    carried: Mapping[str, Any] = _NOTHING

    @property
    def session_id(self) -> str | None:
        properties = self.parsed.properties
        return None if properties is None else properties.group_id

    @property
    def duplicate_key(self) -> str | None:
        """The message id as text, so that a UUID and its spelling are one id; None without one."""
        properties = self.parsed.properties
        message_id = None if properties is None else properties.message_id
        if message_id is None:
            return None
        if isinstance(message_id, bytes):
            return message_id.hex()
        return str(message_id) if isinstance(message_id, (str, int, UUID)) else repr(message_id)


def read(parse: Parse, data: bytes) -> Incoming:
    """Raises InvalidArgument when the bytes are not one message or its annotations not ours."""
    try:
        parsed = parse(data)
    except ValueError as error:
        raise InvalidArgument(f"The message cannot be read: {error}") from error
    annotations = parsed.message_annotations
    if not annotations:
        return Incoming(data, parsed, _time_to_live(parsed), None, None)
    due = annotations.get(SCHEDULED_ENQUEUE_TIME)
    if due is not None and not (isinstance(due, int) and due <= LAST_TIME):
        raise InvalidArgument(f"{SCHEDULED_ENQUEUE_TIME} is no timestamp up to the year 9999.")
    partition_key = annotations.get(PARTITION_KEY)
    if partition_key is not None and not isinstance(partition_key, str):
        raise InvalidArgument(f"{PARTITION_KEY} is no text.")
    return Incoming(data, parsed, _time_to_live(parsed), due, partition_key)


def identified(parse: Parse, incoming: Incoming, new: Callable[[], UUID]) -> Incoming:
    """Return the message with a new id if it has none. Service Bus gives every message one, which
    the SDK for Node relies on (Azure/azure-service-bus-java, issues 69 and 191)."""
    properties = incoming.parsed.properties
    if properties is not None and properties.message_id is not None:
        return incoming
    data = with_message_id(incoming.data, new().hex)
    return incoming._replace(data=data, parsed=parse(data))


def _time_to_live(parsed: ParsedMessage) -> int | None:
    header = parsed.header
    ttl: int | None = None if header is None else header.ttl
    if ttl is None or ttl < LONGEST_HEADER_TTL or parsed.properties is None:
        return ttl
    expiry = parsed.properties.absolute_expiry_time
    creation = parsed.properties.creation_time
    if expiry is None or creation is None or not creation < expiry <= LAST_TIME:
        return ttl
    return int(expiry - creation)
