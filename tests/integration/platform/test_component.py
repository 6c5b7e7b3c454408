"""A component of the local platform as a real child process."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

import httpx
import psutil  # type: ignore[import-untyped]
import pytest

from infra.local.platform import DidNotStart, NotRunning, process, read_addresses
from infra.local.platform.ports import kept_port
from infra.local.platform.process import Component
from tests.e2e.chain import eventually

only_on_linux = pytest.mark.skipif(sys.platform != "linux", reason="ports are kept on Linux only")

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
        await asyncio.wait_for(component.is_ready.wait(), 60)

        assert component.pid != before
        assert component.ready["http"] == address
        async with httpx.AsyncClient() as http:
            assert (await http.get(f"{address}/api/stats")).status_code == 200
    finally:
        await component.stop()


def _is_free(port: int) -> bool:
    """Return whether the kernel would give the port to who asks for any."""
    with socket.socket() as asking:
        try:
            asking.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _is_listened_on(port: int) -> bool:
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


@only_on_linux
def test_a_kept_port_is_there_for_who_names_it_again_and_again_and_for_nobody_else() -> None:
    with kept_port() as port:
        for _ in range(2):
            with socket.create_server(("127.0.0.1", port)):
                assert _is_listened_on(port)
            assert not _is_free(port)


@only_on_linux
async def test_nobody_else_gets_a_killed_components_port_before_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "RESTART_PAUSE_SECONDS", 600)
    component = _insights(tmp_path)
    await component.start()
    port = int(component.ready["http"].rpartition(":")[2])

    async def is_kept() -> bool:
        return not _is_listened_on(port) and not _is_free(port)

    try:
        component.kill()
        await eventually(is_kept)
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
    child = psutil.Process(int(await asyncio.wait_for(parent.stdout.readline(), 60)))

    parent.kill()
    await parent.wait()

    await asyncio.to_thread(child.wait, 60)


def test_commands_say_how_to_start_a_platform_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NotRunning, match="tillbus up"):
        read_addresses(tmp_path)
