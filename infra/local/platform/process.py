"""One child process: started, found ready by its ready line, restarted when it dies, stopped."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from infra.local.platform.ports import kept_port

_log = logging.getLogger("tillbus.platform")

READY_SECONDS = 60
"""How long a component may take to say it is ready; a cold first start compiles byte code."""

STOP_SECONDS = 20
"""How long a component may take to stop in good order before it is killed."""

RESTART_PAUSE_SECONDS = 0.2
"""Pause before a dead component is started anew, so that one that cannot start does not spin."""

GIVE_UP_AFTER = 3
"""Starts in a row that may fail before the platform says so and stops trying."""

_PORT = re.compile(r":(\d+)\b")


class DidNotStart(Exception):
    """A component ended or stayed silent instead of saying it is ready."""


class Component:
    """A Python module run as a child process.

    `arguments` is called with the facts of the last ready line (empty at first), so that a restart
    listens on the same ports as before. Output goes to `log`; the ready line is kept in `ready`.
    """

    def __init__(
        self,
        name: str,
        module: str,
        arguments: Callable[[Mapping[str, str]], Sequence[str]],
        *,
        environment: Mapping[str, str],
        log: Path,
    ) -> None:
        self.name = name
        self.ready: dict[str, str] = {}
        self.starts = 0
        self._module = module
        self._arguments = arguments
        self._environment = environment
        self._log = log
        self._process: asyncio.subprocess.Process | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._stopping = False
        self.is_ready = asyncio.Event()

    @property
    def pid(self) -> int:
        """Process id of the running child."""
        if self._process is None:
            raise DidNotStart(f"{self.name} is not running")
        return self._process.pid

    async def start(self) -> None:
        """Start and wait for the ready line; afterwards a death is followed by a restart."""
        self._stopping = False
        await self._launch()
        self._watcher = asyncio.create_task(self._keep_alive())

    def kill(self) -> None:
        """Send SIGKILL, as a crash or the kernel would; the restart follows by itself."""
        self.is_ready.clear()
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def expect_end(self) -> None:
        """From now on an end is no death: a Ctrl-C reaches every process of the terminal."""
        self._stopping = True

    async def stop(self) -> None:
        """Ask to stop, wait, and only then insist."""
        self.expect_end()
        self.is_ready.clear()
        if self._watcher is not None:
            self._watcher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watcher
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
        except TimeoutError:
            _log.warning("%s did not stop within %d s and was killed", self.name, STOP_SECONDS)
            process.kill()
            await process.wait()

    async def _launch(self) -> None:
        self.starts += 1
        with self._log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "infra.local.child",
                self._module,
                *self._arguments(self.ready),
                stdin=asyncio.subprocess.PIPE,  # its end tells the child that we are gone
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env={**os.environ, **self._environment, "PYTHONUNBUFFERED": "1"},
            )
        self._process = process
        try:
            self.ready = await asyncio.wait_for(self._ready_line(process), READY_SECONDS)
        except TimeoutError:
            process.kill()
            raise DidNotStart(
                f"{self.name} was not ready within {READY_SECONDS} s; see {self._log}"
            ) from None
        self.is_ready.set()

    async def _ready_line(self, process: asyncio.subprocess.Process) -> dict[str, str]:
        assert process.stdout is not None
        while line := await process.stdout.readline():
            words = line.decode(errors="replace").split()
            if words[:2] == ["ready", self.name]:
                return dict(word.split("=", 1) for word in words[2:] if "=" in word)
        await process.wait()
        raise DidNotStart(
            f"{self.name} ended with exit code {process.returncode}: {self._last_words()}"
        )

    def _ports(self) -> list[int]:
        """Return the ports of the last ready line, which a restart listens on again."""
        return [int(port) for word in self.ready.values() for port in _PORT.findall(word)]

    def _last_words(self) -> str:
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"nothing in {self._log}"

    async def _keep_alive(self) -> None:
        failures = 0
        while True:
            assert self._process is not None
            await self._process.wait()
            self.is_ready.clear()
            if self._stopping:
                return
            _log.warning("%s died (%s), starting it anew", self.name, self._process.returncode)
            try:
                with contextlib.ExitStack() as kept:
                    for port in self._ports():
                        with contextlib.suppress(OSError):  # taken already; the start will say so
                            kept.enter_context(kept_port(port))
                    await asyncio.sleep(RESTART_PAUSE_SECONDS)
                    await self._launch()
                failures = 0
            except DidNotStart as error:
                failures += 1
                _log.error("%s", error)
                if failures >= GIVE_UP_AFTER:
                    return
