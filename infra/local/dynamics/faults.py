"""Scripted faults: what goes wrong, for which requests, how often and how long.

A fault is matched and counted in one place, `FaultPlan.take`; carrying it out is the caller's part:
of REQUEST_KINDS the layer in front of the products, of WRITE_KINDS and READ_KINDS each product in
its own words, of a schema upgrade `odata.schema`.
Everything is in memory: a restarted simulator is a healthy one.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from .clock import Clock


class FaultKind(StrEnum):
    THROTTLE = "throttle"
    """429 with Retry-After."""
    OUTAGE = "outage"
    """503."""
    SERVER_ERROR = "server-error"
    """500."""
    SLOW = "slow"
    """`delay` seconds, or as many as `percentiles` draw, pass before the request is carried out;
    further faults still apply."""
    HANG = "hang"
    """The request is taken and never answered; nothing was stored."""
    HANG_AFTER_COMMIT = "hang-after-commit"
    """The request is carried out and never answered."""
    DROP_BEFORE_COMMIT = "drop-before-commit"
    """The connection breaks; nothing, or of a batch the first `changesets`, was stored."""
    DROP_AFTER_COMMIT = "drop-after-commit"
    """The connection breaks after everything was stored."""
    DEADLOCK = "deadlock"
    """One changeset, or one single write, is refused with the deadlock text."""
    UPDATE_CONFLICT = "update-conflict"
    """One changeset, or one single write, is refused with the update conflict text."""
    REFUSED_WRITE = "refused-write"
    """One changeset, or one single write, is refused for its data: a batch fails in part."""
    FREEZE = "freeze"
    """Writes, of one `company` if named, are refused as after a month's closing."""
    EXPIRED_CHANGE_TOKEN = "expired-change-token"
    """A delta link is answered as one that is too old."""
    SCHEMA_UPGRADE = "schema-upgrade"
    """Of `product`'s `entity_set` the field `field` is called `becomes` from now on; null becomes:
    it is gone; null field: a new one appears."""


WRITE_KINDS = frozenset(
    {
        FaultKind.DEADLOCK,
        FaultKind.UPDATE_CONFLICT,
        FaultKind.REFUSED_WRITE,
        FaultKind.FREEZE,
    }
)
"""Faults of one changeset or single write; each product has words for each of them."""
READ_KINDS = frozenset({FaultKind.EXPIRED_CHANGE_TOKEN})
"""Faults of one read of changes."""
REQUEST_KINDS = frozenset(FaultKind) - WRITE_KINDS - READ_KINDS - {FaultKind.SCHEMA_UPGRADE}
"""Faults of a whole HTTP request."""


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
    percentiles: Mapping[Annotated[float, Field(ge=0, le=100)], Annotated[float, Field(ge=0)]] = {}
    """Percentile -> seconds, such as {50: 0.1, 99: 4}; for slow, instead of `delay`. Straight lines
    lie between them; below the first it is the first, above the last the last."""
    seconds: Annotated[float, Field(gt=0)] | None = None
    """How long it is in force, on the simulator's clock, from when it was added; null: as long as
    `count` lasts."""
    company: str | None = None
    """Only writes to this company; for freeze. Whole, as the product knows its companies."""
    product: str = ""
    """Such as `business-central`; for schema-upgrade, as the next three."""
    entity_set: str = ""
    field: str | None = None
    becomes: str | None = None
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

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if self.kind is FaultKind.SCHEMA_UPGRADE:
            named = self.product and self.entity_set and (self.field or self.becomes)
            if not named:
                raise ValueError("needs product, entity_set, and field or becomes")
        return self


class _Planned:
    def __init__(self, identifier: int, fault: Fault, clock: Clock) -> None:
        self.identifier = identifier
        self.fault = fault
        lasts = fault.seconds
        self.until = None if lasts is None else clock() + timedelta(seconds=lasts)
        self._clock = clock
        self.left = fault.count
        self.to_skip = fault.skip
        self.taken = 0
        self._method = re.compile(fault.method, re.IGNORECASE)
        self._path = re.compile(fault.path)
        # Not for secrets: the seed makes a run repeatable.
        self._chance = random.Random(fault.seed)

    @property
    def over(self) -> bool:
        return self.left == 0 or (self.until is not None and self._clock() >= self.until)

    def hits(self, method: str, path: str, company: str | None) -> bool:
        if self.over or not self._method.fullmatch(method) or not self._path.search(path):
            return False
        if self.fault.company is not None and self.fault.company != company:
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

    def delay(self) -> float:
        """Seconds that a request hit by a slow fault waits."""
        points = sorted(self.fault.percentiles.items())
        if not points:
            return self.fault.delay
        rank = self._chance.random() * 100
        if rank <= points[0][0]:
            return points[0][1]
        for (low, shorter), (high, longer) in pairwise(points):
            if rank <= high:
                return shorter + (longer - shorter) * (rank - low) / (high - low)
        return points[-1][1]


class FaultPlan:
    """The faults in force, in the order they were added; the first that hits is taken."""

    def __init__(self, faults: Iterable[Fault] = (), clock: Clock | None = None) -> None:
        self._clock = clock or Clock()
        self._planned: list[_Planned] = []
        self._next = 1
        for fault in faults:
            self.add(fault)

    def add(self, fault: Fault) -> int:
        """Return the identifier by which it can be removed."""
        planned = _Planned(self._next, fault, self._clock)
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

    def any(self, kinds: frozenset[FaultKind]) -> bool:
        """Whether a fault of these kinds may still hit anything."""
        return any(each.fault.kind in kinds and not each.over for each in self._planned)

    def take(
        self,
        kinds: frozenset[FaultKind],
        method: str,
        path: str,
        target: Target = Target.API,
        *,
        company: str | None = None,
    ) -> Fault | None:
        """Return the first fault of these kinds that hits this request, and count it as taken.

        A slow fault comes with the `delay` that was drawn for this request.
        """
        for planned in self._planned:
            fault = planned.fault
            if fault.kind in kinds and fault.target is target:
                if not planned.hits(method, path, company):
                    continue
                if fault.percentiles:
                    return fault.model_copy(update={"delay": planned.delay()})
                return fault
        return None

    def upgrades(self, product: str) -> list[Fault]:
        """The schema upgrades of one product, in order."""
        return [
            each.fault
            for each in self._planned
            if each.fault.kind is FaultKind.SCHEMA_UPGRADE
            and each.fault.product == product
            and not each.over
        ]

    def listing(self) -> list[dict[str, object]]:
        """Every fault with `id`, `taken`, `left` (null: until cleared) and whether it is `over`."""
        return [
            {
                "id": each.identifier,
                "taken": each.taken,
                "left": each.left,
                "over": each.over,
                **each.fault.model_dump(mode="json"),
            }
            for each in self._planned
        ]
