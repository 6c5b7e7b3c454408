"""The rules of a set carried out on one row."""

from __future__ import annotations

from infra.local.dynamics.odata.entities import EntitySet, Row

from . import errors
from .rows import Rows
from .rules import Rules
from .rules_journals import JOURNAL_RULES
from .rules_sales import SALES_RULES

RULES: dict[str, Rules] = {**SALES_RULES, **JOURNAL_RULES}
"""By set; one that is missing has none but its keys and types."""


def complete(entity_set: EntitySet, rules: Rules, row: Row, rows: Rows) -> None:
    """Number, complete and check a new row before it is stored. Raises ODataError."""
    refuse_read_only(entity_set, rules, row)
    for name in rules.required:
        if row.get(name, "") == "":
            raise errors.must_be_filled_in(entity_set, name)
    if entity_set.parent is not None and rules.parent_by:
        for name in rules.parent_by:
            if row.get(name, "") == "":
                raise errors.must_be_filled_in(entity_set, name)
    parent = parent_row(entity_set, rules, row, rows)
    if parent is not None and entity_set.parent is not None:
        refuse_final(entity_set.parent, parent)
    company = str(row.get("dataAreaId", ""))
    if rules.number and row.get(rules.number, "") == "":
        number = rows.next_number(company, f"{entity_set.stored_in}.{rules.number}")
        row[rules.number] = rules.sequence.format(number) if rules.sequence else number
    if rules.numbered_lines and "LineNumber" not in row:
        by = rules.parent_by or entity_set.keys[: len(entity_set.parent.keys)]  # type: ignore[union-attr]
        same = rows.below(entity_set, **{name: row[name] for name in by})
        row["LineNumber"] = 1 + max((int(each.get("LineNumber", 0)) for each in same), default=0)
    if rules.before is not None:
        rules.before(entity_set, row, rows)


def parent_row(entity_set: EntitySet, rules: Rules, row: Row, rows: Rows) -> Row | None:
    if entity_set.parent is None:
        return None
    by = rules.parent_by or entity_set.keys[: len(entity_set.parent.keys)]
    return rows.get(entity_set.parent, *(row.get(name, "") for name in by))


def refuse_read_only(entity_set: EntitySet, rules: Rules, fields: Row) -> None:
    for name in rules.read_only & fields.keys():
        if fields[name] != entity_set.fields[name].default:
            raise errors.write_failed(entity_set, f"Error: Field '{name}' does not allow editing.")


def refuse_final(entity_set: EntitySet, row: Row) -> None:
    """Raise ODataError when the row has come to an end: posted, invoiced, cancelled."""
    rules = RULES.get(entity_set.name)
    if rules is None:
        return
    for name, values in rules.final.items():
        if row.get(name) in values:
            raise errors.write_failed(
                entity_set,
                f"Error: {entity_set.label} {row[entity_set.keys[-1]]} is {row[name]} in field "
                f"'{name}' and cannot be changed.",
            )
