"""What is fuzzed, and what must hold whatever the bytes are: nothing but AmqpError escapes, and
what is kept or answered stays in proportion to what came."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, cast

from infra.local.servicebus.amqp import (
    AmqpError,
    Connection,
    Message,
    Stamp,
    decode_value,
    encode_delivery,
    encode_value,
    split_batch,
)
from infra.local.servicebus.amqp.events import (
    Arrived,
    Attached,
    Credited,
    Disposed,
    Event,
    Oversize,
)
from infra.local.servicebus.amqp.frames import AMQP_HEADER, FrameBuffer, encode_frame
from infra.local.servicebus.amqp.limits import CHANNEL_MAX, MAX_INCOMPLETE_BYTES, MAX_LINKS
from infra.local.servicebus.amqp.performatives import Accepted
from infra.local.servicebus.broker import Namespace
from infra.local.servicebus.server.client import Client
from infra.local.servicebus.server.core import Core
from infra.local.servicebus.settings import (
    NamespaceConfig,
    QueueConfig,
    SubscriptionConfig,
    TopicConfig,
)
from infra.local.servicebus.storage import MemoryStorage
from tests.fuzz.servicebus.corpus import unpack

MAX_FRAME = 65536
MESSAGE = encode_value("a message")


def value(data: bytes) -> None:
    """What decodes is encoded again, and decodes to the same."""
    try:
        decoded, end = decode_value(data)
    except AmqpError:
        return
    assert end <= len(data)
    again, _ = decode_value(encode_value(decoded))
    assert again == decoded or again != again or "nan" in repr(again)


def message(data: bytes) -> None:
    """What passes the check is delivered, and passes again."""
    with suppress(AmqpError):
        split_batch(data)
    try:
        checked = Message.check(data)
    except AmqpError:
        return
    stamp = Stamp(1, 1, 1, delivery_count=1, time_to_live=1, locked_until=1, partition_key="p")
    delivered = encode_delivery(data, stamp, checked.application_properties, {"to": None})
    Message.check(delivered)
    with suppress(AmqpError):
        _ = checked.value, checked.footer


def frames(data: bytes) -> None:
    """Any portions are cut into frames, of which no incomplete one is kept beyond its size."""
    buffer = FrameBuffer(4096)
    with suppress(AmqpError):
        for part in unpack(data):
            buffer.feed(part[:4096])
            while buffer.take_frame() is not None:
                pass
            assert len(buffer._bytes) <= 2 * 4096


def connection(data: bytes) -> None:
    """Frames in any order, well-formed or not, before an owner that answers everything."""
    peer = Connection("bus", max_frame_size=MAX_FRAME)
    peer.receive(AMQP_HEADER)
    written = 0
    for body in unpack(data):
        events = peer.receive(encode_frame(len(body) % 7 == 0, body))
        while events:
            for event in events:
                _answer(event)
            events = peer.take_events()
        written += len(peer.take_output())
        assert len(peer.sessions) <= CHANNEL_MAX + 1
        assert peer.link_count == len(peer.links()) <= MAX_LINKS
        assert 0 <= peer.incomplete_bytes <= MAX_INCOMPLETE_BYTES
        assert len(peer._buffer._bytes) <= MAX_FRAME
    peer.tick(1e9)
    peer.lost()
    assert written <= 10_000 + 500 * len(data)
    assert (peer.link_count, peer.incomplete_bytes) == (0, 0)


def _answer(event: Event) -> None:
    if isinstance(event, Attached):
        event.link.accept(max_message_size=100_000)
    elif isinstance(event, (Arrived, Oversize)):
        event.link.settle(event.delivery_id, Accepted())
    elif isinstance(event, Credited):
        for number in range(min(event.link.sendable, 3)):
            event.link.send(b"tag", MESSAGE, settled=False, subject=number)
        event.link.drained()
    elif isinstance(event, Disposed):
        for sent in event.deliveries:
            event.link.echo(sent.delivery_id, event.state)


class Transport(asyncio.Transport):
    """Takes what is written and forgets it."""

    def __init__(self) -> None:
        super().__init__()
        self.written = 0
        self.closed = False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self if name == "socket" else ("127.0.0.1", 1)

    def setsockopt(self, *_: Any) -> None:
        """As a socket's."""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += len(data)

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    abort = close


class _Complaints(logging.Handler):
    """The bus catches what fails inside it and logs it; here that is a finding."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info is not None and record.exc_info[1] is not None:
            raise record.exc_info[1]


CONFIG = NamespaceConfig(
    queues=(QueueConfig("q"), QueueConfig("s", requires_session=True)),
    topics=(TopicConfig("t", subscriptions=(SubscriptionConfig("a"),)),),
)


def bus(data: bytes) -> None:
    """The same before a whole bus in memory."""
    asyncio.run(_bus(data))


async def _bus(data: bytes) -> None:
    namespace = Namespace(CONFIG)
    core = Core(namespace, MemoryStorage(), lambda: 1_700_000_000_000, timed=False)
    clients: set[Client] = set()
    client, transport = Client(core, clients), Transport()
    client.connection_made(cast(asyncio.Transport, transport))
    client.data_received(AMQP_HEADER)
    for body in unpack(data):
        if transport.closed:
            break
        client.data_received(encode_frame(0, body))
        await core.committer.settled()
        await asyncio.sleep(0)
    client.connection_lost(None)
    await core.committer.settled()
    core.advance()
    await core.committer.settled()
    core.stop()
    assert not clients
    assert (len(client.transactions.open), client.connection.link_count) == (0, 0)


TARGETS: dict[str, Callable[[bytes], None]] = {
    "value": value,
    "message": message,
    "frames": frames,
    "connection": connection,
    "bus": bus,
}


@contextmanager
def failures_escape() -> Iterator[None]:
    """What the bus catches and logs ends the run while this lasts."""
    log, complaints = logging.getLogger("infra.local.servicebus"), _Complaints(logging.ERROR)
    log.addHandler(complaints)
    propagate, log.propagate = log.propagate, False
    try:
        yield
    finally:
        log.removeHandler(complaints)
        log.propagate = propagate
