"""What the bus itself costs per message: `python -m tests.bench.servicebus_engine`.

No sockets and no SDK: the sender's transfer frames go in as bytes, the receiver's deliveries come
out as bytes and are completed by disposition frames, through the real connection, links, broker and
storage, on the event loop the bus runs on; alone and with many messages waiting. CPU time of the
whole process (the storage thread included), best of several rounds, because machines are shared.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from struct import Struct

from infra.local.servicebus.__main__ import loop_factory
from infra.local.servicebus.amqp import Message
from infra.local.servicebus.amqp.frames import AMQP_HEADER
from infra.local.servicebus.amqp.performatives import (
    Accepted,
    Attach,
    Begin,
    Disposition,
    Flow,
    Open,
    Source,
    Target,
)
from infra.local.servicebus.amqp.values import UShort
from infra.local.servicebus.broker import Namespace
from infra.local.servicebus.server.client import Client
from infra.local.servicebus.server.clock import system_clock
from infra.local.servicebus.server.core import Core
from infra.local.servicebus.settings import NamespaceConfig, QueueConfig
from infra.local.servicebus.storage import MemoryStorage, SqliteStorage, Storage
from tests.bench.servicebus_peer import BODY, frame, message, transfer

MESSAGES = 5000
ROUNDS = 5
WAITING = 100_000
_SIZE = Struct(">I").unpack_from


class Pipe(asyncio.Transport):
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.told = asyncio.Event()

    def get_extra_info(self, name: str, default: object = None) -> object:
        return self

    def setsockopt(self, *_: object) -> None:
        """Stands in for the socket too."""

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        raise AssertionError("the bus hung up")

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))
        self.told.set()


class Peer:
    """A client without a socket."""

    def __init__(self, core: Core, attach: Attach) -> None:
        self.pipe = Pipe()
        self.client = Client(core, set())
        self.client.connection_made(self.pipe)
        hello = (Open("peer", channel_max=UShort(1)), Begin(None, 0, 1 << 30, 1 << 30), attach)
        self.client.data_received(AMQP_HEADER + b"".join(map(frame, hello)))

    def frames(self) -> Iterator[bytes]:
        """What was written since the last call, frame by frame."""
        data = b"".join(self.pipe.written)
        self.pipe.written.clear()
        position = 0
        while position < len(data):
            (size,) = _SIZE(data, position)
            yield data[position : position + size]
            position += size


async def turn(*peers: Peer) -> None:
    """Wait until each has been written to."""
    for peer in peers:
        await peer.pipe.told.wait()
        peer.pipe.told.clear()


async def run(storage: Storage, burst: int, waiting: int) -> float:
    """Return CPU us per message sent, delivered and completed, `burst` frames per read, behind so
    many that wait."""
    namespace = Namespace(NamespaceConfig(queues=(QueueConfig("q"),)), parse=Message.check)
    namespace.send("q", [message(0)] * waiting, system_clock())
    core = Core(namespace, storage, system_clock, timed=False)
    sender = Peer(core, Attach("s", 0, False, source=Source("c"), target=Target("q")))
    receiver = Peer(core, Attach("r", 0, True, source=Source("q"), target=Target("c")))
    frames = [transfer(number, message(number)) for number in range(MESSAGES)]
    sender.pipe.written.clear()
    list_of_reads = [b"".join(frames[at : at + burst]) for at in range(0, MESSAGES, burst)]
    receiver.pipe.written.clear()
    sender.pipe.told.clear()
    receiver.pipe.told.clear()
    started = time.process_time()
    grant = Flow(0, 1 << 30, 0, 1 << 30, 0, 0, MESSAGES)
    receiver.client.data_received(frame(grant))
    delivered = received = 0
    for read in list_of_reads:
        sender.client.data_received(read)
        first = delivered
        delivered += burst
        while received < delivered:
            await turn(receiver)
            received += sum(len(each) > len(BODY) for each in receiver.frames())
        complete = Disposition(True, first, delivered - 1, False, Accepted())
        receiver.client.data_received(frame(complete))
        await turn(sender, receiver)
        sender.pipe.written.clear()
        receiver.pipe.written.clear()
    await core.committer.settled()
    spent = time.process_time() - started
    left = len(namespace.entity("q").peek(0, waiting + 1, 0))
    if left != waiting or delivered != MESSAGES:
        raise AssertionError(f"{delivered} delivered, {left} left")
    await storage.aclose()
    return spent / MESSAGES * 1e6


def measure(storage: Storage, burst: int, waiting: int = 0) -> float:
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(run(storage, burst, waiting))


def durable(burst: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        return measure(SqliteStorage(Path(folder) / "bus.sqlite3"), burst)


def main() -> None:
    print(f"CPU us per 1 KiB message: send, deliver, complete; best of {ROUNDS} x {MESSAGES}")
    for burst in (1, 50):
        memory = min(measure(MemoryStorage(), burst) for _ in range(ROUNDS))
        print(f"in memory, {burst:2} per read: {memory:6.1f}", flush=True)
    for burst in (1, 50):
        kept = min(durable(burst) for _ in range(ROUNDS))
        print(f"durable,   {burst:2} per read: {kept:6.1f}", flush=True)
    behind = min(measure(MemoryStorage(), 50, WAITING) for _ in range(ROUNDS))
    print(f"in memory, 50 per read, {WAITING:,} waiting: {behind:6.1f}")


if __name__ == "__main__":
    main()
