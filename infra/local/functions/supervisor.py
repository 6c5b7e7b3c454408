"""Several hosts as one: a process per service, stopped together, restarted when asked to."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Sequence

from infra.local.functions.errors import EXIT_FUNCTION_TIMEOUT, EXIT_OK

READY = "ready functions "
_MODULE = "infra.local.functions"


def parse_ready(line: str) -> dict[str, str]:
    """Return the key=value pairs of a ready line."""
    return dict(part.split("=", 1) for part in line.removeprefix(READY).split())


def should_restart(exit_code: int, *, restart: bool) -> bool:
    """A function timeout and a kill are worth a fresh process; a bad configuration is not."""
    return restart and (exit_code == EXIT_FUNCTION_TIMEOUT or exit_code < 0)


class Supervisor:
    """Runs one host process per argument list; the first that fails for good stops them all."""

    def __init__(
        self,
        commands: Sequence[Sequence[str]],
        *,
        restart: bool,
        on_ready: Callable[[str, int], None],
    ) -> None:
        self._commands = commands
        self._restart = restart
        self._on_ready = on_ready
        self._ready: dict[int, dict[str, str]] = {}
        self._announced = False
        self._stopping = False
        self._processes: dict[int, asyncio.subprocess.Process] = {}

    async def run(self) -> int:
        """Run until stopped or failed; return 0, or the first failing process's exit code."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            with contextlib.suppress(NotImplementedError):
                loop.add_signal_handler(number, self.stop)
        codes = await asyncio.gather(
            *(self._keep(index, command) for index, command in enumerate(self._commands))
        )
        return next((code for code in codes if code != EXIT_OK), EXIT_OK)

    def stop(self) -> None:
        self._stopping = True
        for process in self._processes.values():
            with contextlib.suppress(ProcessLookupError):
                process.terminate()

    async def _keep(self, index: int, command: Sequence[str]) -> int:
        while True:
            code = await self._run_once(index, command)
            if self._stopping or not should_restart(code, restart=self._restart):
                break
            print(f"A host ended with code {code}; starting it again.", file=sys.stderr, flush=True)
        self.stop()
        return EXIT_OK if code == -signal.SIGTERM else abs(code)

    async def _run_once(self, index: int, command: Sequence[str]) -> int:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", _MODULE, *command, "--stop-on-eof"),
            # The pipe's end is how a host notices that this process was killed.
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=os.environ,
        )
        self._processes[index] = process
        if self._stopping:
            process.terminate()
        assert process.stdout is not None
        async for line in process.stdout:
            text = line.decode(errors="replace").rstrip("\n")
            if text.startswith(READY):
                self._note_ready(index, parse_ready(text))
            else:
                print(text, flush=True)
        return await process.wait()

    def _note_ready(self, index: int, ready: dict[str, str]) -> None:
        self._ready[index] = ready
        if len(self._ready) == len(self._commands) and not self._announced:
            self._announced = True
            hosts = [self._ready[number] for number in sorted(self._ready)]
            self._on_ready(
                ",".join(host["http"] for host in hosts),
                sum(int(host["functions"]) for host in hosts),
            )
