"""AMQP clients that know nothing of Service Bus: Apache Qpid Proton and rhea."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from infra.local.servicebus import LocalServiceBus

HERE = Path(__file__).parent / "peers"
INSTALLED = Path(__file__).parents[3] / ".peers"
RHEA, PROTON = INSTALLED / "node" / "node_modules" / "rhea", INSTALLED / "proton" / "proton"
HOW = "run tools/install_peers.sh"

with_proton = pytest.mark.skipif(not PROTON.exists(), reason=f"no python-qpid-proton: {HOW}")
with_rhea = pytest.mark.skipif(
    shutil.which("node") is None or not RHEA.exists(), reason=f"no node, or no rhea: {HOW}"
)


async def talk(*command: str, **environment: str) -> dict[str, Any]:
    """Return what the client reports of its talk with the bus."""
    client = await asyncio.create_subprocess_exec(
        *command,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **environment},
    )
    try:
        async with asyncio.timeout(90):
            out, trouble = await client.communicate()
    except TimeoutError:
        client.kill()
        raise
    assert client.returncode == 0, trouble.decode()
    report: dict[str, Any] = json.loads(out)
    return report


async def proton(bus: LocalServiceBus, scenario: str) -> dict[str, Any]:
    place = f"{bus.host}:{bus.amqp_port}"
    script = str(HERE / "proton_peer.py")
    return await talk(sys.executable, script, place, scenario, PYTHONPATH=str(PROTON.parent))


def counts(bus: LocalServiceBus) -> tuple[int, int]:
    work = bus.inspect()["entities"]["work"]
    return work["active"], work["deadLettered"]


@with_proton
async def test_proton_sends_and_settles_in_every_way(bus: LocalServiceBus) -> None:
    report = await proton(bus, "exchange")

    assert report["sent"] == 20
    assert sorted(report["accepted"]) == sorted(
        ["first", "third", "x" * 20, *(f"message {number}" for number in range(16))]
    )
    assert report["lengths"] == [5, 9, 10, 70_000]
    assert report["failures"] == {"third": 1}
    assert counts(bus) == (0, 1)


@with_proton
async def test_protons_transactions_abort_and_commit(bus: LocalServiceBus) -> None:
    report = await proton(bus, "transact")

    assert report["steps"] == [
        "sent",
        "declared",
        "received to be settled",
        "aborted",
        "declared again",
        "received to be settled",
        "committed",
    ]
    assert counts(bus) == (1, 0)


@with_rhea
async def test_rhea_sends_and_settles_in_every_way_in_the_smallest_frames(
    bus: LocalServiceBus,
) -> None:
    script, place = str(HERE / "rhea_peer.js"), f"{bus.host}:{bus.amqp_port}"
    report = await talk("node", script, place, NODE_PATH=str(RHEA.parent))

    assert report == {
        "sent": 20,
        "accepted": ["first", "third", "x" * 20, *(f"message {number}" for number in range(16))],
        "lengths": [5, 9, 10, 70_000],
        "failures": {"third": 1},
        "drained": True,
    }
    assert counts(bus) == (0, 1)
