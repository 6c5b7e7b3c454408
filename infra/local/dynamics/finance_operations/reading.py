"""Reads: one row by its key, the rows of a set page by page, and what they lead to."""

from __future__ import annotations

import json

from infra.local.dynamics.odata.entities import EntitySet, Row
from infra.local.dynamics.odata.keys import Key
from infra.local.dynamics.odata.messages import Answer, Operation
from infra.local.dynamics.odata.query import column
from infra.local.dynamics.odata.store import EntityStore, StoredRow

from . import errors
from .bodies import JSON_TYPE, company_in_reach, next_link, page_size, query_of
from .entity_sets import NAVIGATION
from .representation import entity_text, etag, members


def found(store: EntityStore, entity_set: EntitySet, key: Key, operation: Operation) -> StoredRow:
    """Return the row; raises ODataError where there is none in reach, or its ETag is another."""
    stored = store.get(entity_set, key)
    company = company_in_reach(operation)
    elsewhere = (
        company is not None
        and entity_set.keys[0] == "dataAreaId"
        and str(key[0]).lower() != company
    )
    if stored is None or elsewhere:
        raise errors.not_found(f"No row has the key '{operation.path}'.")
    expected = operation.headers.get("if-match", "*")
    if expected not in ("*", etag(stored)):
        raise errors.stale()
    return stored


def read(
    store: EntityStore, entity_set: EntitySet, key: Key, operation: Operation, root: str
) -> Answer:
    query = query_of(entity_set, operation)
    stored = found(store, entity_set, key, operation)
    row = stored.values()
    text = entity_text(entity_set, stored, row, root, query.select)
    expanded = _expanded(store, entity_set, row, _expand(entity_set, operation))
    return Answer(200, (("Content-Type", JSON_TYPE),), (text[:-1] + expanded + "}").encode())


def listing(store: EntityStore, entity_set: EntitySet, operation: Operation, root: str) -> Answer:
    query = query_of(entity_set, operation)
    expand = _expand(entity_set, operation)
    size = page_size(operation.headers.get("prefer", ""))
    wanted = size if query.top is None else min(size, max(query.top - query.delivered, 0))
    skipped = query.skip + query.delivered
    rows = store.select(entity_set, query.where, query.order, wanted + 1, skipped, query.values)
    parts = [f'"@odata.context":"{root}$metadata#{entity_set.name}"']
    if query.count:
        count = store.count(entity_set, query.where, query.values)
        parts.append(f'"@odata.count":{count}')
    texts = []
    for stored in rows[:wanted]:
        row = stored.values()
        text = members(entity_set, stored, row, query.select)
        texts.append("{" + text + _expanded(store, entity_set, row, expand) + "}")
    parts.append(f'"value":[{",".join(texts)}]')
    delivered = query.delivered + wanted
    if len(rows) > wanted and (query.top is None or delivered < query.top):
        link = next_link(root, entity_set, operation.options, delivered)
        parts.append(f'"@odata.nextLink":{json.dumps(link)}')
    return Answer(200, (("Content-Type", JSON_TYPE),), ("{" + ",".join(parts) + "}").encode())


_Expand = dict[str, tuple[str, ...]]
"""Navigation property -> the fields wanted of each row it leads to; none: all."""


def _expand(entity_set: EntitySet, operation: Operation) -> _Expand:
    """Read `$expand=A,B($select=X,Y)`; the first level is all there is (dynamics.md 1.1)."""
    wanted: _Expand = {}
    for item in _split(operation.options.get("$expand", "")):
        name, _, options = item.partition("(")
        name = name.strip()
        navigation = NAVIGATION.get(entity_set.name, {})
        if name not in navigation:
            raise errors.malformed(
                f"Could not find a property named '{name}' on type "
                f"'Microsoft.Dynamics.DataEntities.{entity_set.type_name}'."
            )
        option, _, names = options.rstrip(")").partition("=")
        if option.strip() not in ("", "$select"):
            raise errors.malformed(f"'{option}' is not supported in $expand.")
        select = tuple(each.strip() for each in names.split(",") if each.strip())
        if unknown := set(select) - navigation[name][0].fields.keys():
            raise errors.malformed(f"Could not find a property named '{min(unknown)}'.")
        wanted[name] = select
    return wanted


def _split(text: str) -> list[str]:
    items, depth = [""], 0
    for character in text:
        depth += (character == "(") - (character == ")")
        if character == "," and not depth:
            items.append("")
        else:
            items[-1] += character
    return [item for item in items if item.strip()]


def _expanded(store: EntityStore, entity_set: EntitySet, row: Row, expand: _Expand) -> str:
    texts = []
    for name, select in expand.items():
        target, by = NAVIGATION[entity_set.name][name]
        where = " AND ".join(f"{column(target, field)}=?" for field in by)
        values = tuple(row[field] for field in entity_set.keys)
        rows = store.select(target, where, "", -1, 0, values)
        bodies = ("{" + members(target, each, each.values(), select) + "}" for each in rows)
        texts.append(f',"{name}":[{",".join(bodies)}]')
    return "".join(texts)
