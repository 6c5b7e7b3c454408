"""The bus as a process over one data folder, to be killed, starved and given bad files."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from azure.servicebus.aio import ServiceBusClient

ROOT = Path(__file__).resolve().parents[3]
CONFIG = {
    "UserConfig": {"Namespaces": [{"Name": "n", "Queues": [{"Name": "q", "Properties": {}}]}]}
}
STORE = "servicebus.sqlite3"
SECONDS = 90
"""How long a test waits for what must come, on a machine that has much else to do."""


class Bus:
    """A running one."""

    def __init__(self, process: asyncio.subprocess.Process, amqp: str, admin: str) -> None:
        self.process = process
        self.admin = admin
        self._amqp = amqp

    def client(self, **options: Any) -> ServiceBusClient:
        """Without retries unless given: they would hide what the bus did."""
        return ServiceBusClient.from_connection_string(
            f"Endpoint=sb://{self._amqp};SharedAccessKeyName=RootManageSharedAccessKey;"
            "SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;",
            **{"retry_total": 0, **options},
        )

    async def kill(self) -> None:
        self.process.kill()
        await self.process.wait()


async def start(
    folder: Path, *, before: Callable[[], None] | None = None
) -> asyncio.subprocess.Process:
    """Start the program on `folder`; `before` runs in the new process first."""
    config = folder / "Config.json"
    config.write_text(json.dumps(CONFIG))
    ports = ("--amqp-port", "0", "--admin-port", "0")
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "infra.local.servicebus", *ports),
        *("--config", str(config), "--data", str(folder)),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        preexec_fn=before,
    )


@asynccontextmanager
async def running(folder: Path, *, before: Callable[[], None] | None = None) -> AsyncIterator[Bus]:
    process = await start(folder, before=before)
    try:
        assert process.stdout is not None
        line = (await asyncio.wait_for(process.stdout.readline(), SECONDS)).decode()
        assert line.startswith("ready "), await process.communicate()
        said = dict(word.split("=", 1) for word in line.split() if "=" in word)
        yield Bus(process, said["amqp"], said["admin"])
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            await asyncio.wait_for(process.communicate(), SECONDS)


async def refused(folder: Path) -> tuple[int | None, str]:
    """Start on a store that cannot be served; return the exit code and what was said."""
    process = await start(folder)
    said, error = await asyncio.wait_for(process.communicate(), SECONDS)
    assert not said
    return process.returncode, error.decode()


async def waiting(client: ServiceBusClient) -> list[str]:
    """Return the bodies of all that wait in `q`, in order."""
    async with client.get_queue_receiver("q") as receiver:
        found: list[str] = []
        sequence = 0
        while batch := await receiver.peek_messages(250, sequence_number=sequence):
            found += [str(each) for each in batch]
            sequence = (batch[-1].sequence_number or 0) + 1
        return found
