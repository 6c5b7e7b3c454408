"""A killed process loses nothing it acknowledged."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

from infra.local.servicebus.broker import Namespace
from infra.local.servicebus.storage import SqliteStorage
from tests.unit.servicebus_broker.helpers import message, names, queue_of
from tests.unit.servicebus_broker.killed_process import CONFIG

ROOT = Path(__file__).resolve().parents[3]
KILLS = 4


def run_until_killed(path: Path, run: int, lines: int) -> list[str]:
    """Let the process say that many lines, kill it (SIGKILL), and return all it had said."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.unit.servicebus_broker.killed_process", str(path), str(run)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    said = [process.stdout.readline() for _ in range(lines)]
    process.kill()
    said += process.stdout.readlines()
    process.wait()
    process.stdout.close()
    return [line.rstrip("\n") for line in said if line.endswith("\n")]


def test_every_acknowledged_message_and_settlement_survives_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "messages.db"
    said: list[str] = []

    for run in range(KILLS):
        said += run_until_killed(path, run, lines=150 + 67 * run)

    storage = SqliteStorage(path)
    namespace = Namespace(CONFIG)
    namespace.restore(storage.load())
    found = names(queue_of(namespace, "q").peek(0, 1_000_000, 0))
    acts: dict[str, set[str]] = {"sent": set(), "completing": set(), "completed": set()}
    for line in said:
        act, name = line.split()
        acts[act].add(name)
    assert len(acts["completed"]) > 50
    assert acts["sent"] - acts["completing"] <= set(found), "an accepted message is lost"
    assert not acts["completed"] & set(found), "a settled message is back"
    assert len(found) == len(set(found)), "a message is there twice"
    runs = {name: int(name.split("-")[0]) for name in found}
    assert [runs[name] for name in found] == sorted(runs.values()), "the order is lost"

    before = queue_of(namespace, "q").active_count
    namespace.send("q", [message(name) for name in acts["sent"]], 0)
    assert queue_of(namespace, "q").active_count == before, "the duplicate window is lost"
    asyncio.run(storage.aclose())
