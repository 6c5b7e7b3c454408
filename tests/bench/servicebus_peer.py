"""The bus as a process of its own, and a client of bare AMQP frames: for the bus's own share.

The client blocks, keeps no state beyond one link each way, and reads answers only as far as the
caller needs, so that next to nothing of a figure is its own.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from struct import Struct
from typing import Any
from uuid import uuid4

import psutil  # type: ignore[import-untyped]

from infra.local.servicebus.amqp import encode_message
from infra.local.servicebus.amqp.composites import decode_composite, encode_composite
from infra.local.servicebus.amqp.frames import AMQP_HEADER, encode_frame
from infra.local.servicebus.amqp.message import Properties
from infra.local.servicebus.amqp.performatives import (
    Accepted,
    Attach,
    Begin,
    Disposition,
    Flow,
    Open,
    Source,
    Target,
    Transfer,
)
from infra.local.servicebus.amqp.values import UShort

ROOT = Path(__file__).resolve().parents[2]
BODY = b"x" * 1024
WINDOW = 1 << 30
_SIZE = Struct(">I").unpack_from
_HEAD_BYTES = 8


@dataclass(frozen=True)
class Running:
    """A bus in a process of its own."""

    process: psutil.Process
    host: str
    amqp_port: int
    admin_url: str

    @property
    def resident_bytes(self) -> int:
        return int(self.process.memory_info().rss)

    @property
    def cpu_seconds(self) -> float:
        times = self.process.cpu_times()
        return float(times.user + times.system)


def connection_string(host: str, amqp_port: int) -> str:
    return (
        f"Endpoint=sb://{host}:{amqp_port};SharedAccessKeyName=RootManageSharedAccessKey;"
        "SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;"
    )


def config(**queues: dict[str, Any]) -> dict[str, Any]:
    """Return a Config.json with these queues: name=properties."""
    entities = [{"Name": name, "Properties": properties} for name, properties in queues.items()]
    return {"UserConfig": {"Namespaces": [{"Name": "bench", "Queues": entities, "Topics": []}]}}


@contextmanager
def running(document: dict[str, Any], data: Path | None = None) -> Iterator[Running]:
    """Start the bus and wait for its ready line; it is stopped at the end."""
    with tempfile.TemporaryDirectory(prefix="tillbus-bench-") as folder:
        path = Path(folder) / "Config.json"
        path.write_text(json.dumps(document))
        process = start(path, data)
        try:
            yield ready(process)
        finally:
            process.terminate()
            process.wait()


def start(path: Path, data: Path | None) -> subprocess.Popen[str]:
    """Start the bus with the configuration at `path`, on free ports."""
    store = ["--in-memory"] if data is None else ["--data", str(data)]
    ports = ["--amqp-port", "0", "--admin-port", "0"]
    return subprocess.Popen(
        [sys.executable, "-m", "infra.local.servicebus", "--config", str(path), *ports, *store],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


def ready(process: subprocess.Popen[str]) -> Running:
    """Wait for the ready line. Raises RuntimeError when the process ends instead."""
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"the bus did not start (exit code {process.wait()})")
    said = dict(word.split("=", 1) for word in line.split() if "=" in word)
    host, port = said["amqp"].rsplit(":", 1)
    return Running(psutil.Process(process.pid), host, int(port), said["admin"])


class RawPeer:
    """One connection with one link of bare frames."""

    def __init__(self, host: str, amqp_port: int, attach: Attach) -> None:
        self._socket = socket.create_connection((host, amqp_port), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = bytearray()
        # A container of its own: equal link names of one container steal each other's link.
        opening = Open(f"raw-{uuid4()}", channel_max=UShort(1))
        hello = (opening, Begin(None, 0, WINDOW, WINDOW), attach)
        self.write(AMQP_HEADER + b"".join(map(frame, hello)))
        self._read(len(AMQP_HEADER))
        self.wait_for(Attach)

    def write(self, data: bytes) -> None:
        self._socket.sendall(data)

    def _read(self, count: int) -> bytes:
        while len(self._buffer) < count:
            got = self._socket.recv(1 << 18)
            if not got:
                raise ConnectionError("the bus hung up")
            self._buffer += got
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken

    def frame(self) -> bytes:
        """Return the body of the next frame."""
        head = self._read(_HEAD_BYTES)
        return self._read(_SIZE(head)[0] - _HEAD_BYTES)

    def wait_for(self, kind: type) -> Any:
        """Return the next performative of that kind; the others are passed over."""
        while True:
            performative, _ = decode_composite(self.frame())
            if isinstance(performative, kind):
                return performative

    def close(self) -> None:
        self._socket.close()


class RawSender(RawPeer):
    def __init__(self, host: str, amqp_port: int, queue: str) -> None:
        super().__init__(
            host, amqp_port, Attach("s", 0, False, source=Source("c"), target=Target(queue))
        )
        self._answered = 0
        self._sent = 0

    def send(self, messages: list[bytes]) -> None:
        """Send all at once (at most 1000, what the bus grants), and wait until all are accepted."""
        self.write(b"".join(transfer(self._sent + at, each) for at, each in enumerate(messages)))
        self._sent += len(messages)
        while self._answered < self._sent:
            done = self.wait_for(Disposition)
            if done.state != Accepted():
                raise ConnectionError(f"a message was refused: {done.state}")
            self._answered += (done.first if done.last is None else done.last) - done.first + 1


class RawReceiver(RawPeer):
    def __init__(self, host: str, amqp_port: int, queue: str) -> None:
        super().__init__(
            host, amqp_port, Attach("r", 0, True, source=Source(queue), target=Target("c"))
        )
        self._received = 0
        self._settled = 0

    def receive(self, count: int) -> None:
        """Ask for so many messages and wait until they have come."""
        self.write(frame(Flow(0, WINDOW, 0, WINDOW, 0, self._received, count)))
        for _ in range(count):
            self.wait_for(Transfer)
        self._received += count

    def complete(self) -> None:
        """Complete what came since the last time, and wait until that is confirmed."""
        first, last = self._settled, self._received - 1
        self.write(frame(Disposition(True, first, last, False, Accepted())))
        while self._settled <= last:
            done = self.wait_for(Disposition)
            self._settled += (done.first if done.last is None else done.last) - done.first + 1


def frame(performative: object) -> bytes:
    return encode_frame(0, encode_composite(performative))


def transfer(number: int, message: bytes) -> bytes:
    head = Transfer(0, number, number.to_bytes(4), 0, False, False)
    return encode_frame(0, encode_composite(head), message)


def message(number: int, body: bytes = BODY) -> bytes:
    return encode_message(
        properties=Properties(message_id=f"id-{number}"),
        application_properties={"type": "com.tillbus.sale-completed.v1", "store": "s1"},
        data=body,
    )


def percentile(times: list[float], percent: int) -> float:
    """Return the smallest of these that so many percent do not exceed."""
    ordered = sorted(times)
    return ordered[max(-(-percent * len(ordered) // 100), 1) - 1]


def best_of(rounds: int, measure: Callable[[], float]) -> float:
    """The machine is shared: the least disturbed round is the figure."""
    return min(measure() for _ in range(rounds))
