"""Operations carried out together or not at all, and the refusals a database makes at random."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pydantic_core import from_json

from infra.local.dynamics.faults import WRITE_KINDS, FaultKind, FaultPlan
from infra.local.dynamics.odata.entities import EntitySet
from infra.local.dynamics.odata.keys import Key
from infra.local.dynamics.odata.messages import Answer, Operation
from infra.local.dynamics.odata.store import EntityStore

from . import errors
from .errors import ODataError
from .master_data import DEFAULT_COMPANY
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
        if not self._faults.any(WRITE_KINDS):
            return
        first = operations[0]
        entity_set, key = self._operations.target(first)
        company = _company(entity_set, key, first.body)
        path = f"/data/{first.path}"
        fault = self._faults.take(WRITE_KINDS, first.method, path, company=company)
        if fault is not None:
            raise _REFUSALS[fault.kind](entity_set)


def _company(entity_set: EntitySet, key: Key | None, body: bytes) -> str | None:
    """Whose books a write changes; None: nobody's in particular."""
    if "dataAreaId" not in entity_set.fields:
        return None
    if key is not None:
        return str(dict(zip(entity_set.keys, key, strict=True)).get("dataAreaId"))
    try:
        return str(from_json(body).get("dataAreaId", DEFAULT_COMPANY))
    except (ValueError, AttributeError):
        return None
