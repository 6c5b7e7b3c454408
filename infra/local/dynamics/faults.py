"""Scripted faults: what goes wrong, for which requests, how often.

A fault is matched and counted in one place, `FaultPlan.take`; carrying it out is the caller's part.
Everything is in memory: a restarted simulator is a healthy one.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator


class FaultKind(StrEnum):
    THROTTLE = "throttle"
    """429 with Retry-After."""
    OUTAGE = "outage"
    """503."""
    SERVER_ERROR = "server-error"
    """500."""
    SLOW = "slow"
    """`delay` seconds pass before the request is carried out; further faults still apply."""
    DROP_BEFORE_COMMIT = "drop-before-commit"
    """The connection breaks; nothing, or of a batch the first `changesets`, was stored."""
    DROP_AFTER_COMMIT = "drop-after-commit"
    """The connection breaks after everything was stored."""
    DEADLOCK = "deadlock"
    """One changeset, or one single write, is refused with the deadlock text."""
    UPDATE_CONFLICT = "update-conflict"
    """One changeset, or one single write, is refused with the update conflict text."""


REQUEST_KINDS = frozenset(FaultKind) - {FaultKind.DEADLOCK, FaultKind.UPDATE_CONFLICT}
"""Faults of a whole HTTP request."""
WRITE_KINDS = frozenset({FaultKind.DEADLOCK, FaultKind.UPDATE_CONFLICT})
"""Faults of one changeset."""


class Target(StrEnum):
    API = "api"
    IDENTITY = "identity"


class Fault(BaseModel):
    """One scripted fault."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: FaultKind
    count: Annotated[int, Field(ge=1)] | None = 1
    """How many matching requests it hits; null: until it is cleared."""
    skip: Annotated[int, Field(ge=0)] = 0
    """Matching requests that pass first."""
    method: str = ".*"
    """Regular expression for the whole method."""
    path: str = ".*"
    """Regular expression searched in the path, such as `\\$batch$` or `RetailTransactions`."""
    retry_after: Annotated[int, Field(ge=0)] = 5
    """Seconds; for throttle and outage."""
    delay: Annotated[float, Field(ge=0, le=3600)] = 1.0
    """Seconds; for slow."""
    changesets: Annotated[int, Field(ge=0)] = 0
    """For drop-before-commit of a batch: changesets stored before the connection breaks."""
    percent: Annotated[float, Field(gt=0, le=100)] = 100.0
    """Chance of each matching request, drawn from a generator seeded with `seed`."""
    seed: int = 0
    target: Target = Target.API

    @field_validator("method", "path")
    @classmethod
    def _is_a_regular_expression(cls, pattern: str) -> str:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        return pattern


class _Planned:
    def __init__(self, identifier: int, fault: Fault) -> None:
        self.identifier = identifier
        self.fault = fault
        self.left = fault.count
        self.to_skip = fault.skip
        self.taken = 0
        self._method = re.compile(fault.method, re.IGNORECASE)
        self._path = re.compile(fault.path)
        # Not for secrets: the seed makes a run repeatable.
        self._chance = random.Random(fault.seed)

    def hits(self, method: str, path: str) -> bool:
        if self.left == 0 or not self._method.fullmatch(method) or not self._path.search(path):
            return False
        if self.fault.percent < 100 and self._chance.random() * 100 >= self.fault.percent:
            return False
        if self.to_skip:
            self.to_skip -= 1
            return False
        self.taken += 1
        if self.left is not None:
            self.left -= 1
        return True


class FaultPlan:
    """The faults in force, in the order they were added; the first that hits is taken."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._planned: list[_Planned] = []
        self._next = 1
        for fault in faults:
            self.add(fault)

    def add(self, fault: Fault) -> int:
        """Return the identifier by which it can be removed."""
        planned = _Planned(self._next, fault)
        self._next += 1
        self._planned.append(planned)
        return planned.identifier

    def remove(self, identifier: int) -> bool:
        """Return whether there was such a fault."""
        before = len(self._planned)
        self._planned = [each for each in self._planned if each.identifier != identifier]
        return len(self._planned) < before

    def clear(self) -> None:
        self._planned.clear()

    def take(
        self, kinds: frozenset[FaultKind], method: str, path: str, target: Target = Target.API
    ) -> Fault | None:
        """Return the first fault of these kinds that hits this request, and count it as taken."""
        for planned in self._planned:
            fault = planned.fault
            if fault.kind in kinds and fault.target is target and planned.hits(method, path):
                return fault
        return None

    def listing(self) -> list[dict[str, object]]:
        """Every fault with `id`, `taken` and `left` (null: until cleared)."""
        return [
            {
                "id": each.identifier,
                "taken": each.taken,
                "left": each.left,
                **each.fault.model_dump(mode="json"),
            }
            for each in self._planned
        ]
