"""The command line as its users start it: a process of its own."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
_MAIN = "import sys; from infra.local.cli import main; sys.exit(main())"


async def start_tillbus(*arguments: str) -> asyncio.subprocess.Process:
    """Start a command; it says what is wrong on stderr."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _MAIN, *arguments),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def tillbus(*arguments: str) -> tuple[int, str]:
    """Run a command; return its exit code and what it printed. Its stderr becomes ours."""
    process = await start_tillbus(*arguments)
    printed, said = await process.communicate()
    sys.stderr.write(said.decode())
    assert process.returncode is not None
    return process.returncode, printed.decode()
