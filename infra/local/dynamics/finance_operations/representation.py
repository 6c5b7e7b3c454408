"""Rows as JSON text.

The text stored for a row is reused as it is; the fields nobody set follow with their defaults. That
tail depends on the names set only, and a sender's rows nearly always set the same ones.
"""

from __future__ import annotations

import base64
import json
from functools import lru_cache

from infra.local.dynamics.odata.entities import EntitySet, Row
from infra.local.dynamics.odata.store import StoredRow

from .entity_sets import ENTITY_SETS


def etag(stored: StoredRow) -> str:
    """The weak ETag: version and record id, base64 as Dynamics writes it (payload samples)."""
    text = f"'{stored.version},{stored.record_id}'"
    return f'W/"{base64.b64encode(text.encode()).decode()}"'


def entity_text(
    entity_set: EntitySet, stored: StoredRow, row: Row, root: str, select: tuple[str, ...] = ()
) -> str:
    """One entity with its context; `row` is what `stored` holds."""
    context = f'"@odata.context":"{root}$metadata#{entity_set.name}/$entity",'
    return "{" + context + members(entity_set, stored, row, select) + "}"


def members(
    entity_set: EntitySet, stored: StoredRow, row: Row, select: tuple[str, ...] = ()
) -> str:
    """The members of one row's JSON object without braces, ETag first; all fields unless chosen."""
    escaped = etag(stored).replace('"', '\\"')
    tag = f'"@odata.etag":"{escaped}"'
    if select:
        chosen = {name: row.get(name, entity_set.fields[name].default) for name in select}
        return f"{tag},{json.dumps(chosen)[1:-1]}"
    return f"{tag},{stored.body[1:-1]}{_unset(entity_set.name, tuple(row))}"


@lru_cache(maxsize=1024)
def _unset(set_name: str, names: tuple[str, ...]) -> str:
    given = frozenset(names)
    fields = ENTITY_SETS[set_name].fields
    return "".join(
        f',"{name}":{json.dumps(kind.default)}'
        for name, kind in fields.items()
        if name not in given
    )
