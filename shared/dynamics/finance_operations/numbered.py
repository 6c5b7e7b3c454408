"""Documents that Finance & Operations numbers: a header, its lines, and what ends them.

    header   find it by our reference; none -> create it, and its number is known
    lines    all in one changeset: either every line is there or none
    action   post or invoice, where a custom service for it is set

Each step is booked once and looks before it repeats; a step found done is compared, so that a
document left half-finished by a crash is completed and one that says something else is refused.
The claim keeps other instances from doing the same meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from shared.clock import Clock
from shared.dynamics.claims import Claims
from shared.dynamics.client import ODataClient
from shared.dynamics.finance_operations.comparing import comparable
from shared.dynamics.finance_operations.custom_services import CustomServices
from shared.dynamics.finance_operations.entities import Entity
from shared.dynamics.finance_operations.queries import find
from shared.dynamics.odata.batch import Changeset
from shared.dynamics.odata.errors import DynamicsError, MissingParent, Refused
from shared.dynamics.odata.requests import create
from shared.dynamics.odata.responses import changeset_error, json_object
from shared.dynamics.once import book_once
from shared.dynamics.ports.posting import Booked, Failed, Posting
from shared.dynamics.service import Service, Uncertain


@dataclass(frozen=True)
class Kind:
    """`number`: the header's field Dynamics fills; `reference`: the one that holds our key;
    `parent`: the lines' field that holds the number; `ended`: field -> value that says an action
    is done."""

    header: Entity[Any]
    lines: Entity[Any]
    number: str
    reference: str
    parent: str
    ended: Mapping[str, tuple[str, str]]


@dataclass(frozen=True)
class Draft:
    """A document before it has a number; bodies hold every field but that."""

    company: str
    header: Mapping[str, object]
    lines: Sequence[Mapping[str, object]]


class NumberedDocuments:
    def __init__(
        self, service: Service, clock: Clock, claims: Claims, custom_services: CustomServices
    ) -> None:
        self._service = service
        self._client = ODataClient(service)
        self._clock = clock
        self._claims = claims
        self._custom_services = custom_services

    async def book(self, kind: Kind, draft: Draft, action: str = "") -> Posting:
        """Return `Booked` with Dynamics' number once header, lines and action are done."""
        reference = str(draft.header[kind.reference])
        name = f"{kind.header.entity_set}/{draft.company}/{reference}"
        try:
            if not draft.lines:
                raise Refused("A document needs at least one line.")
            async with self._claims.held(name.casefold()):
                return await self._book(kind, draft, action)
        except DynamicsError as error:
            return Failed(error)

    async def find(
        self, kind: Kind, company: str, reference: str, select: Sequence[str] = ()
    ) -> dict[str, Any] | None:
        """Return the header with our reference, the first of several. Raises DynamicsError."""
        wanted = {"dataAreaId": company, kind.reference: reference}
        names = (kind.number, *kind.header.compared, *select)
        rows = await find(self._service, kind.header.entity_set, wanted, names)
        return min(rows, key=lambda row: str(row[kind.number]), default=None)

    async def end(self, kind: Kind, company: str, reference: str, action: str) -> Posting:
        """Carry an action out on the document with our reference."""
        try:
            header = await self.find(kind, company, reference)
            if header is None:
                raise MissingParent(f"No document of {company} has the reference {reference}.")
            return await self._act(kind, company, str(header[kind.number]), action)
        except DynamicsError as error:
            return Failed(error)

    async def _book(self, kind: Kind, draft: Draft, action: str) -> Posting:
        header = await self._header(kind, draft)
        if isinstance(header, Failed):
            return header
        lines = await self._lines(kind, draft, header, action)
        if isinstance(lines, Failed):
            return lines
        done = [header, lines]
        if action:
            ended = await self._act(kind, draft.company, header.key, action)
            if isinstance(ended, Failed):
                return ended
            done.append(ended)
        return Booked(header.key, already_there=all(each.already_there for each in done))

    async def _header(self, kind: Kind, draft: Draft) -> Posting:
        reference = str(draft.header[kind.reference])

        async def write() -> dict[str, Any]:
            operation = create(kind.header.entity_set, draft.header)
            return json_object(await self._service.write(operation))

        async def look_up() -> dict[str, Any] | None:
            return await self.find(kind, draft.company, reference)

        return await book_once(
            write,
            look_up,
            key=lambda found: str(found[kind.number]),
            differences=lambda found: kind.header.differences(draft.header, found),
            look_first=True,
        )

    async def _lines(self, kind: Kind, draft: Draft, header: Booked, action: str) -> Posting:
        of_document = {"dataAreaId": draft.company, kind.parent: header.key}
        ours = [{**of_document, **line} for line in draft.lines]
        compared = kind.lines.compared

        async def write() -> Sequence[Mapping[str, object]]:
            creates = (create(kind.lines.entity_set, line) for line in ours)
            await self._write_changeset(Changeset(tuple(creates)))
            return ours

        async def look_up() -> Sequence[Mapping[str, object]] | None:
            found = await find(self._service, kind.lines.entity_set, of_document, compared)
            if not found and action and await self._ended(kind, draft.company, header.key, action):
                return ours  # some journals lose their lines when they are posted
            return found or None

        def differ(found: Sequence[Mapping[str, object]]) -> str:
            there, here = _summary(found, compared, ours), _summary(ours, compared, ours)
            return "" if there == here else f"lines: {there} there, {here} here"

        return await book_once(
            write,
            look_up,
            key=lambda _: header.key,
            differences=differ,
            look_first=header.already_there,
        )

    async def _write_changeset(self, changeset: Changeset) -> None:
        [answer] = await self._client.batch([changeset])
        verdict = (
            changeset_error(answer, len(changeset.operations), self._clock()) if answer else False
        )
        if isinstance(verdict, DynamicsError):
            raise verdict
        if not verdict:
            raise Uncertain("The changeset got no certain answer.")

    async def _act(self, kind: Kind, company: str, number: str, action: str) -> Posting:
        async def write() -> bool:
            await self._custom_services.call(
                action, document=kind.header.entity_set, company=company, number=number
            )
            return True

        async def look_up() -> bool | None:
            return await self._ended(kind, company, number, action) or None

        return await book_once(
            write, look_up, key=lambda _: number, differences=lambda _: "", look_first=True
        )

    async def _ended(self, kind: Kind, company: str, number: str, action: str) -> bool:
        name, value = kind.ended[action]
        key = {"dataAreaId": company, kind.number: number}
        rows = await find(self._service, kind.header.entity_set, key, (name,))
        return bool(rows) and rows[0].get(name) == value


def _summary(
    rows: Sequence[Mapping[str, object]],
    names: Sequence[str],
    ours: Sequence[Mapping[str, object]],
) -> list[tuple[str, ...]]:
    """The compared fields we write, row by row, in an order that both sides have."""
    written = [name for name in names if any(name in row for row in ours)]
    return sorted(tuple(_text(row.get(name)) for name in written) for row in rows)


def _text(value: object) -> str:
    """Dynamics has no null: what nobody set is zero or empty there."""
    plain = comparable(value)
    if isinstance(plain, Decimal):
        return f"{plain.normalize():f}" if plain else ""
    return "" if plain is None else str(plain)
