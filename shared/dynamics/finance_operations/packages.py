"""The package API of data management: many rows in one file, imported in the background.

    GetAzureWriteUrl -> PUT the zip -> ImportFromPackage -> GetExecutionSummaryStatus ... -> errors

The execution id is made of the content: whether an import was begun is asked before it is begun,
and again when its answer was lost. Rows are created or changed by their keys, so that a package
imported again says the same. Never two imports at once in one environment: a claim sees to that.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from shared.clock import Clock
from shared.dynamics.claims import Claims
from shared.dynamics.finance_operations.bulk import (
    Route,
    errors_by_row,
    execution_id,
    package_file,
    route,
)
from shared.dynamics.odata.errors import DynamicsError, SetUpWrong, TryLater
from shared.dynamics.odata.messages import Operation, Response
from shared.dynamics.odata.requests import entity_path, to_json
from shared.dynamics.odata.responses import json_object
from shared.dynamics.ports.posting import Booked, Failed, Posting
from shared.dynamics.service import Service, Sleep, Uncertain

_ACTIONS = "DataManagementDefinitionGroups/Microsoft.Dynamics.DataEntities"
_CLAIM = "package-import"
_NOT_BEGUN = frozenset({"Unknown", "NotRun", ""})
_RUNNING = frozenset({"Executing", "NotRun", "Unknown"})
_REFUSED = 400
PATIENCE = timedelta(minutes=5)
"""How long one call waits for an import; the next delivery finds it by its id."""


class Packages:
    def __init__(
        self,
        service: Service,
        clock: Clock,
        claims: Claims,
        *,
        group: str,
        threshold: int,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._service = service
        self._clock = clock
        self._claims = claims
        self._group = group
        self._threshold = threshold
        self._sleep = sleep

    def takes(self, rows: int) -> bool:
        """Whether so many rows should come as a package; never without a data project."""
        return bool(self._group) and route(rows, self._threshold) is Route.PACKAGE

    async def save(
        self, entity: str, key: Sequence[str], rows: Sequence[Mapping[str, object]]
    ) -> list[Posting]:
        """Create or change the rows, a package per company; one posting per row, in order.

        `entity` as data management calls it."""
        by_company: dict[str, list[int]] = defaultdict(list)
        for index, row in enumerate(rows):
            by_company[str(row["dataAreaId"])].append(index)
        postings: dict[int, Posting] = {}
        for company, indexes in by_company.items():
            some = [rows[index] for index in indexes]
            try:
                done = await self._save(entity, key, company, some)
            except DynamicsError as error:
                done = [Failed(error)] * len(some)
            postings.update(zip(indexes, done, strict=True))
        return [postings[index] for index in range(len(rows))]

    async def _save(
        self,
        entity: str,
        key: Sequence[str],
        company: str,
        rows: Sequence[Mapping[str, object]],
    ) -> list[Posting]:
        if not self._group:
            raise SetUpWrong("DYNAMICS_PACKAGE_GROUP names no data project for packages.")
        content = package_file(self._group, entity, rows)
        execution = execution_id(company, self._group, content)
        begun = await self._status(execution) not in _NOT_BEGUN
        if not begun:
            async with self._claims.held(_CLAIM):
                await self._begin(company, execution, content)
                status = await self._finished(execution)
        else:
            status = await self._finished(execution)
        errors = "[]"
        if status != "Succeeded":
            errors = str(await self._call("GetExecutionErrors", executionId=execution))
        return self._postings(status, errors, key, rows, already_there=begun)

    async def _begin(self, company: str, execution: str, content: bytes) -> None:
        """Raises DynamicsError when the import certainly did not begin."""
        answer = await self._call("GetAzureWriteUrl", uniqueFileName=f"{execution}.zip")
        url = json.loads(str(answer))["BlobUrl"]
        headers = (("x-ms-blob-type", "BlockBlob"), ("Content-Type", "application/zip"))
        try:
            # The URL is permission enough; our token is none of the storage account's business.
            storage = self._service.anonymous()
            await storage.write(Operation("PUT", url, content, headers))
        except Uncertain as error:
            raise TryLater(f"The package could not be uploaded: {error}") from error
        parameters: dict[str, object] = {
            "packageUrl": url,
            "definitionGroupId": self._group,
            "executionId": execution,
            "execute": True,
            "overwrite": False,
            "legalEntityId": company,
        }
        try:
            await self._service.write(_action("ImportFromPackage", parameters))
        except Uncertain as error:
            if await self._status(execution) in _NOT_BEGUN:
                raise TryLater(f"The import did not begin: {error}") from error

    async def _finished(self, execution: str) -> str:
        """Wait for the end of an execution. Raises TryLater when that takes too long."""
        until = self._clock() + PATIENCE
        wait = 1.0
        while (status := await self._status(execution)) in _RUNNING:
            if self._clock() >= until:
                raise TryLater(f"The import {execution} is still running.")
            await self._sleep(wait)
            wait = min(wait * 1.5, 15.0)
        return status

    async def _status(self, execution: str) -> str:
        return str(await self._call("GetExecutionSummaryStatus", executionId=execution))

    async def _call(self, action: str, **parameters: object) -> Any:
        return json_object(await self._service.read(_action(action, parameters))).get("value", "")

    def _postings(
        self,
        status: str,
        errors: str,
        key: Sequence[str],
        rows: Sequence[Mapping[str, object]],
        *,
        already_there: bool,
    ) -> list[Posting]:
        by_row, others = errors_by_row(errors, len(rows))
        # A failure nobody attributed to rows may be any row's.
        doubtful = bool(others) or (status != "Succeeded" and not by_row)
        reason = "; ".join(others) or f"The import ended as {status}."
        postings: list[Posting] = []
        for index, row in enumerate(rows):
            if index in by_row:
                postings.append(Failed(self._judged(by_row[index])))
            elif doubtful:
                postings.append(Failed(self._judged(reason)))
            else:
                path = entity_path("", {name: row[name] for name in key})[1:-1]
                postings.append(Booked(path, already_there=already_there))
        return postings

    def _judged(self, message: str) -> DynamicsError:
        """The same words as in an Infolog, and so the same rules."""
        body = json.dumps({"error": {"message": message}}).encode()
        return self._service.error(Response(_REFUSED, {}, body))


def _action(name: str, parameters: Mapping[str, object]) -> Operation:
    return Operation("POST", f"{_ACTIONS}.{name}", to_json(parameters))
