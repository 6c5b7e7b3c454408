"""One neutral message from three kinds of native one, and the wire form of facts and retries."""

import json
import uuid
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from azure.servicebus import ServiceBusMessageBatch

from shared.bus.copies import Retry, retry_message
from shared.bus.message import Received, event_message, received
from shared.events import BACKFILL, decode, encode
from tests.unit.bus.samples import NOW, TRACEPARENT, message, sale_event

EVENT = sale_event()
PROPERTIES: dict[str, Any] = {"company": "gbrt", "retry-attempt": 3, "traceparent": TRACEPARENT}
TOKEN = uuid.UUID("11223344-5566-7788-99aa-bbccddeeff00")


def from_typed_binding(body: bytes) -> Any:
    uamqp = pytest.importorskip("uamqp")
    from azurefunctions.extensions.bindings.servicebus import ServiceBusConverter

    amqp = uamqp.Message(
        body,
        properties=uamqp.message.MessageProperties(message_id=str(EVENT.id)),
        application_properties=PROPERTIES,
    )
    model = SimpleNamespace(
        version="1.0",
        source="AzureServiceBusReceivedMessage",
        content_type="application/octet-stream",
        content=TOKEN.bytes_le + b"x-opt-lock-token" + amqp.encode_message(),
    )
    datum = SimpleNamespace(
        type="collection_model_binding_data", value=SimpleNamespace(model_binding_data=[model])
    )
    (native,) = ServiceBusConverter.decode(datum, trigger_metadata=None, pytype=None)
    return native


def from_classic_binding(body: bytes) -> Any:
    from azure.functions import meta
    from azure.functions.servicebus import ServiceBusMessageInConverter

    def texts(*values: str) -> meta.Datum:
        return meta.Datum(SimpleNamespace(string=list(values)), "collection_string")

    def values(*values: Any) -> meta.Datum:
        return meta.Datum(json.dumps(values), "json")

    (native,) = ServiceBusMessageInConverter.decode(  # type: ignore[misc]
        meta.Datum(SimpleNamespace(bytes=[body]), "collection_bytes"),
        trigger_metadata={
            "UserPropertiesArray": values(PROPERTIES),
            "ApplicationPropertiesArray": values(PROPERTIES),
            "MessageIdArray": texts(str(EVENT.id)),
            "LockTokenArray": texts(str(TOKEN)),
            "DeliveryCountArray": values(1),
        },
    )
    return native


@pytest.mark.parametrize("source", [from_typed_binding, from_classic_binding])
@pytest.mark.parametrize("body", [encode(EVENT), b"\xff\x00 not text"])
def test_every_kind_of_native_message_becomes_the_same(source: Any, body: bytes) -> None:
    neutral = received(source(body))

    assert neutral.body == body
    assert neutral.message_id == str(EVENT.id)
    assert neutral.properties == PROPERTIES
    assert neutral.lock_token == str(TOKEN)
    assert neutral.traceparent == TRACEPARENT
    assert neutral.attempt == 3


@pytest.mark.parametrize(
    ("value", "body"),
    [
        ("text", b"text"),
        (b"bytes", b"bytes"),
        (7, b""),
        ({"a": 1}, b""),
        (None, b""),
        ([1, 2], b""),
        ([b"a", b"b"], b"ab"),
    ],
)
def test_a_body_that_is_no_data_section_fails_nothing(value: Any, body: bytes) -> None:
    native = SimpleNamespace(
        body=value,
        message_id=None,
        application_properties=None,
        delivery_count=None,
        lock_token=TOKEN,
    )

    assert received(native).body == body


def test_an_amqp_value_from_a_stranger_is_read_as_far_as_it_goes() -> None:
    uamqp = pytest.importorskip("uamqp")
    from azure.servicebus import ServiceBusReceivedMessage

    amqp = uamqp.Message({"quantity": 1}, body_type=uamqp.MessageBodyType.Value)
    decoded = uamqp.Message.decode_from_bytes(amqp.encode_message())
    decoded.delivery_annotations = {b"x-opt-lock-token": TOKEN}

    neutral = received(ServiceBusReceivedMessage(decoded, receiver=None))

    assert neutral.body == b""
    assert neutral.lock_token == str(TOKEN)


