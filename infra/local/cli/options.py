"""What commands have in common: their options, and how a coroutine becomes an exit code."""

from __future__ import annotations

import asyncio
import getpass
import signal
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any

import typer

Data = Annotated[
    Path, typer.Option("--data", help="Folder of the local platform.", envvar="TILLBUS_DATA")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
StoreUrl = Annotated[
    str | None,
    typer.Option(
        "--store-url", help="Another store than the local platform's.", envvar="STORE_URL"
    ),
]
Actor = Annotated[
    str,
    typer.Option(
        "--by",
        "--actor",
        help="Who does it, for the audit log.",
        default_factory=getpass.getuser,
    ),
]
DEFAULT_DATA = Path(".tillbus")


def run(work: Callable[[], Coroutine[Any, Any, int]]) -> int:
    """Run a command's coroutine to its exit code; told to end, it still stops what it started."""

    async def until_told_to_end() -> int:
        task = asyncio.current_task()
        assert task is not None
        for number in (signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        return await work()

    return asyncio.run(until_told_to_end())
