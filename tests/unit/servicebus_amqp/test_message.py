"""Message sections: read lazily, delivered with the sender's bytes kept."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.servicebus.amqp import (
    DecodeError,
    Header,
    Int,
    Message,
    Properties,
    Stamp,
    Symbol,
    Timestamp,
    ULong,
    encode_delivery,
    encode_message,
    split_batch,
)
from infra.local.servicebus.amqp.message import with_message_id

STAMP = Stamp(7, 3, 1_700_000_000_000, delivery_count=2, locked_until=1_700_000_060_000)


@given(
    st.one_of(st.none(), st.text(), st.binary(), st.uuids(), st.integers(0, 2**64 - 1).map(ULong)),
    st.dictionaries(st.text(max_size=5), st.booleans() | st.text(max_size=5), max_size=4),
    st.lists(st.binary(max_size=300), min_size=1, max_size=3),
)
def test_what_is_written_is_read(message_id: Any, properties: dict[str, Any], data: Any) -> None:
    message = Message.check(
        encode_message(
            header=Header(durable=True, ttl=5000),
            message_annotations={"x-opt-partition-key": "p"},
            properties=Properties(message_id=message_id, subject="s"),
            application_properties=properties,
            data=data,
            footer={"f": 1},
        )
    )

    assert message.header is not None
    assert message.properties is not None
    assert message.header.ttl == 5000
    assert message.message_annotations == {"x-opt-partition-key": "p"}
    assert (message.properties.message_id, message.properties.subject) == (message_id, "s")
    assert type(message.properties.message_id) is type(message_id)
    assert message.application_properties == properties
    assert message.data_sections == data
    assert message.footer == {"f": 1}


def test_a_delivery_carries_the_brokers_stamp_and_the_senders_bytes() -> None:
    sections = {"properties": Properties(message_id="m"), "application_properties": {"a": Int(1)}}
    sent = encode_message(
        header=Header(durable=True, priority=None, ttl=10),
        delivery_annotations={"hop": 1},
        message_annotations={
            "x-opt-sequence-number": 99,
            "x-opt-scheduled-enqueue-time": Timestamp(5),
            "mine": "kept",
        },
        data=b"body",
        **sections,  # type: ignore[arg-type]
    )

    stamp = STAMP._replace(time_to_live=10, partition_key="p", scheduled_enqueue_time=5)
    delivered = encode_delivery(sent, stamp)

    message = Message.check(delivered)
    assert message.header == Header(True, None, 10, None, 2)
    assert message.delivery_annotations is None
    assert message.message_annotations == {
        "x-opt-sequence-number": 7,
        "x-opt-enqueue-sequence-number": 3,
        "x-opt-enqueued-time": 1_700_000_000_000,
        "x-opt-message-state": 0,
        "x-opt-locked-until": 1_700_000_060_000,
        "x-opt-scheduled-enqueue-time": 5,
        "x-opt-partition-key": "p",
        "mine": "kept",
    }
    assert delivered.endswith(encode_message(data=b"body", **sections))  # type: ignore[arg-type]


def test_sections_in_any_order_are_delivered_once() -> None:
    body = encode_message(data=b"body")
    annotations = encode_message(delivery_annotations={"late": 1}, value=0)[:-5]
    delivered = encode_delivery(body + annotations, STAMP)

    assert Message.check(body + annotations).delivery_annotations == {"late": 1}
    assert delivered.endswith(body)
    assert Message.check(delivered).delivery_annotations is None


def test_changed_properties_replace_the_senders() -> None:
    sent = encode_message(
        properties=Properties(message_id="m", subject="old"),
        application_properties={"a": 1},
        data=b"body",
    )

    message = Message.check(
        encode_delivery(sent, STAMP, {"b": 2}, {"subject": None, "to": "somewhere"})
    )

    assert message.properties == Properties(message_id="m", to="somewhere")
    assert message.application_properties == {"b": 2}
    assert message.data_sections == [b"body"]


def test_a_lock_token_travels_as_a_delivery_annotation_where_there_is_no_tag() -> None:
    stamp = STAMP._replace(lock_token=UUID(int=9))

    message = Message.check(encode_delivery(encode_message(data=b""), stamp))

    assert message.delivery_annotations == {"x-opt-lock-token": UUID(int=9)}


def test_a_batch_holds_whole_messages() -> None:
    inner = [encode_message(data=b"one"), encode_message(data=b"two")]

    assert split_batch(encode_message(data=inner)) == inner
    with pytest.raises(DecodeError):
        split_batch(encode_message(value="no data"))


@pytest.mark.parametrize(
    "data",
    [
        b"\x00\x53\x70",
        b"\x00\x53\x10\x45",
        b"hello",
        b"\x00\x53\x74\xc1\x05\x02no",
        b"\x00\x53\x74\xa1\x01x",
        b"\x00\x53\x73\xc0\x03\x01\xa1\x09",
        encode_message(data=b"x" * 300)[:-1],
        b"\x00\x53\x74\xc1\x05\x02\xa0\x01k\x40",
    ],
    ids=[
        "empty",
        "performative",
        "text",
        "short map",
        "no map",
        "short field",
        "cut",
        "binary key",
    ],
)
def test_what_is_no_message_is_refused(data: bytes) -> None:
    with pytest.raises(DecodeError):
        Message.check(data)


def test_symbols_are_found_by_their_text() -> None:
    message = Message.check(encode_message(message_annotations={Symbol("k"): "v"}, value=None))

    assert message.message_annotations is not None
    assert message.message_annotations["k"] == "v"


@pytest.mark.parametrize(
    "sections",
    [
        {},
        {"properties": Properties(subject="s", group_id="g")},
        {"header": Header(ttl=5), "message_annotations": {"x": 1}},
        {"application_properties": {"n": 1}, "footer": {"f": 1}},
    ],
)
def test_an_id_changes_nothing_else_of_a_message(sections: dict[str, Any]) -> None:
    data = encode_message(data=b"a body", **sections)

    given = Message.check(with_message_id(data, "new"))

    properties = sections.get("properties") or Properties()
    assert given.properties == properties._replace(message_id="new")
    before = Message.check(data)
    for name in (
        "header",
        "message_annotations",
        "application_properties",
        "footer",
        "data_sections",
    ):
        assert getattr(given, name) == getattr(before, name)


def test_an_id_finds_its_place_in_sections_out_of_order() -> None:
    ordered = Message.check(
        encode_message(
            properties=Properties(subject="s"), application_properties={"n": 1}, data=b""
        )
    )
    parts = [ordered.data[start:end] for _, start, _, end in ordered.sections]

    given = Message.check(with_message_id(b"".join(reversed(parts)), "new"))

    assert given.properties == Properties(message_id="new", subject="s")
    assert given.application_properties == {"n": 1}
    assert len(given.sections) == len(ordered.sections)
