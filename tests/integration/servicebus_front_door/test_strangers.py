"""Peers that speak something else, nothing, or half of it."""

from __future__ import annotations

import asyncio
import base64
import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from infra.local.servicebus import LocalServiceBus
from infra.local.servicebus.amqp.composites import decode_composite, encode_composite
from infra.local.servicebus.amqp.frames import (
    AMQP_HEADER,
    SASL_HEADER,
    TYPE_SASL,
    FrameBuffer,
    encode_frame,
)
from infra.local.servicebus.amqp.performatives import (
    Attach,
    Begin,
    Detach,
    Flow,
    Open,
    SaslInit,
    SaslOutcome,
    Source,
    Target,
)
from infra.local.servicebus.amqp.values import Symbol, UByte
from infra.local.servicebus.server import front_door
from tests.integration.servicebus_front_door.conftest import CONFIG

UPGRADE = (
    "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
    "Sec-WebSocket-Protocol: {what}\r\n\r\n"
)
PATH = "/$servicebus/websocket"
KEY = base64.b64encode(bytes(16)).decode()
PATIENCE = 60
"""Seconds a test waits for what must come."""


@asynccontextmanager
async def reached(bus: LocalServiceBus, **options: Any) -> AsyncIterator[Any]:
    reader, writer = await asyncio.open_connection(bus.host, bus.amqp_port, **options)
    try:
        yield reader, writer
    finally:
        writer.close()


async def said(bus: LocalServiceBus, data: bytes, **options: Any) -> bytes:
    """What the bus answers before it hangs up."""
    async with reached(bus, **options) as (reader, writer):
        writer.write(data)
        answer: bytes = await asyncio.wait_for(reader.read(), PATIENCE)
    return answer


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front_door, "HANDSHAKE_SECONDS", 0.05)


@pytest.mark.parametrize("noise", [bytes(8), b"\xff" * 100, b"hello, bus", b"AMQP0000"])
async def test_what_no_protocol_begins_with_is_answered_with_amqps_own_header(
    bus: LocalServiceBus, noise: bytes
) -> None:
    assert await said(bus, noise) == SASL_HEADER


@pytest.mark.usefixtures("hurried")
async def test_who_says_nothing_is_hung_up_on(bus: LocalServiceBus) -> None:
    assert await said(bus, b"") == b""


async def test_a_tls_handshake_that_stops_half_way_is_hung_up_on(
    bus: LocalServiceBus, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    trusting = ssl.create_default_context(cafile=bus.ca_file)
    async with reached(bus, ssl=trusting):  # makes the certificate, which takes a while
        monkeypatch.setattr(front_door, "HANDSHAKE_SECONDS", 0.5)
    hello = ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), hello, server_hostname="x")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()

    with caplog.at_level(logging.WARNING):
        answer = await said(bus, hello.read())

    assert answer[:1] == b"\x16"  # it answered, and then waited in vain
    assert not caplog.records


@pytest.mark.parametrize("rest", [b"", b"\x03\x01", b"\x03\x01\x00\x05hello", bytes(1000)])
async def test_what_only_begins_like_tls_harms_nobody(
    bus: LocalServiceBus, rest: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as hurried:
        hurried.setattr(front_door, "HANDSHAKE_SECONDS", 0.2)
        await said(bus, b"\x16" + rest)

    assert b"healthy" in await said(bus, b"GET /health HTTP/1.0\r\n\r\n")


async def test_plain_http_is_served(bus: LocalServiceBus) -> None:
    answer = await said(bus, b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 200")


async def test_plain_http_for_nothing_we_serve_is_a_problem_document(bus: LocalServiceBus) -> None:
    answer = await said(bus, b"GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 404")
    assert b"application/problem+json" in answer


@pytest.mark.parametrize(
    ("path", "what", "status"), [("/elsewhere", "AMQPWSB10", b"404"), (PATH, "mqtt", b"400")]
)
async def test_a_websocket_of_another_kind_is_refused(
    bus: LocalServiceBus, path: str, what: str, status: bytes
) -> None:
    answer = await said(bus, UPGRADE.format(path=path, what=what, key=KEY).encode())

    assert answer.startswith(b"HTTP/1.1 " + status)


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("https://example.org", b"403"),
        ("null", b"403"),
        ("http://[", b"403"),
        ("http://localhost:3000", b"101"),
        ("https://bus.test", b"101"),
    ],
)
async def test_a_page_of_another_site_is_refused(
    bus: LocalServiceBus, origin: str, status: bytes
) -> None:
    request = UPGRADE.format(path=PATH, what="AMQPWSB10", key=KEY)
    request = request.replace("Host: localhost", f"Host: bus.test:5672\r\nOrigin: {origin}")
    async with reached(bus) as (reader, writer):
        writer.write(request.encode())
        head = await asyncio.wait_for(reader.readuntil(b"\r\n"), PATIENCE)

    assert head.startswith(b"HTTP/1.1 " + status)


async def opened(bus: LocalServiceBus, reader: Any, writer: Any, path: str = PATH) -> None:
    writer.write(UPGRADE.format(path=path, what="AMQPWSB10", key=KEY).encode())
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)
    assert head.startswith(b"HTTP/1.1 101")


def frame(opcode: int, payload: bytes) -> bytes:
    """A client's frame, masked with zeros."""
    return bytes([0x80 | opcode, 0x80 | len(payload), 0, 0, 0, 0]) + payload


