"""Change tracking: pages of what changed, by delta link.

Source: Microsoft, "Use change tracking to synchronize data with external systems": no filter, no
order, no expand; tokens live seven days unless the organisation says otherwise. A cursor is the
part of a next or delta link below the service root.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from shared.dynamics.dataverse.customers import customer_values
from shared.dynamics.dataverse.errors import EXPIRED_TOKEN
from shared.dynamics.dataverse.requests import read
from shared.dynamics.dataverse.tables import Table, Tables
from shared.dynamics.dataverse.values import named
from shared.dynamics.odata.errors import DynamicsError, SetUpWrong
from shared.dynamics.odata.messages import Operation
from shared.dynamics.odata.responses import json_object
from shared.dynamics.ports.changes import Changed, Delta, Subject
from shared.dynamics.service import Service

_Values = Callable[[Mapping[str, Any], Table], dict[str, Any]]


class DataverseChanges:
    """The `Changes` port on Dataverse. `page`: rows of one page, 5,000 at most."""

    def __init__(self, service: Service, tables: Tables, *, page: int = 5_000) -> None:
        self._service = service
        self._prefer = (("Prefer", f"odata.track-changes,odata.maxpagesize={page}"),)
        self._subjects: Mapping[Subject, tuple[Table, _Values]] = {
            Subject.PERSONS: (tables.contact, customer_values),
            Subject.ORGANISATIONS: (tables.account, customer_values),
            Subject.POINTS: (tables.points, _entry_values),
            Subject.GIFT_CARDS: (tables.gift_cards, _entry_values),
        }

    async def since(self, subject: Subject, cursor: str = "") -> Delta:
        table, values = self._subjects[subject]
        if not cursor:
            first = read(table.entity_set, tuple(table.columns.values()))
            return await self._page(first, table, values)
        if not cursor.startswith(f"{table.entity_set}?"):
            raise SetUpWrong(f"This is no cursor of {subject}: {cursor[:200]}")
        try:
            return await self._page(Operation("GET", cursor), table, values)
        except DynamicsError as error:
            if error.code.lower() != EXPIRED_TOKEN:
                raise
        return replace(await self.since(subject), restarted=True)

    async def _page(self, operation: Operation, table: Table, values: _Values) -> Delta:
        page = json_object(await self._service.read(replace(operation, headers=self._prefer)))
        rows, deleted = [], []
        for row in page.get("value", ()):
            if str(row.get("@odata.context", "")).endswith("/$deletedEntity"):
                deleted.append(str(row["id"]))
            else:
                rows.append(Changed(row[table.primary], values(row, table)))
        following = page.get("@odata.nextLink")
        link = following or page.get("@odata.deltaLink")
        if not link:
            raise SetUpWrong(f"Change tracking is not enabled for the table {table.logical}.")
        return Delta(
            tuple(rows), tuple(deleted), self._cursor(str(link)), more=following is not None
        )

    def _cursor(self, link: str) -> str:
        """Below our own root: a cursor from anywhere else would get our token."""
        root = f"{self._service.root}/"
        if not link.startswith(root):
            raise SetUpWrong(f"Dataverse calls itself other than DATAVERSE_URL does: {link[:200]}")
        return link.removeprefix(root)


def _entry_values(row: Mapping[str, Any], table: Table) -> dict[str, Any]:
    return named(row, table.columns)