def test_a_retry_copy_carries_a_vendors_properties_of_any_type() -> None:
    vendor = {"n": 2**40, "f": 0.5, "b": True, "id": TOKEN, "at": NOW, "none": None}
    batch = ServiceBusMessageBatch(max_size_in_bytes=10_000)

    batch.add_message(retry_message(copy_of(message(EVENT, vendor)), NOW))

    assert len(batch) == 1


def test_an_event_travels_under_its_own_id_with_the_routing_properties() -> None:
    sent = event_message(EVENT)

    assert sent.message_id == str(EVENT.id)
    assert sent.subject == EVENT.subject
    assert sent.content_type == "application/cloudevents+json; charset=utf-8"
    assert sent.application_properties == {
        "type": EVENT.type,
        "source": EVENT.source,
        "subject": EVENT.subject,
        "company": "gbrt",
        "store": "LONDON",
    }
    assert decode(b"".join(sent.body)) == EVENT


def test_an_event_takes_its_trace_along_even_without_telemetry() -> None:
    sent = event_message(sale_event(traceparent=TRACEPARENT))

    assert (sent.application_properties or {})["traceparent"] == TRACEPARENT


def copy_of(original: Received) -> Retry:
    return Retry(
        original=original,
        event_id=EVENT.id,
        subscription="sales",
        attempt=2,
        first_seen=NOW,
        history="1. throttled",
        due=NOW + timedelta(seconds=10),
        traceparent=TRACEPARENT,
    )


def test_two_ways_of_one_fact_do_not_swallow_each_others_retries() -> None:
    first_way = replace(message(EVENT), message_id=f"{EVENT.id}#sales#parked-1-20260302T060000")
    second_way = replace(message(EVENT), message_id=f"{EVENT.id}#sales#parked-2-20260302T061000")

    assert copy_of(first_way).message_id == copy_of(first_way).message_id
    assert copy_of(first_way).message_id != copy_of(second_way).message_id


def test_a_retry_copy_keeps_the_body_and_properties_and_is_addressed() -> None:
    original = message(EVENT, {"company": "gbrt", "vendor": "x", "Diagnostic-Id": "old"})

    sent = retry_message(copy_of(original), NOW)

    assert b"".join(sent.body) == original.body
    assert str(sent.message_id).startswith(f"{EVENT.id}#sales#2-")
    assert sent.scheduled_enqueue_time_utc == NOW + timedelta(seconds=10)
    assert sent.application_properties == {
        "company": "gbrt",
        "vendor": "x",
        "retry-for": "sales",
        "retry-attempt": 2,
        "retry-first-seen": NOW.isoformat(),
        "retry-history": "1. throttled",
        "traceparent": TRACEPARENT,
    }


def test_a_late_fact_stays_in_its_lane_on_every_way() -> None:
    event = sale_event(lane=BACKFILL)
    published = event_message(event).application_properties or {}
    original = message(event, {str(name): value for name, value in published.items()})

    copy = retry_message(copy_of(original), NOW)

    assert published["lane"] == BACKFILL
    assert (copy.application_properties or {})["lane"] == BACKFILL
    assert decode(b"".join(copy.body)).lane == BACKFILL


def test_a_retry_copy_whose_time_has_come_is_not_scheduled() -> None:
    sent = retry_message(copy_of(message(EVENT)), NOW + timedelta(seconds=10))

    assert sent.scheduled_enqueue_time_utc is None


def test_the_copy_tells_the_next_attempt_what_happened_before() -> None:
    sent = retry_message(copy_of(message(EVENT)), NOW)
    again = message(EVENT, dict(sent.application_properties or {}))  # type: ignore[arg-type]

    assert again.attempt == 2
    assert again.history == "1. throttled"
    assert again.first_seen(NOW + timedelta(days=1)) == NOW


@pytest.mark.parametrize("value", ["", "many", None, -4, 0, [1]])
def test_a_foreign_attempt_number_counts_as_the_first(value: Any) -> None:
    assert message(EVENT, {"retry-attempt": value}).attempt == 1


@pytest.mark.parametrize("value", ["", "yesterday", None, 7, "2026-11-20T12:00:00"])
def test_a_foreign_first_seen_counts_as_now(value: Any) -> None:
    assert message(EVENT, {"retry-first-seen": value}).first_seen(NOW) == NOW
