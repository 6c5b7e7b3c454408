"""Operations carried out together or not at all, references among them, scripted refusals."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from infra.local.dynamics.faults import READ_KINDS, WRITE_KINDS, FaultKind, FaultPlan
from infra.local.dynamics.odata.batch_format import BatchOperation
from infra.local.dynamics.odata.messages import Answer, Operation

from . import errors
from .addresses import parse_address
from .errors import DataverseError
from .operations import Operations
from .rows import Rows
from .steps import Steps
from .tracking import Tracking, is_tracked

_REFUSALS: dict[FaultKind, Callable[[], DataverseError]] = {
    FaultKind.DEADLOCK: errors.deadlock,
    FaultKind.UPDATE_CONFLICT: errors.stale,
    FaultKind.REFUSED_WRITE: errors.refused,
    FaultKind.FREEZE: errors.stopped,
}
_REFERENCE = re.compile(r"^\$(\d+)(?=/|$)")
_BOUND = re.compile(rb'(@odata\.bind"\s*:\s*")\$(\d+)(?=["/])')


class Transactions:
    def __init__(
        self,
        rows: Rows,
        operations: Operations,
        tracking: Tracking,
        steps: Steps,
        faults: FaultPlan,
    ) -> None:
        self._rows = rows
        self._operations = operations
        self._tracking = tracking
        self._steps = steps
        self._faults = faults

    def one(self, operation: Operation, root: str) -> Answer:
        """Durable on return. Raises DataverseError, and then nothing was stored."""
        if operation.method != "GET":
            [answer] = self.together([BatchOperation("", operation)], root)
            return answer
        if not is_tracked(operation):
            return self._operations.execute(operation, root)
        if "$deltatoken" in operation.options and self._fault(READ_KINDS, operation) is not None:
            raise errors.expired_token()
        return self._tracking.read(parse_address(operation.path).table, operation, root)

    def together(self, operations: Sequence[BatchOperation], root: str) -> list[Answer]:
        """As `one`, for the writes of a changeset; `$n` stands for what Content-ID n made."""
        kind = self._fault(WRITE_KINDS, operations[0].operation)
        if kind is not None:
            raise _REFUSALS[kind]()
        self._operations.changes.clear()
        made: dict[str, str] = {}
        answers = []
        with self._rows.transaction():
            for each in operations:
                answer = self._operations.execute(_resolved(each.operation, made), root)
                url = dict(answer.headers).get("OData-EntityId", "")
                made[each.content_id] = url.removeprefix(root)
                answers.append(answer)
        self._steps.tell(list(self._operations.changes))
        return answers

    def _fault(self, kinds: frozenset[FaultKind], operation: Operation) -> FaultKind | None:
        path = f"/api/data/v9.2/{operation.path}"
        fault = self._faults.take(kinds, operation.method, path)
        return None if fault is None else fault.kind


def _resolved(operation: Operation, made: dict[str, str]) -> Operation:
    def url(identifier: str) -> str:
        found = made.get(identifier)
        if not found:
            raise errors.malformed(
                f"Content-ID Reference: '${identifier}' does not exist in the batch context."
            )
        return found

    path = _REFERENCE.sub(lambda match: url(match[1]), operation.path)
    body = _BOUND.sub(
        lambda match: match[1] + b"/" + url(match[2].decode()).encode(), operation.body
    )
    return replace(operation, path=path, body=body)
