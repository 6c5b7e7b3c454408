"""A component of the local platform as a real child process."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path

import httpx
import psutil  # type: ignore[import-untyped]
import pytest

from infra.local.platform import DidNotStart, NotRunning, read_addresses
from infra.local.platform.process import Component

PARENT = """
import asyncio, sys
from pathlib import Path
from tests.integration.platform.test_component import _insights

async def main():
    component = _insights(Path(sys.argv[1]))
    await component.start()
    print(component.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


def _insights(folder: Path) -> Component:
    def arguments(ready: Mapping[str, str]) -> list[str]:
        return ["--port", ready.get("http", ":0").rpartition(":")[2], "--data", str(folder)]

    return Component(
        "appinsights",
        "infra.local.appinsights",
        arguments,
        environment={},
        log=folder / "log",
    )


async def test_a_killed_component_comes_back_on_the_same_port(tmp_path: Path) -> None:
    component = _insights(tmp_path)
    await component.start()
    try:
        before, address = component.pid, component.ready["http"]
        component.kill()
        await asyncio.wait_for(component.is_ready.wait(), 30)

        assert component.pid != before
        assert component.ready["http"] == address
        async with httpx.AsyncClient() as http:
            assert (await http.get(f"{address}/api/stats")).status_code == 200
    finally:
        await component.stop()


async def test_a_component_that_cannot_start_says_why_in_one_sentence(tmp_path: Path) -> None:
    component = Component(
        "appinsights",
        "infra.local.appinsights",
        lambda ready: ["--port", "1", "--host", "203.0.113.1"],
        environment={},
        log=tmp_path / "log",
    )

    with pytest.raises(DidNotStart, match=r"exit code 2: appinsights cannot start"):
        await component.start()


async def test_a_component_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        PARENT,
        str(tmp_path),
        stdout=asyncio.subprocess.PIPE,
    )
    assert parent.stdout is not None
    child = psutil.Process(int(await asyncio.wait_for(parent.stdout.readline(), 30)))

    parent.kill()
    await parent.wait()

    await asyncio.to_thread(child.wait, 20)


def test_commands_say_how_to_start_a_platform_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NotRunning, match="tillbus up"):
        read_addresses(tmp_path)