async def test_a_websocket_carries_amqps_bytes_however_they_are_framed(
    bus: LocalServiceBus,
) -> None:
    async with reached(bus) as (reader, writer):
        await opened(bus, reader, writer, f"{PATH}/")  # with .NET's slash
        for at in range(len(SASL_HEADER)):
            writer.write(frame(2, SASL_HEADER[at : at + 1]))
        answer = await asyncio.wait_for(reader.readexactly(2 + len(SASL_HEADER)), PATIENCE)

    assert answer[:1] == b"\x82"
    assert answer[2:] == SASL_HEADER


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        (frame(1, b"text"), b"\x88"),  # closed: not binary
        (frame(8, b""), b"\x88"),  # closed in answer
        (frame(9, b"there?") + frame(8, b""), b"\x8a\x06there?\x88"),  # pong, closed
        (frame(2, b"no amqp!"), b"\x82\x08" + SASL_HEADER),
        (b"\xff" * 20, b"\x88"),  # no frame at all
    ],
)
async def test_a_websocket_ends_as_it_should(
    bus: LocalServiceBus, sent: bytes, answer: bytes
) -> None:
    async with reached(bus) as (reader, writer):
        await opened(bus, reader, writer)
        writer.write(sent)

        assert (await asyncio.wait_for(reader.read(), PATIENCE)).startswith(answer)


async def test_a_door_that_closes_leaves_nobody_waiting() -> None:
    async with LocalServiceBus(CONFIG) as bus:
        connections = [await asyncio.open_connection(bus.host, bus.amqp_port) for _ in range(3)]
        connections[0][1].write(b"\x16")
        connections[1][1].write(b"GET /hea")
        for _ in range(3):
            await asyncio.sleep(0)

    for reader, writer in connections:
        with suppress(ConnectionResetError):
            assert await asyncio.wait_for(reader.read(), PATIENCE) == b""
        writer.close()
    assert len(asyncio.all_tasks()) == 1


@pytest.mark.parametrize(("host", "warned"), [("0.0.0.0", True), ("127.0.0.1", False)])
async def test_an_open_bus_that_others_can_reach_says_so(
    host: str, warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async with LocalServiceBus(CONFIG, host=host):
        pass

    assert ("no keys are set" in caplog.text) is warned


async def test_endless_headers_are_not_kept(bus: LocalServiceBus) -> None:
    answer = await said(bus, b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 5_000)

    assert answer.startswith(b"HTTP/1.1 4")


async def test_without_a_certificate_only_tls_is_out_of_order(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with LocalServiceBus(CONFIG, data=tmp_path) as bus:
        (tmp_path / "ca.pem").write_text("no certificate")
        (tmp_path / "ca-key.pem").write_text("no key")

        with pytest.raises(ConnectionError):
            await asyncio.open_connection(bus.host, bus.amqp_port, ssl=ssl.create_default_context())
        assert b"healthy" in await said(bus, b"GET /health HTTP/1.0\r\n\r\n")

    assert f"The certificate at {tmp_path} cannot be used" in caplog.text


def plain(name: str, key: str) -> bytes:
    init = SaslInit(Symbol("PLAIN"), f"\0{name}\0{key}".encode(), None)
    return SASL_HEADER + encode_frame(0, encode_composite(init), type_=TYPE_SASL)


@pytest.mark.parametrize(
    ("name", "key", "accepted"),
    [("send", "Send-2", True), ("send", "Listen-1", False), ("nobody", "Send-1", False)],
)
async def test_sasl_plain_takes_the_name_and_key_of_a_policy(
    locked_bus: LocalServiceBus, name: str, key: str, accepted: bool
) -> None:
    async with reached(locked_bus) as (reader, writer):
        writer.write(plain(name, key) + AMQP_HEADER)
        answer = await asyncio.wait_for(
            reader.readuntil(encode_composite(outcome(accepted))), PATIENCE
        )
        assert answer.startswith(SASL_HEADER)
        if accepted:
            assert await asyncio.wait_for(reader.readexactly(8), PATIENCE) == AMQP_HEADER
        else:
            assert await asyncio.wait_for(reader.read(), PATIENCE) == b""


def outcome(accepted: bool) -> SaslOutcome:
    return SaslOutcome(UByte(0 if accepted else 1))


def attaching(address: str) -> bytes:
    """Everything a peer says up to its first link, without a token."""
    link = Attach("link", 0, False, source=Source("me"), target=Target(address))
    frames = (Open("raw"), Begin(None, 0, 100, 100), link)
    return AMQP_HEADER + b"".join(encode_frame(0, encode_composite(each)) for each in frames)


@pytest.mark.parametrize(
    ("address", "refusal"),
    [
        ("$cbs", None),
        ("work", "'Send' claim(s) are required"),
        ("nowhere", "'Send' claim(s) are required"),
        ("work/$management", "'Listen,Send,Manage' claim(s) are required"),
    ],
)
async def test_a_peer_without_a_token_reaches_nothing_but_where_to_put_one(
    locked_bus: LocalServiceBus, address: str, refusal: str | None
) -> None:
    async with reached(locked_bus) as (reader, writer):
        writer.write(attaching(address))
        assert await reader.readexactly(8) == AMQP_HEADER
        frames = FrameBuffer(65536)
        last: Any = None
        while not isinstance(last, (Flow, Detach)):
            frames.feed(await asyncio.wait_for(reader.read(65536), PATIENCE))
            while (frame := frames.take_frame()) is not None:
                last = decode_composite(frame.body)[0]

    if refusal is None:
        assert isinstance(last, Flow)
    else:
        assert isinstance(last, Detach)
        assert last.error is not None
        assert last.error.condition == "amqp:unauthorized-access"
        assert refusal in last.error.description
