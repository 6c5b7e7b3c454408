"""Timer triggers: occurrences, what was missed while the host was down, and its status file."""

import asyncio
import contextlib
import json
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

from infra.local.functions.errors import InvocationFailed
from infra.local.functions.functions import Function, TimerTrigger
from infra.local.functions.invoker import Invoker
from infra.local.functions.protos import TypedData
from infra.local.functions.schedule import parse_schedule
from infra.local.functions.trace import new_traceparent
from shared.clock import Clock

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Status:
    """What is kept between runs; the JSON names are those of Azure's `timers/.../status` blob."""

    last: datetime
    next: datetime

    def to_json(self) -> dict[str, str]:
        return {
            "Last": self.last.isoformat(),
            "Next": self.next.isoformat(),
            "LastUpdated": self.last.isoformat(),
        }

    @classmethod
    def read(cls, path: Path) -> "Status | None":
        """Return the kept status, None when there is none or it cannot be read."""
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            return cls(*(datetime.fromisoformat(document[name]) for name in ("Last", "Next")))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(f".{os.getpid()}")  # hosts may share the folder
        fresh.write_text(json.dumps(self.to_json()), encoding="utf-8")
        fresh.replace(path)  # a killed host leaves the old or the new one, never half


class TimerListener:
    """One timer function: never overlapping, a failure waits for the next occurrence."""

    def __init__(
        self, function: Function, trigger: TimerTrigger, invoker: Invoker, state: Path, clock: Clock
    ) -> None:
        self._function = function
        self._invoker = invoker
        self._clock = clock
        self._schedule = parse_schedule(trigger.schedule, used_by=f"Function {function.name!r}")
        self._run_on_startup = trigger.run_on_startup
        self._path = state / "timers" / f"{function.name}.json"
        first = self._schedule(clock())
        # Azure does not monitor a timer that fires more than once a minute.
        self._monitored = trigger.use_monitor and (
            self._schedule(first) - first >= timedelta(minutes=1)
        )

    async def run(self, stopping: asyncio.Event) -> None:
        if self._missed_one():
            await self.fire(past_due=True)
        elif self._run_on_startup:
            await self.fire(past_due=False)
        while not stopping.is_set():
            due = self._schedule(self._clock())
            while (wait := (due - self._clock()).total_seconds()) > 0:
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(stopping.wait(), wait)
                if stopping.is_set():
                    return
            await self.fire(past_due=False)

    async def fire(self, *, past_due: bool) -> None:
        """Run the function once, now; its failure is logged by the invoker."""
        now = self._clock()
        status = Status(now, self._schedule(now))
        kept = Status.read(self._path) if self._monitored else None
        info = {
            "Schedule": {"AdjustForDST": True},
            "ScheduleStatus": _shown(kept),
            "IsPastDue": past_due,
        }
        with contextlib.suppress(InvocationFailed):
            await self._invoker.invoke(
                self._function, TypedData(json=json.dumps(info)), {}, new_traceparent()
            )
        if self._monitored:
            self._keep(status)

    def _keep(self, status: Status) -> None:
        """A status that cannot be kept costs a late occurrence after a restart, no more."""
        try:
            status.write(self._path)
        except OSError as error:
            _log.warning("The status of timer %s is not kept: %s", self._function.name, error)

    def _missed_one(self) -> bool:
        """Whether an occurrence passed while no host ran, by the schedule of today."""
        kept = Status.read(self._path) if self._monitored else None
        if kept is None:
            if self._monitored:
                now = self._clock()
                self._keep(Status(now, self._schedule(now)))
            return False
        return self._clock() > self._schedule(kept.last)


def _shown(status: Status | None) -> Mapping[str, str]:
    if status is None:
        never = datetime.min.replace(tzinfo=timezone.utc)
        return Status(never, never).to_json()
    return status.to_json()
