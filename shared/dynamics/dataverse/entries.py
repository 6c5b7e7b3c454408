"""Points and gift cards: rows only ever added, each under a primary key made of its own.

A second row of the same key is refused by Dataverse itself. Balances are summed there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import partial

from shared.dynamics.dataverse.requests import ONLY_NEW, by_id, equal, read, write
from shared.dynamics.dataverse.rows import Rows, RowWrite
from shared.dynamics.dataverse.tables import Table, Tables, row_id
from shared.dynamics.dataverse.values import differences
from shared.dynamics.odata.responses import json_object
from shared.dynamics.ports.loyalty import GiftCardEntry, PointsEntry
from shared.dynamics.ports.posting import Posting
from shared.dynamics.service import Service

_NAME_LENGTH = 100


class _Entries:
    def __init__(self, service: Service, tables: Tables, table: Table, *, rows: int) -> None:
        self._service = service
        self._tables = tables
        self._table = table
        self._rows = Rows(service, action="CreateMultiple", at_once=rows)

    async def add(self, entries: Sequence[Mapping[str, object]]) -> list[Posting]:
        """Each entry by the names that the table maps to columns."""
        return await self._rows.write([self._write(entry) for entry in entries])

    def _write(self, entry: Mapping[str, object]) -> RowWrite:
        table = self._table
        identifier = row_id(table.logical, str(entry["company"]), str(entry["key"]))
        body = {column: entry[name] for name, column in table.columns.items() if entry[name] != ""}
        body[self._tables.own("name")] = str(entry["key"])[:_NAME_LENGTH]
        path = by_id(table.entity_set, identifier)
        return RowWrite(
            table=table,
            key=identifier,
            target={table.primary: identifier, **body},
            single=write(path, body, ONLY_NEW),
            look_up=read(path, tuple(table.columns.values())),
            differences=partial(
                differences,
                {name: value for name, value in entry.items() if value != ""},
                columns=table.columns,
            ),
        )

    async def total(self, field: str, **of: str) -> Decimal | None:
        """The sum of a field over the entries with these values, None where there are none."""
        column = self._table.columns[field]
        condition = equal(**{self._table.columns[name]: value for name, value in of.items()})
        apply = f"filter({condition})/aggregate({column} with sum as total,$count as entries)"
        operation = read(self._table.entity_set, apply=apply)
        rows = json_object(await self._service.read(operation)).get("value") or [{}]
        found = rows[0]
        return Decimal(str(found.get("total") or 0)) if found.get("entries") else None


class DataverseLoyalty:
    """The `Loyalty` port on Dataverse."""

    def __init__(self, service: Service, tables: Tables, *, rows: int) -> None:
        self._entries = _Entries(service, tables, tables.points, rows=rows)

    async def record(self, entries: Sequence[PointsEntry]) -> Sequence[Posting]:
        return await self._entries.add(
            [
                {
                    "company": each.company,
                    "key": each.key,
                    "card": each.card,
                    "kind": each.kind.value,
                    "points": each.points,
                    "reward": each.reward,
                    "at": each.at,
                    "text": each.text,
                }
                for each in entries
            ]
        )

    async def balance(self, company: str, card: str, reward: str) -> Decimal | None:
        return await self._entries.total("points", company=company, card=card, reward=reward)


class DataverseGiftCards:
    """The `GiftCards` port on Dataverse."""

    def __init__(self, service: Service, tables: Tables, *, rows: int) -> None:
        self._entries = _Entries(service, tables, tables.gift_cards, rows=rows)

    async def record(self, entries: Sequence[GiftCardEntry]) -> Sequence[Posting]:
        return await self._entries.add(
            [
                {
                    "company": each.company,
                    "key": each.key,
                    "card": each.card,
                    "movement": each.movement.value,
                    "amount": each.amount,
                    "currency": each.currency,
                    "at": each.at,
                }
                for each in entries
            ]
        )

    async def balance(self, company: str, card: str) -> Decimal | None:
        return await self._entries.total("amount", company=company, card=card)
