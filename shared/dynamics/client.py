"""Sends multipart `$batch` requests and says which items were answered for certain."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from shared.dynamics.odata.batch import (
    Answer,
    Item,
    MalformedBatch,
    batch_headers,
    build_batch,
    line_up,
    parse_batch,
)
from shared.dynamics.odata.errors import (
    AlreadyExists,
    MissingParent,
    Refused,
    SetUpWrong,
)
from shared.dynamics.odata.messages import Operation
from shared.dynamics.service import CARRIED_OUT_PERHAPS, Service, Uncertain

_log = logging.getLogger("tillbus.dynamics")


class ODataClient:
    """Batches to one environment's OData service."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def batch(self, items: Sequence[Item]) -> list[Answer | None]:
        """Return one answer per item, None where it is uncertain; raises when none was carried out.

        Raises TryLater or SetUpWrong.
        """
        body = build_batch(items, self._service.root)
        try:
            outer = await self._service.call(
                Operation("POST", "$batch", body, tuple(batch_headers().items()))
            )
        except Uncertain as error:
            return self._uncertain(items, str(error))
        if not outer.is_success:
            if outer.status in CARRIED_OUT_PERHAPS:
                return self._uncertain(items, f"HTTP {outer.status}")
            refusal = self._service.error(outer)
            if isinstance(refusal, Refused | MissingParent | AlreadyExists):
                # Refusing the envelope says nothing about the items in it.
                raise SetUpWrong(refusal.evidence)
            raise refusal
        try:
            answers = parse_batch(outer.headers.get("content-type", ""), outer.body)
        except MalformedBatch as error:
            return self._uncertain(items, str(error))
        return line_up(items, answers)

    def _uncertain(self, items: Sequence[Item], cause: str) -> list[Answer | None]:
        _log.warning("No certain answer to a $batch of %d items: %s", len(items), cause)
        return [None] * len(items)
