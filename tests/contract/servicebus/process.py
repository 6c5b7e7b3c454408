"""The process of one SDK, asked in JSON lines: `{id, op, on, args}`, answered `{id, result}` or
`{id, error: {code, text}}`."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any

_REPOSITORY = Path(__file__).parents[3]
_LONGEST_LINE = 16 * 1024 * 1024
_ANSWER_SECONDS = 120


class Refused(Exception):
    """The SDK raised; `code` is the short name of the AMQP condition, or `http-` and a status."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code


class DriverProcess:
    """The child process of one SDK: many requests at a time, answered in any order."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._numbers = count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, command: Sequence[str], environment: dict[str, str]) -> DriverProcess:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=_LONGEST_LINE,
            cwd=_REPOSITORY,
            env={**os.environ, "PYTHONPATH": str(_REPOSITORY), **environment},
        )
        return cls(process)

    async def ask(self, op: str, on: str | None = None, /, **args: Any) -> Any:
        """Return the result; raises Refused with what the SDK raised."""
        assert self._process.stdin is not None
        number = next(self._numbers)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        request = {"id": number, "op": op, "on": on or "", "args": args}
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        await self._process.stdin.drain()
        async with asyncio.timeout(_ANSWER_SECONDS):
            found = await answer
        if "error" in found:
            raise Refused(**found["error"])
        return found["result"]

    async def _read(self) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            answer = json.loads(line)
            waiting = self._waiting.pop(answer["id"])
            if not waiting.done():
                waiting.set_result(answer)
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(ConnectionError("the driver process has ended"))

    async def stop(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            async with asyncio.timeout(30):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        await self._reading
