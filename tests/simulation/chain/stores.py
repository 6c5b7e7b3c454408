"""The memory stores, which outlive every process, reached by calls that faults may strike."""

from __future__ import annotations

import inspect
from datetime import datetime
from functools import partial
from typing import Any, TypeVar, cast

from shared.events import EFFECTS, Effect
from shared.store import (
    MemoryArchive,
    MemoryAudit,
    MemoryCertificates,
    MemoryInbox,
    MemoryLedger,
    MemoryNotes,
    MemoryParking,
    MemoryRecords,
    StoreUnavailable,
)
from shared.store.retention import Forgotten
from tests.simulation.chain.hazards import Hazards, Strike

S = TypeVar("S")


class SimulatedStore:
    """What `shared.store.Store` offers."""

    def __init__(self, hazards: Hazards) -> None:
        self._hazards = hazards
        self.inboxes = {effect: MemoryInbox() for effect in EFFECTS}
        self.parking = self._reached("parking", MemoryParking())
        self.archive = self._reached("archive", MemoryArchive())
        self.audit = self._reached("audit", MemoryAudit())
        self.records = self._reached("records", MemoryRecords())
        self.ledger = self._reached("ledger", MemoryLedger())
        self.certificates = self._reached("certificates", MemoryCertificates())
        self.notes = MemoryNotes()

    def inbox(self, effect: Effect) -> MemoryInbox:
        return self._reached(f"inbox {effect}", self.inboxes[effect])

    async def forget_before(self, *, archived: datetime, recorded: datetime) -> Forgotten:
        """Forget nothing: no run is as long as what is kept."""
        return Forgotten(0, 0)

    def _reached(self, name: str, store: S) -> S:
        """Return the store with a point in front of each of its methods."""
        return cast("S", _Reached(name, store, self._hazards))


class _Reached:
    def __init__(self, name: str, store: Any, hazards: Hazards) -> None:
        self._name = name
        self._store = store
        self._hazards = hazards

    def __getattr__(self, method: str) -> Any:
        found = getattr(self._store, method)
        if not inspect.iscoroutinefunction(found):
            return found

        what = f"{self._name}.{method}"

        async def call(*args: Any, **kwargs: Any) -> Any:
            effect = partial(found, *args, **kwargs)
            return await self._hazards.around(what, effect, _unavailable, 0.01)

        setattr(self, method, call)  # the next look finds it without asking here
        return call


def _unavailable(strike: Strike) -> Exception:
    return StoreUnavailable(f"simulated: {strike}")
