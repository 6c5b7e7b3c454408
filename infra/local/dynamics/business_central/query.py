"""Query options as SQL over stored rows, with what Business Central refuses.

`$filter` compares a field with a value (eq, ne, gt, ge, lt, le; contains, startswith, endswith),
joined by `and`; `or` only between conditions on one field (dynamics.md 2.1). Texts compare with
case: codes are stored in upper case. One level of `$expand` with `$select`, `$filter`, `$orderby`
and `$top` inside.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from odata_query import ast

from infra.local.dynamics.odata.entities import Scalar
from infra.local.dynamics.odata.filters import BadFilter, Filter, UnreadableFilter, python_value

from . import errors
from .books import column
from .entities import Entity
from .types import Field, TooLong, read_value

_KNOWN = frozenset(
    {"$filter", "$select", "$expand", "$orderby", "$top", "$skip", "$count", "$skiptoken"}
    | {"$schemaversion", "tenant", "company"}
)

PAGE_SIZE = 20_000
"""Rows of the largest page (dynamics.md, section 0)."""


@dataclass(frozen=True, slots=True)
class Query:
    where: str
    values: tuple[Scalar, ...]
    order: str
    select: tuple[str, ...]
    """Empty means every field."""
    expand: Mapping[str, Mapping[str, str]]
    """Navigation -> its own options."""
    top: int | None
    skip: int
    count: bool
    delivered: int
    """Rows on the pages before this one."""


def parse_query(entity: Entity, options: Mapping[str, str]) -> Query:
    """Raises BusinessCentralError."""
    for name in options:
        if name.startswith("$") and name not in _KNOWN:
            raise errors.wrong_query(f"The query option '{name}' is not supported.")
    condition = _Condition(entity)
    try:
        where = condition.sql(text) if (text := options.get("$filter", "").strip()) else "1"
    except UnreadableFilter as error:
        raise errors.wrong_query("Bad Request - Error in query syntax") from error
    except BadFilter as error:
        raise errors.wrong_query(str(error)) from error
    return Query(
        where,
        tuple(condition.values),
        _order(entity, options.get("$orderby", "")),
        _select(entity, options.get("$select", "")),
        _expand(options.get("$expand", "")),
        _number(options, "$top"),
        _number(options, "$skip") or 0,
        options.get("$count", "").lower() == "true",
        _number(options, "$skiptoken") or 0,
    )


def page_size(prefer: str) -> int:
    found = re.search(r"maxpagesize=(\d+)", prefer)
    return min(max(int(found[1]), 1), PAGE_SIZE) if found else PAGE_SIZE


def _number(options: Mapping[str, str], name: str) -> int | None:
    text = options.get(name)
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,15}", text):
        raise errors.wrong_query(f"The value '{text}' of '{name}' is not a number of rows.")
    return int(text)


def _field(entity: Entity, name: str) -> Field:
    field = entity.fields.get(name)
    if field is None:
        raise errors.wrong_query(
            f"Could not find a property named '{name}' on type 'Microsoft.NAV.{entity.type_name}'."
        )
    return field


def _select(entity: Entity, text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if "*" in names:
        return ()
    for name in names:
        _field(entity, name)
    return names


def _order(entity: Entity, text: str) -> str:
    terms = []
    for term in filter(None, (term.strip() for term in text.split(","))):
        name, _, direction = term.partition(" ")
        if direction.strip().lower() not in ("", "asc", "desc"):
            raise errors.wrong_query(f"'{term}' is no ordering.")
        _field(entity, name)
        terms.append(f"{column(name)} {direction.strip() or 'asc'}")
    return ", ".join([*terms, "record"]) if terms else ""


def _expand(text: str) -> dict[str, dict[str, str]]:
    wanted: dict[str, dict[str, str]] = {}
    for part in _split(text, ","):
        name, bracket, rest = part.strip().partition("(")
        options: dict[str, str] = {}
        if bracket:
            for option in _split(rest.rstrip().removesuffix(")"), ";"):
                key, _, value = option.strip().partition("=")
                options[key] = value
        if name:
            wanted[name] = options
    return wanted


def _split(text: str, separator: str) -> list[str]:
    """Split where no parenthesis and no quote is open."""
    parts, depth, quoted, start = [], 0, False, 0
    for at, character in enumerate(text):
        if character == "'":
            quoted = not quoted
        elif not quoted:
            depth += (character == "(") - (character == ")")
            if character == separator and depth == 0:
                parts.append(text[start:at])
                start = at + 1
    return [*parts, text[start:]]


class _Condition(Filter[Scalar]):
    def __init__(self, entity: Entity) -> None:
        super().__init__()
        self._entity = entity

    def column(self, name: str) -> str:
        return column(_field(self._entity, name).name)

    def visit_BoolOp(self, node: ast.BoolOp) -> str:  # noqa: N802 - the visitor's names
        if isinstance(node.op, ast.Or) and len(_names(node)) > 1:
            raise BadFilter("An expression cannot join conditions on different fields by 'or'.")
        return super().visit_BoolOp(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> str:  # noqa: N802 - the visitor's names
        return self.generic_visit(node)

    def literal(self, name: str, node: ast._Node) -> Scalar:
        field = _field(self._entity, name)
        try:
            value = read_value(field, python_value(node))
        except TooLong as error:
            raise errors.filter_too_long(field, str(error), self._entity.caption) from error
        except ValueError as error:
            raise BadFilter(
                f"A binary operator with incompatible types was detected at '{name}'."
            ) from error
        # A code in lower case finds nothing: what is stored is in upper case.
        if field.kind == "code" and isinstance(node, ast.String):
            return str(node.val)
        return int(value) if isinstance(value, bool) else value


def _names(node: ast._Node) -> set[str]:
    match node:
        case ast.BoolOp():
            return _names(node.left) | _names(node.right)
        case ast.Compare():
            return {node.left.name} if isinstance(node.left, ast.Identifier) else set()
        case ast.Call():
            return {each.name for each in node.args if isinstance(each, ast.Identifier)}
        case _:
            return set()
