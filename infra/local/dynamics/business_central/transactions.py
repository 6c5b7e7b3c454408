"""Operations carried out each for itself or all or none, and the refusals a database makes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from infra.local.dynamics.faults import WRITE_KINDS, FaultKind, FaultPlan

from .books import Books
from .errors import BusinessCentralError
from .messages import Answer, Operation
from .operations import Operations
from .seed import COMPANIES

_COMMITS = "Microsoft.NAV."
"""Posting commits in AL: what an action did stays, whatever fails after it (dynamics.md 2.4)."""

_REFUSALS: Mapping[FaultKind, tuple[int, str, str]] = {
    FaultKind.DEADLOCK: (
        400, "Internal_Deadlock",
        "The record was locked by another user. Please retry the activity. Deadlock.",
    ),
    FaultKind.UPDATE_CONFLICT: (
        409, "Request_EntityChanged", "Another user has already changed the record.",
    ),
    FaultKind.REFUSED_WRITE: (
        400, "Application_FieldValidationException",
        "Customer Posting Group must have a value in Customer. It cannot be zero or empty.",
    ),
    FaultKind.FREEZE: (
        400, "Application_DialogException",
        "Posting Date is not within your range of allowed posting dates.",
    ),
}  # fmt: skip


class _Undone(Exception):
    """Rolls a whole batch back; its answers are given all the same."""


class Transactions:
    def __init__(self, books: Books, operations: Operations, faults: FaultPlan) -> None:
        self._books = books
        self._operations = operations
        self._faults = faults

    def carry_out(self, operation: Operation, root: str) -> Answer:
        """Durable on return. Raises BusinessCentralError, and then nothing was stored."""
        if operation.method == "GET":
            return self._operations.execute(operation, root)
        self._refuse_by_fault(operation, root)
        with self._books.transaction():
            return self._operations.execute(operation, root)

    def together(self, operations: Sequence[Operation], root: str) -> list[Answer]:
        """Isolation snapshot: until the first that fails, and then none of them was stored, but
        what had been committed by an action."""
        answers: list[Answer] = []
        start = 0
        while start < len(operations):
            end = next(
                (at + 1 for at in range(start, len(operations)) if _COMMITS in operations[at].path),
                len(operations),
            )
            if not self._as_one(operations[start:end], root, answers):
                break
            start = end
        return answers

    def _as_one(self, operations: Sequence[Operation], root: str, answers: list[Answer]) -> bool:
        try:
            with self._books.transaction():
                for operation in operations:
                    answers.append(self.answer(operation, root, inside=True))
                    if answers[-1].status >= 400:
                        raise _Undone
        except _Undone:
            return False
        return True

    def answer(self, operation: Operation, root: str, *, inside: bool = False) -> Answer:
        """The answer, also where it is a refusal; `inside` a transaction of the caller's."""
        try:
            if not inside:
                return self.carry_out(operation, root)
            if operation.method != "GET":
                self._refuse_by_fault(operation, root)
            return self._operations.execute(operation, root)
        except BusinessCentralError as error:
            return Answer(error.status, error.body)

    def _refuse_by_fault(self, operation: Operation, root: str) -> None:
        path = f"/{root.split('/', 3)[3]}{operation.path}"
        place = self._operations.place(operation)
        known = COMPANIES.get(place.company)
        fault = self._faults.take(
            WRITE_KINDS, operation.method, path, company=None if known is None else known.name
        )
        if fault is not None:
            raise BusinessCentralError(*_REFUSALS[fault.kind])
