"""Notes as annotations of a contact or account, each under a primary key made of its own.

A note whose customer is not there yet is a MissingParent.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from shared.dynamics.dataverse.requests import ONLY_NEW, by_id, by_key, read, write
from shared.dynamics.dataverse.rows import Rows, RowWrite
from shared.dynamics.dataverse.tables import ANNOTATION, Tables, row_id
from shared.dynamics.dataverse.values import differences
from shared.dynamics.ports.notes import Note
from shared.dynamics.ports.posting import Posting
from shared.dynamics.service import Service


class DataverseNotes:
    """The `Notes` port on Dataverse."""

    def __init__(self, service: Service, tables: Tables) -> None:
        self._tables = tables
        # Nothing says that annotations can be created in multiples.
        self._rows = Rows(service, action="")

    async def add(self, notes: Sequence[Note]) -> Sequence[Posting]:
        return await self._rows.write([self._write(note) for note in notes])

    def _write(self, note: Note) -> RowWrite:
        customers = self._tables.contact if note.is_person else self._tables.account
        identifier = row_id(ANNOTATION.logical, note.company, note.key)
        key = row_id("customer", note.company, note.customer)
        customer = by_key(customers.entity_set, self._tables.key, key)
        ours = {"subject": note.subject, "text": note.text}
        body = {column: ours[name] for name, column in ANNOTATION.columns.items()}
        body[f"objectid_{customers.logical}@odata.bind"] = f"/{customer}"
        path = by_id(ANNOTATION.entity_set, identifier)
        return RowWrite(
            table=ANNOTATION,
            key=identifier,
            target={},
            single=write(path, body, ONLY_NEW),
            look_up=read(path, tuple(ANNOTATION.columns.values())),
            differences=partial(differences, ours, columns=ANNOTATION.columns),
        )
