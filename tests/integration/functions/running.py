"""The host as its users start it: a process, its ready line, its exit code."""

import asyncio
import json
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

APPS = Path(__file__).parent / "apps"
ROOT = Path(__file__).parents[3]
PATIENCE_SECONDS = 90
"""How long a test waits for what must come, on a machine that has much else to do."""


class RunningHost:
    """A host process and every line it has printed so far."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.out: list[str] = []
        self.err: list[str] = []
        self.url = ""
        self._changed = asyncio.Condition()
        self._readers = [
            asyncio.ensure_future(self._read(process.stdout, self.out)),
            asyncio.ensure_future(self._read(process.stderr, self.err)),
        ]

    @property
    def seen(self) -> list[dict[str, Any]]:
        """What the app's functions printed as `seen {...}`, in order."""
        return [json.loads(line[5:]) for line in self.out if line.startswith("seen {")]

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for a condition on the lines printed; fails with them when it never comes."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS), self._changed:
                await self._changed.wait_for(condition)
        except TimeoutError:
            raise AssertionError("\n".join(["never came:", *self.out, *self.err])) from None

    async def ready(self) -> None:
        ended = self.process.wait
        await self.until(
            lambda: (
                any(line.startswith("ready functions ") for line in self.out)
                or self.process.returncode is not None
            )
        )
        line = next((line for line in self.out if line.startswith("ready functions ")), None)
        assert line is not None, f"exit code {await ended()}: {self.err}"
        self.url = line.split("http=")[1].split()[0]

    async def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        if self.process.returncode is None:
            self.process.send_signal(how)
        return await self.ended()

    async def ended(self) -> int:
        async with asyncio.timeout(PATIENCE_SECONDS):
            code = await self.process.wait()
            await asyncio.gather(*self._readers)
        return code

    async def _read(self, stream: asyncio.StreamReader | None, lines: list[str]) -> None:
        assert stream is not None
        async for line in stream:
            async with self._changed:
                lines.append(line.decode().rstrip("\n"))
                self._changed.notify_all()
        async with self._changed:
            self._changed.notify_all()


def web(host: RunningHost) -> httpx.AsyncClient:
    """A client of what the host serves."""
    return httpx.AsyncClient(base_url=host.url, timeout=PATIENCE_SECONDS)


async def start_host(app: Path | None, *arguments: str, **settings: str) -> RunningHost:
    """Start a host without waiting for it; `settings` are its environment beside ours."""
    folder = [] if app is None else ["--app", str(app)]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "infra.local.functions", *folder, "--port", "0", *arguments),
        cwd=ROOT,
        env={**os.environ, **settings},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    return RunningHost(process)


@asynccontextmanager
async def running_host(
    app: Path | None, *arguments: str, **settings: str
) -> AsyncIterator[RunningHost]:
    """A host that is ready; killed at the end unless the test has stopped it.

    Its timers are its own: of one app many run at once and one after the other."""
    with tempfile.TemporaryDirectory(prefix="tillbus-timers-") as state:
        host = await start_host(app, "--state", state, *arguments, **settings)
        async with _until_it_ends(host):
            yield host


@asynccontextmanager
async def _until_it_ends(host: RunningHost) -> AsyncIterator[None]:
    try:
        await host.ready()
        yield
    finally:
        if host.process.returncode is None:
            host.process.kill()
        await host.ended()
