"""Operations carried out together or not at all, and the refusals a database makes at random."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from infra.local.dynamics.faults import WRITE_KINDS, FaultKind, FaultPlan
from infra.local.dynamics.odata.entities import EntitySet
from infra.local.dynamics.odata.messages import Answer, Operation
from infra.local.dynamics.odata.store import EntityStore

from . import errors
from .errors import ODataError
from .operations import KnownRows, Operations

_REFUSALS: dict[FaultKind, Callable[[EntitySet], ODataError]] = {
    FaultKind.DEADLOCK: errors.deadlock,
    FaultKind.UPDATE_CONFLICT: errors.update_conflict,
    FaultKind.REFUSED_WRITE: errors.canceled,
    FaultKind.FREEZE: errors.period_closed,
}


class Transactions:
    def __init__(self, store: EntityStore, operations: Operations, faults: FaultPlan) -> None:
        self._store = store
        self._operations = operations
        self._faults = faults

    def carry_out(self, operations: Sequence[Operation], root: str) -> list[Answer]:
        """Answers in order; durable on return. Raises ODataError, and then nothing was stored."""
        if all(operation.method == "GET" for operation in operations):
            return [self._operations.execute(each, root, KnownRows()) for each in operations]
        self._refuse_by_fault(operations)
        known = KnownRows()
        with self._store.transaction():
            return [self._operations.execute(each, root, known) for each in operations]

    def _refuse_by_fault(self, operations: Sequence[Operation]) -> None:
        first = operations[0]
        fault = self._faults.take(WRITE_KINDS, first.method, f"/data/{first.path}")
        if fault is not None:
            entity_set, _ = self._operations.target(first)
            raise _REFUSALS[fault.kind](entity_set)
