"""What a message carries from sender to receiver."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from tests.contract.servicebus import needs
from tests.contract.servicebus.broker import Broker
from tests.contract.servicebus.client import Client
from tests.contract.servicebus.messages import Message, Null, Received, Time
from tests.contract.servicebus.scenario import Topic, scenario

MESSAGES = Topic("Messages", "service-bus-messages-payloads")


async def _sent_and_received(client: Client, broker: Broker, *sent: Message) -> list[Received]:
    sender, receiver = await client.pair(await broker.queue(), mode="receive-and-delete")
    await sender.send(*sent)
    return await receiver.receive(len(sent))


@scenario(MESSAGES)
async def every_field_arrives(client: Client, broker: Broker) -> None:
    """Ids, subject, content type, addresses, session and partition fields arrive as sent."""
    fields: dict[str, Any] = {
        "message_id": "id-1",
        "subject": "subject",
        "content_type": "application/json",
        "correlation_id": "cause",
        "to": "somebody",
        "reply_to": "answers",
        "reply_to_session_id": "answer-session",
        "partition_key": "key",
        "time_to_live": 3_600_000,
    }
    [got] = await _sent_and_received(client, broker, Message(body="b", **fields))
    assert {name: getattr(got, name) for name in fields} == fields


@scenario(MESSAGES)
async def the_broker_adds_its_own(client: Client, broker: Broker) -> None:
    """The service stamps sequence number, enqueued time and, with a time to live, the expiry."""
    before = broker.now()
    first, second = await _sent_and_received(
        client, broker, Message(body="1", time_to_live=60_000), Message(body="2")
    )
    assert second.sequence_number == first.sequence_number + 1
    assert first.enqueued_sequence_number in (None, 0, first.sequence_number)
    assert first.enqueued_at is not None
    assert abs(first.enqueued_at - before) < 60_000
    assert first.expires_at == first.enqueued_at + 60_000
    assert (first.delivery_count, first.state) == (0, "active")


@scenario(MESSAGES)
async def every_message_has_an_id(client: Client, broker: Broker) -> None:
    """Messages sent without an id arrive with one each."""
    got = await _sent_and_received(client, broker, Message(body="1"), Message(body="2"))
    ids = [message.message_id for message in got]
    assert all(isinstance(each, str) and len(each) >= 32 for each in ids)
    assert ids[0] != ids[1]


@scenario(MESSAGES)
async def property_types_survive(client: Client, broker: Broker) -> None:
    """Text, whole and floating numbers, booleans, null and timestamps survive as properties."""
    properties = {
        "text": "ü€𝄞",
        "empty": "",
        "small": 7,
        "negative": -1,
        "large": 2**31 - 1,
        "ratio": 0.5,
        "yes": True,
        "no": False,
        "null": None,
        "when": Time(1_767_312_000_000),
    }
    [got] = await _sent_and_received(client, broker, Message(body="b", properties=properties))
    assert got.properties == {**properties, "when": 1_767_312_000_000}


@scenario(MESSAGES, needs.UUID_PROPERTIES)
async def uuid_properties_survive(client: Client, broker: Broker) -> None:
    """UUIDs survive as properties."""
    properties = {"id": UUID(int=5)}
    [got] = await _sent_and_received(client, broker, Message(body="b", properties=properties))
    assert got.properties == properties


@scenario(MESSAGES)
async def ids_keep_case_and_blanks(client: Client, broker: Broker) -> None:
    """A message id of text keeps case and blanks, and very long ids of 128 characters arrive."""
    ids = ["Mixed Case ", "x" * 128, "ü"]
    got = await _sent_and_received(client, broker, *(Message(message_id=each) for each in ids))
    assert [message.message_id for message in got] == ids


@scenario(MESSAGES)
async def ids_may_be_numbers(client: Client, broker: Broker) -> None:
    """A message id that is a whole number arrives as one."""
    [got] = await _sent_and_received(client, broker, Message(value="v", message_id=7))
    assert got.message_id == 7


@scenario(MESSAGES, needs.UUID_PROPERTIES)
async def ids_of_other_types_arrive(client: Client, broker: Broker) -> None:
    """Message ids that are AMQP uuids or binary arrive as what they were."""
    ids: list[UUID | bytes] = [UUID(int=7), b"\x00\xfe"]
    got = await _sent_and_received(
        client, broker, *(Message(value="v", message_id=each) for each in ids)
    )
    assert [message.message_id for message in got] == ids


@scenario(MESSAGES)
async def bodies_arrive_byte_by_byte(client: Client, broker: Broker) -> None:
    """Binary, UTF-8 and empty bodies arrive byte by byte."""
    bodies = [bytes(range(256)), "ü€𝄞".encode(), b""]
    got = await _sent_and_received(client, broker, *(Message(body=body) for body in bodies))
    assert [message.body for message in got] == bodies


@scenario(MESSAGES)
async def value_bodies_survive(client: Client, broker: Broker) -> None:
    """AMQP value bodies survive: text, numbers, booleans, null, lists and maps."""
    values = [Null(), "text", 42, 0.5, True, ["a", 1], {"key": "value", "n": [1, 2]}]
    got = await _sent_and_received(client, broker, *(Message(value=value) for value in values))
    assert [message.value for message in got] == values


@scenario(MESSAGES)
async def sequence_bodies_survive(client: Client, broker: Broker) -> None:
    """AMQP sequence bodies survive."""
    [got] = await _sent_and_received(client, broker, Message(sequence=["a", 1, True]))
    assert got.sequence == ["a", 1, True]
