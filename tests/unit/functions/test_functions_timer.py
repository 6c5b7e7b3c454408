"""Timers: when they are due, and what was missed while no host ran."""

import asyncio
import json
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from infra.local.functions.errors import ConfigurationError
from infra.local.functions.functions import Function, TimerTrigger
from infra.local.functions.protos import TypedData
from infra.local.functions.schedule import parse_schedule
from infra.local.functions.triggers.timer import Status, TimerListener
from tests.unit.functions.fakes import FakeInvoker

START = datetime(2026, 1, 1, 12, 0, 30, tzinfo=timezone.utc)  # a Thursday


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0 */5 * * * *", "2026-01-01T12:05:00"),
        ("*/5 * * * *", "2026-01-01T12:05:00"),
        ("*/10 * * * * *", "2026-01-01T12:00:40"),
        ("0 30 9 * * Mon-Fri", "2026-01-02T09:30:00"),
        ("0 0 0 1 * 0", "2026-02-01T00:00:00"),  # the first *and* a Sunday
        ("00:00:45", "2026-01-01T12:01:15"),
    ],
)
def test_next_occurrence(text: str, expected: str) -> None:
    next_after = parse_schedule(text, used_by="f")
    assert next_after(START) == datetime.fromisoformat(f"{expected}+00:00")


@pytest.mark.parametrize(
    "text", ["", "every minute", "0 61 * * * *", "25:00:00", "00:00:00", "* *"]
)
def test_schedule_that_cannot_be_read_is_named(text: str) -> None:
    with pytest.raises(ConfigurationError, match="Function 'sweep'"):
        parse_schedule(text, used_by="Function 'sweep'")


class Bench:
    """One timer, a clock the test moves, and what the function was told each time it ran."""

    def __init__(self, state: Path, schedule: str = "0 0 * * * *", **trigger: Any) -> None:
        self.now = START
        self.seen: list[dict[str, Any]] = []
        self.state = state
        self.trigger = TimerTrigger(
            "timer", schedule, **{"run_on_startup": False, "use_monitor": True, **trigger}
        )

    async def start(self) -> None:
        """Start the host's timer and stop it again when it has looked at the past."""
        stopping = asyncio.Event()
        running = asyncio.ensure_future(self.listener().run(stopping))
        for _ in range(5):
            await asyncio.sleep(0)
        stopping.set()
        await running

    def listener(self) -> TimerListener:
        async def see(value: TypedData) -> None:
            self.seen.append(json.loads(value.json))  # type: ignore[attr-defined]

        function = Function("sweep", "1", self.trigger)
        return TimerListener(
            function,
            self.trigger,
            FakeInvoker(see),  # type: ignore[arg-type]
            self.state,
            lambda: self.now,
        )


async def test_first_start_runs_nothing(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    await bench.start()
    assert bench.seen == []


async def test_occurrence_missed_while_down_runs_once_as_past_due(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    await bench.start()
    bench.now += timedelta(hours=3)

    await bench.start()
    await bench.start()

    assert [info["IsPastDue"] for info in bench.seen] == [True]
    assert bench.seen[0]["ScheduleStatus"]["Next"] == "2026-01-01T13:00:00+00:00"


async def test_nothing_is_missed_between_occurrences(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    await bench.start()
    bench.now += timedelta(minutes=10)
    await bench.start()
    assert bench.seen == []


async def test_changed_schedule_is_judged_by_the_new_one(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "0 0 * * * *")
    await bench.start()
    changed = Bench(tmp_path, "0 0 0 1 * *")
    changed.now = START + timedelta(hours=3)

    await changed.start()

    assert changed.seen == []


async def test_run_on_startup_runs_each_time_and_past_due_goes_first(tmp_path: Path) -> None:
    bench = Bench(tmp_path, run_on_startup=True)
    await bench.start()
    bench.now += timedelta(hours=3)
    await bench.start()

    assert [info["IsPastDue"] for info in bench.seen] == [False, True]


async def test_timer_more_often_than_each_minute_is_not_monitored(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "*/10 * * * * *")
    await bench.start()
    bench.now += timedelta(hours=3)
    await bench.start()

    assert bench.seen == []
    assert not (tmp_path / "timers").exists()


async def test_due_timer_fires_when_its_time_comes(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.now = START.replace(minute=59, second=59, microsecond=990_000)
    stopping = asyncio.Event()
    running = asyncio.ensure_future(bench.listener().run(stopping))
    await asyncio.sleep(0)
    bench.now = START + timedelta(hours=1)

    async with asyncio.timeout(60):
        while not bench.seen:  # noqa: ASYNC110 - the condition is not an event
            await asyncio.sleep(0.005)
    stopping.set()
    await running

    assert bench.seen[0]["IsPastDue"] is False


async def test_unreadable_status_counts_as_none(tmp_path: Path) -> None:
    (tmp_path / "timers").mkdir()
    (tmp_path / "timers" / "sweep.json").write_text("{")
    bench = Bench(tmp_path)
    await bench.start()
    assert bench.seen == []


def test_hosts_that_share_a_folder_may_write_at_the_same_moment(tmp_path: Path) -> None:
    path = tmp_path / "timers" / "sweep.json"
    status = Status(START, START + timedelta(hours=1))
    script = (
        "import sys; from pathlib import Path; from datetime import datetime;"
        "from infra.local.functions.triggers.timer import Status;"
        "moments = [datetime.fromisoformat(each) for each in sys.argv[2:]];"
        "[Status(*moments).write(Path(sys.argv[1])) for _ in range(2000)]"
    )
    moments = [status.last.isoformat(), status.next.isoformat()]
    writers = [
        subprocess.Popen([sys.executable, "-c", script, str(path), *moments]) for _ in range(2)
    ]

    assert [writer.wait(60) for writer in writers] == [0, 0]
    assert Status.read(path) == status
    assert list(path.parent.iterdir()) == [path]


async def test_a_status_that_cannot_be_kept_does_not_stop_the_timer(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "timers").write_text("in the way")
    bench = Bench(tmp_path)

    await bench.listener().fire(past_due=False)

    assert len(bench.seen) == 1
    assert "The status of timer sweep is not kept" in caplog.text
