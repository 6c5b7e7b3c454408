"""Carries out a `$batch`: changesets as one SQL transaction each, single operations beside them.

A refused changeset is answered by one part under the Content-ID of its first operation, whichever
operation failed: the service saves a changeset as a whole (captured exchange in payloads/fo).
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
from .bodies import JSON_TYPE
from .errors import ODataError
from .transactions import Transactions

MAX_OPERATIONS = 5_000
"""Operations in one batch (dynamics.md, section 0)."""


@dataclass(frozen=True, slots=True)
class BatchRequest:
    root: str
    """The service root with its slash: `http://host/data/`."""
    continue_on_error: bool
    drop_before: int | None = None
    """Break the connection before this changeset, counted from 0; None: do not."""


async def read_batch(content_type: str, body: AsyncIterator[bytes]) -> list[BatchPart]:
    """Read the whole request. Raises ODataError 400 when it is malformed or too long."""
    try:
        parser = MultipartParser(boundary_of(content_type))
        parts: list[BatchPart] = []
        operations = 0
        async for piece in body:
            for part in parser.feed(piece):
                parts.append(read_part(part, "/data/"))
                operations += len(parts[-1].operations)
                if operations > MAX_OPERATIONS:
                    raise errors.malformed(
                        f"The batch holds more than {MAX_OPERATIONS} operations."
                    )
        parts += [read_part(part, "/data/") for part in parser.close()]
    except MalformedMultipart as error:
        raise errors.malformed(f"The batch cannot be read: {error}.") from error
    return parts


async def answer_batch(
    request: BatchRequest, parts: Sequence[BatchPart], transactions: Transactions, counts: Counts
) -> AnswerWriter:
    """Carry out the parts in order; without continue_on_error stop after the first that fails."""
    writer = AnswerWriter()
    changesets = 0
    for part in parts:
        if part.is_changeset:
            if changesets == request.drop_before:
                raise ConnectionDropped
            changesets += 1
        succeeded = _answer_part(request, part, transactions, writer)
        counts.add("operations", len(part.operations))
        counts.add("changesets", int(part.is_changeset))
        if not succeeded and not request.continue_on_error:
            break
        # One changeset is about a millisecond; between two, everyone else gets a turn.
        await asyncio.sleep(0)
    if request.drop_before is not None:
        raise ConnectionDropped
    return writer


def _answer_part(
    request: BatchRequest, part: BatchPart, transactions: Transactions, writer: AnswerWriter
) -> bool:
    operations = [each.operation for each in part.operations]
    first_id = part.operations[0].content_id
    try:
        answers = transactions.carry_out(operations, request.root)
    except ODataError as error:
        refused = Answer(error.status_in_batch, (("Content-Type", JSON_TYPE),), error.body)
        if part.is_changeset:
            writer.changeset([(first_id, refused)])
        else:
            writer.single(refused, first_id)
        return False
    if part.is_changeset:
        ids = [each.content_id for each in part.operations]
        writer.changeset(list(zip(ids, answers, strict=True)))
    else:
        writer.single(answers[0], first_id)
    return True
