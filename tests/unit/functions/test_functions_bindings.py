"""What Python receives, decoded by the real converters of the worker's libraries."""

import base64
import uuid
from collections.abc import Mapping
from typing import Any

import azure.functions as func
import azurefunctions.extensions.bindings.servicebus  # noqa: F401 - registers its converter
from azure.servicebus import ServiceBusReceivedMessage
from azure_functions_runtime.bindings import meta
from hypothesis import given
from hypothesis import strategies as st

from infra.local.functions.bindings import service_bus_input
from infra.local.functions.functions import ServiceBusTrigger
from infra.local.functions.protos import ParameterBinding
from tests.unit.functions.fakes import received, trigger


def decode(given_trigger: ServiceBusTrigger, *messages: ServiceBusReceivedMessage) -> Any:
    """Hand the input to the worker's own decoder, as an invocation does."""
    meta.load_binding_registry()
    encoded = service_bus_input(given_trigger, messages)
    return meta.from_incoming_proto(
        "serviceBusTrigger",
        ParameterBinding(name="messages", data=encoded.value),
        pytype=None,
        trigger_metadata=encoded.metadata,
        function_name="book_sales",
        is_deferred_binding=given_trigger.deferred,
    )


def test_message_arrives_with_the_fields_the_host_supplies() -> None:
    source = received(
        "m-1", body=b'{"Subject":"from the body"}', properties={"store": "S1", "n": 3}, subject="s"
    )

    message: func.ServiceBusMessage = decode(trigger(), source)

    assert message.get_body() == b'{"Subject":"from the body"}'
    assert message.message_id == "m-1"
    assert message.application_properties == {"store": "S1", "n": 3}
    assert message.user_properties == message.application_properties
    assert message.sequence_number == 2**40
    assert message.lock_token == str(source.lock_token)
    assert message.label == "s"


def test_scalars_of_a_json_body_overwrite_metadata_of_the_same_name() -> None:
    message = decode(trigger(), received(body=b'{"Subject":"from the body"}', subject="s"))

    assert message.subject == "from the body"


def test_fields_the_extension_does_not_supply_are_none() -> None:
    message = decode(trigger(), received())

    assert message.locked_until is None
    assert message.time_to_live is None
    assert message.dead_letter_reason is None
    assert message.correlation_id is None


def test_times_are_naive_utc() -> None:
    message = decode(trigger(), received())

    assert message.enqueued_time_utc.isoformat() == "2023-11-14T22:13:20"


def test_first_delivery_counts_one() -> None:
    assert decode(trigger(), received()).delivery_count == 1
    assert decode(trigger(), received(failed_deliveries=2)).delivery_count == 3


def test_properties_look_as_after_json() -> None:
    token = uuid.uuid4()
    message = decode(trigger(), received(properties={"raw": b"\xff\x00", "id": token, "ok": True}))

    assert message.application_properties == {
        "raw": base64.b64encode(b"\xff\x00").decode(),
        "id": str(token),
        "ok": True,
    }


def test_binary_data_type_keeps_bytes_that_are_no_text() -> None:
    assert decode(trigger(binary=True), received(body=b"\xff\x00")).get_body() == b"\xff\x00"


def test_batch_keeps_every_message_apart() -> None:
    messages = decode(
        trigger(many=True),
        received("m-1", body=b"one", properties={"n": 1}),
        received("m-2", body=b"two", properties={"n": 2}, failed_deliveries=1),
    )

    assert [(m.message_id, m.get_body(), m.delivery_count) for m in messages] == [
        ("m-1", b"one", 1),
        ("m-2", b"two", 2),
    ]
    assert [m.application_properties for m in messages] == [{"n": 1}, {"n": 2}]


def test_optional_text_shifts_in_a_batch_as_it_does_on_azure() -> None:
    messages = decode(
        trigger(many=True), received("m-1"), received("m-2", correlation_id="second's")
    )

    assert [m.correlation_id for m in messages] == ["second's", None]


def test_deferred_binding_hands_over_the_whole_message() -> None:
    source = received("m-1", body=b"x" * 300, properties={"store": "S1", "n": 2**40}, subject="s")

    (message,) = decode(trigger(many=True, deferred=True), source)

    assert b"".join(message.body) == b"x" * 300
    assert message.lock_token == source.lock_token
    assert message.message_id == "m-1"
    assert message.subject == "s"
    assert message.application_properties == {b"store": b"S1", b"n": 2**40}
    assert message.sequence_number == 2**40
    assert message.enqueued_time_utc == source.enqueued_time_utc
    assert message.locked_until_utc == source.locked_until_utc
    assert message.delivery_count == 1


def test_single_deferred_binding_is_one_message() -> None:
    assert decode(trigger(deferred=True), received("m-7")).message_id == "m-7"


# uamqp, which decodes on the app's side, ends a text at the first NUL: so it does on Azure.
_TEXT = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=40)
_VALUES = st.one_of(_TEXT, st.integers(-(2**63), 2**63 - 1), st.booleans(), st.uuids())


@given(st.dictionaries(_TEXT, _VALUES, max_size=8), st.binary())
def test_any_properties_and_body_survive_the_deferred_binding(
    properties: Mapping[str, Any], body: bytes
) -> None:
    message = decode(trigger(deferred=True), received(body=body, properties=properties))

    expected = {
        key.encode(): value.encode() if isinstance(value, str) else value
        for key, value in properties.items()
    }
    assert (message.application_properties or {}) == expected
    assert b"".join(message.body) == body
