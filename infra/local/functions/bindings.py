"""Service Bus messages as the worker receives them (azure-functions.md 3.1, 3.2).

A function that asks for `func.ServiceBusMessage` gets body and trigger metadata; one that asks for
the SDK's type gets the whole AMQP message as ModelBindingData and decodes it itself.
"""

import base64
import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from azure.servicebus import ServiceBusReceivedMessage

from infra.local.functions.amqp_bytes import encode_received
from infra.local.functions.functions import ServiceBusTrigger
from infra.local.functions.protos import Collection, ModelBindingData, TypedData

_LOCK_TOKEN_KEY = b"x-opt-lock-token"


@dataclass(frozen=True)
class TriggerInput:
    """The trigger argument's value and the metadata beside it."""

    value: TypedData
    metadata: Mapping[str, TypedData]


def service_bus_input(
    trigger: ServiceBusTrigger, messages: Sequence[ServiceBusReceivedMessage]
) -> TriggerInput:
    """Encode what one invocation receives: one message, or all of a batch."""
    if trigger.deferred:
        models = [_model_binding_data(message) for message in messages]
        value = (
            TypedData(collection_model_binding_data=Collection(model_binding_data=models))
            if trigger.many
            else TypedData(model_binding_data=models[0])
        )
        # The extension reads nothing but the content, so the metadata is not built.
        return TriggerInput(value, {})
    if trigger.many:
        return _batch_input(trigger, messages)
    return _single_input(trigger, messages[0])


def application_properties(message: ServiceBusReceivedMessage) -> dict[str, Any]:
    """Return them with text keys and values as they look after the host's JSON round trip."""
    return {
        _text(key): _json_value(value)
        for key, value in (message.application_properties or {}).items()
    }


def lock_token(message: ServiceBusReceivedMessage) -> uuid.UUID:
    token = message.lock_token
    return token if isinstance(token, uuid.UUID) else uuid.UUID(str(token))


def _model_binding_data(message: ServiceBusReceivedMessage) -> ModelBindingData:
    return ModelBindingData(
        version="1.0",
        source="AzureServiceBusReceivedMessage",
        content_type="application/octet-stream",
        content=lock_token(message).bytes_le
        + _LOCK_TOKEN_KEY
        + encode_received(message, delivery_count(message)),
    )


def _body(message: ServiceBusReceivedMessage) -> bytes:
    body = message.body
    return body if isinstance(body, bytes) else b"".join(body)


# Fields extension 5.x supplies, by the type they travel as. All others of func.ServiceBusMessage
# (locked_until, time_to_live, state, ...) are always None on Azure, so they are here.
_STRINGS: dict[str, Callable[[ServiceBusReceivedMessage], object]] = {
    "MessageId": lambda m: m.message_id,
    "LockToken": lambda m: str(lock_token(m)),
    "ContentType": lambda m: m.content_type,
    "CorrelationId": lambda m: m.correlation_id,
    "Subject": lambda m: m.subject,
    "Label": lambda m: m.subject,
    "SessionId": lambda m: m.session_id,
    "ReplyTo": lambda m: m.reply_to,
    "ReplyToSessionId": lambda m: m.reply_to_session_id,
    "To": lambda m: m.to,
    "PartitionKey": lambda m: m.partition_key,
    "DeadLetterSource": lambda m: m.dead_letter_source,
}
_JSON: dict[str, Callable[[ServiceBusReceivedMessage], object]] = {
    "DeliveryCount": lambda m: delivery_count(m),
    "SequenceNumber": lambda m: m.sequence_number,
    "EnqueuedTimeUtc": lambda m: _host_time(m.enqueued_time_utc),
    "ExpiresAtUtc": lambda m: _host_time(m.expires_at_utc),
    "ApplicationProperties": application_properties,
    "UserProperties": application_properties,
}


def delivery_count(message: ServiceBusReceivedMessage) -> int:
    """Return 1 for the first delivery: .NET adds one to AMQP's count of *failed* deliveries."""
    return (message.delivery_count or 0) + 1


def _single_input(trigger: ServiceBusTrigger, message: ServiceBusReceivedMessage) -> TriggerInput:
    metadata = {
        name: TypedData(string=_text(value))
        for name, read in _STRINGS.items()
        if (value := read(message)) is not None
    }
    for name, read in _JSON.items():
        if (value := read(message)) is not None:
            metadata[name] = TypedData(json=json.dumps(value))
    body = _body(message)
    if trigger.binary:
        return TriggerInput(TypedData(bytes=body), metadata)
    text = body.decode("utf-8", errors="replace")
    metadata |= _body_scalars(text)
    return TriggerInput(TypedData(string=text), metadata)


def _body_scalars(text: str) -> dict[str, TypedData]:
    """Return a JSON body's top-level scalars: the host merges them over its own metadata."""
    if not text.lstrip().startswith("{"):
        return {}
    try:
        document = json.loads(text)
    except ValueError:
        return {}
    return {
        name: TypedData(string=value)
        if isinstance(value, str)
        else TypedData(json=json.dumps(value))
        for name, value in document.items()
        if isinstance(value, str | int | float | bool)
    }


def _batch_input(
    trigger: ServiceBusTrigger, messages: Sequence[ServiceBusReceivedMessage]
) -> TriggerInput:
    # The host drops empty entries from arrays of text, so an optional field shifts onto the wrong
    # message; JSON arrays keep their places. Reproduced, because apps must survive it on Azure.
    metadata = {
        f"{name}Array": TypedData(
            collection_string=Collection(
                string=[_text(value) for message in messages if (value := read(message))]
            )
        )
        for name, read in _STRINGS.items()
    }
    for name, read in _JSON.items():
        metadata[f"{name}Array"] = TypedData(json=json.dumps([read(m) for m in messages]))
    bodies = [_body(message) for message in messages]
    if trigger.binary:
        return TriggerInput(TypedData(collection_bytes=Collection(bytes=bodies)), metadata)
    texts = [text for body in bodies if (text := body.decode("utf-8", errors="replace"))]
    return TriggerInput(TypedData(collection_string=Collection(string=texts)), metadata)


def _host_time(moment: datetime | None) -> str | None:
    """Return the time as the host's JSON has it: UTC without saying so."""
    if moment is None:
        return None
    if moment.tzinfo is not None:
        moment = moment.astimezone(timezone.utc)
    return moment.replace(tzinfo=None).isoformat()


def _text(value: object) -> str:
    return value.decode("utf-8", errors="replace") if isinstance(value, bytes) else str(value)


def _json_value(value: object) -> object:
    if isinstance(value, bytes):
        # The SDK hands over AMQP strings as bytes too; what is not text was binary.
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            return base64.b64encode(value).decode("ascii")
    if isinstance(value, datetime):
        return _host_time(value)
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return str(value)
