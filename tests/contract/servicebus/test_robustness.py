"""Hostile and broken peers, restarts, and the admin port."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from azure.servicebus import ServiceBusMessage

from infra.local.servicebus import LocalServiceBus
from infra.local.servicebus.amqp.composites import decode_composite, encode_composite
from infra.local.servicebus.amqp.frames import AMQP_HEADER, SASL_HEADER, FrameBuffer, encode_frame
from infra.local.servicebus.amqp.performatives import (
    Attach,
    Begin,
    Close,
    Detach,
    Disposition,
    Flow,
    Open,
    Source,
    Target,
    Transfer,
)
from infra.local.servicebus.amqp.values import UShort
from tests.contract.servicebus.conftest import CONFIG, connect, counts, opened

OPEN = encode_frame(0, encode_composite(Open("raw", max_frame_size=4096, channel_max=UShort(10))))
CLOSE = encode_frame(0, encode_composite(Close()))
BEGIN = encode_frame(0, encode_composite(Begin(None, 0, 100, 100)))
ATTACH = encode_frame(
    0, encode_composite(Attach("l", 0, False, source=Source("me"), target=Target("work")))
)


def transfer(payload: bytes, *, more: bool = False, handle: int = 0) -> bytes:
    head = Transfer(handle, 0, b"t", 0, False, more)
    return encode_frame(0, encode_composite(head), payload)


async def talk(bus: LocalServiceBus, data: bytes, with_credit: bytes = b"") -> list[Any]:
    """Send raw bytes, and more on being granted credit; return what the bus says until it hangs
    up, rejects or detaches."""
    reader, writer = await asyncio.open_connection(bus.host, bus.amqp_port)
    writer.write(data)
    frames = FrameBuffer(65536)
    said: list[Any] = []
    try:
        async with asyncio.timeout(60):
            header = await reader.readexactly(8)
            assert header in (AMQP_HEADER, SASL_HEADER)
            while chunk := await reader.read(65536):
                frames.feed(chunk)
                while (frame := frames.take_frame()) is not None:
                    said.append(decode_composite(frame.body)[0])
                    if isinstance(said[-1], Flow):
                        writer.write(with_credit)
                if said and isinstance(said[-1], (Detach, Disposition)):
                    break
    except asyncio.IncompleteReadError:
        pass
    writer.close()
    return said


HOSTILE = {
    "another protocol": (b"hello, is this AMQP?", None),
    "a frame larger than allowed": (
        AMQP_HEADER + OPEN + b"\xff\xff\xff\xff\x02\x00\x00\x00",
        "amqp:connection:framing-error",
    ),
    "a frame that ends before its head": (
        AMQP_HEADER + OPEN + b"\x00\x00\x00\x08\x01\x00\x00\x00",
        "amqp:connection:framing-error",
    ),
    "an unknown performative": (
        AMQP_HEADER + OPEN + encode_frame(0, b"\x00\x53\x99\x45"),
        "amqp:decode-error",
    ),
    "a list longer than its frame": (
        AMQP_HEADER + OPEN + encode_frame(0, b"\x00\x53\x11\xd0\xff\xff\xff\xff\x00\x00\x00\x01"),
        "amqp:decode-error",
    ),
    "nesting without end": (
        AMQP_HEADER + OPEN + encode_frame(0, b"\x00\x53\x11\xc0\xf0\x01" + b"\x00" * 0xEF),
        "amqp:decode-error",
    ),
    "a transfer without a session": (
        AMQP_HEADER + OPEN + transfer(b"x"),
        "amqp:not-allowed",
    ),
    "a transfer without credit": (
        AMQP_HEADER + OPEN + BEGIN + ATTACH + transfer(b"x"),
        "amqp:link:transfer-limit-exceeded",
    ),
    "a begin before open": (AMQP_HEADER + BEGIN, "amqp:not-allowed"),
}


@pytest.mark.parametrize("case", HOSTILE)
async def test_a_hostile_peer_is_told_why_and_only_it_is_cut_off(
    case: str, bus: LocalServiceBus
) -> None:
    data, condition = HOSTILE[case]
    bystander, _ = await asyncio.open_connection(bus.host, bus.amqp_port)

    said = await talk(bus, data)

    if condition is not None:
        assert isinstance(said[-1], (Close, Detach))
        assert said[-1].error.condition == condition
    assert not bystander.at_eof()
    assert isinstance((await talk(bus, AMQP_HEADER + OPEN + CLOSE))[-1], Close)


async def test_a_message_that_is_none_or_too_large_is_rejected(bus: LocalServiceBus) -> None:
    hello = AMQP_HEADER + OPEN + BEGIN + ATTACH
    garbled = await talk(bus, hello, transfer(b"\x00\x53\x74\xc1\x05\x02no"))
    too_large = b"".join(transfer(b"x" * 60_000, more=True) for _ in range(18))
    large = await talk(bus, hello, too_large + transfer(b"end"))

    conditions = [
        said[-1].state.error.condition
        for said in (garbled, large)
        if isinstance(said[-1], Disposition)
    ]
    assert conditions == ["com.microsoft:argument-error", "amqp:link:message-size-exceeded"]
    assert counts(bus, "work") == {}


async def test_malformed_frames_do_not_disturb_a_client_at_work(bus: LocalServiceBus) -> None:
    async with (
        connect(bus) as client,
        opened(client.get_queue_sender("work"), client.get_queue_receiver("work")) as (
            sender,
            receiver,
        ),
    ):
        for data, _ in HOSTILE.values():
            await talk(bus, data)
        await sender.send_messages(ServiceBusMessage("still here"))
        [message] = await receiver.receive_messages(max_message_count=1, max_wait_time=60)

    assert str(message) == "still here"


async def test_messages_of_an_entity_that_is_not_configured_now_are_counted_and_kept(
    tmp_path: Path,
) -> None:
    without = {"UserConfig": {"Namespaces": [{"Name": "tillbus", "Queues": [], "Topics": []}]}}
    async with (
        LocalServiceBus(CONFIG, data=tmp_path) as bus,
        connect(bus) as client,
        client.get_queue_sender("work") as sender,
    ):
        await sender.send_messages([ServiceBusMessage("one"), ServiceBusMessage("two")])

    async with LocalServiceBus(without, data=tmp_path) as bus:
        away = bus.inspect()
    async with LocalServiceBus(CONFIG, data=tmp_path) as bus:
        back = counts(bus, "work")

    assert away == {"entities": {}, "unconfigured": {"work": 2}}
    assert back == {"active": 2}


async def test_the_admin_port_tells_health_and_counts(bus: LocalServiceBus) -> None:
    async with httpx.AsyncClient(base_url=bus.admin_url) as http:
        health = await http.get("/health")
        inspect = await http.get("/inspect")
        missing = await http.get("/nothing")

    assert (health.status_code, health.json()) == (200, {"status": "healthy"})
    assert inspect.json()["entities"]["sale-completed/Subscriptions/all"] == {
        "active": 0, "locked": 0, "scheduled": 0, "deferred": 0, "deadLettered": 0,
        "transferDeadLettered": 0,
    }  # fmt: skip
    assert missing.status_code == 404
    assert missing.headers["content-type"] == "application/problem+json"
