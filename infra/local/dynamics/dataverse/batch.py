"""Carries out a `$batch`: changesets as one transaction each, single operations beside them.

Without `odata.continue-on-error` the first refusal ends the batch and is its status (Microsoft,
"Execute batch operations using the Web API"). A refused changeset is one part.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from infra.local.dynamics.counts import Counts
from infra.local.dynamics.odata.batch_format import AnswerWriter, BatchPart, read_part
from infra.local.dynamics.odata.messages import Answer
from infra.local.dynamics.odata.multipart import MalformedMultipart, MultipartParser, boundary_of
from infra.local.dynamics.product import ConnectionDropped

from . import errors
from .errors import JSON_TYPE, DataverseError
from .transactions import Transactions

MAX_OPERATIONS = 1_000
"""Operations in one batch (dynamics.md, section 0)."""


@dataclass(frozen=True, slots=True)
class BatchRequest:
    root: str
    """The service root with its slash."""
    path: str
    """Of the root, as parts name it: `/api/data/v9.2/`."""
    continue_on_error: bool
    drop_before: int | None = None
    """Break the connection before this part, counted from 0; None: do not."""


async def read_batch(content_type: str, body: AsyncIterator[bytes], path: str) -> list[BatchPart]:
    """Raises DataverseError 400 when it is malformed or too long."""
    try:
        parser = MultipartParser(boundary_of(content_type))
        parts: list[BatchPart] = []
        async for piece in body:
            parts += [read_part(part, path) for part in parser.feed(piece)]
        parts += [read_part(part, path) for part in parser.close()]
    except MalformedMultipart as error:
        raise errors.malformed(f"The batch cannot be read: {error}.") from error
    if sum(len(part.operations) for part in parts) > MAX_OPERATIONS:
        raise errors.malformed(f"The batch holds more than {MAX_OPERATIONS} operations.")
    return parts


async def answer_batch(
    request: BatchRequest, parts: Sequence[BatchPart], transactions: Transactions, counts: Counts
) -> tuple[int, AnswerWriter]:
    """Return the status of the whole and its parts."""
    writer = AnswerWriter()
    for number, part in enumerate(parts):
        if number == request.drop_before:
            raise ConnectionDropped
        status = _answer_part(request, part, transactions, writer)
        counts.add("operations", len(part.operations))
        counts.add("changesets", int(part.is_changeset))
        if status >= 400 and not request.continue_on_error:
            return status, writer
        # One changeset is about a millisecond; between two, everyone else gets a turn.
        await asyncio.sleep(0)
    if request.drop_before is not None:
        raise ConnectionDropped
    return 200, writer


def _answer_part(
    request: BatchRequest, part: BatchPart, transactions: Transactions, writer: AnswerWriter
) -> int:
    first = part.operations[0]
    try:
        if not part.is_changeset:
            writer.single(transactions.one(first.operation, request.root), first.content_id)
            return 200
        answers = transactions.together(part.operations, request.root)
    except DataverseError as error:
        refused = Answer(error.status, (("Content-Type", JSON_TYPE),), error.body)
        if part.is_changeset:
            writer.changeset([(first.content_id, refused)])
        else:
            writer.single(refused, first.content_id)
        return error.status
    ids = [each.content_id for each in part.operations]
    writer.changeset(list(zip(ids, answers, strict=True)))
    return 200
