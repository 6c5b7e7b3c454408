"""Query options of a GET as SQL over stored rows.

Filters are parsed by odata-query; here its tree becomes SQL with bound values. What F&O allows is
narrower than OData (dynamics.md 1.1): no `has`, no `in`, enums only compared by eq and ne, and
`Name eq '*part*'` means contains.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from odata_query import ast

from .entities import ENUM_NAMESPACE, EdmType, EntitySet, Scalar
from .filters import BadFilter, Filter, like, python_value

_ENUM_LITERAL = re.compile(rf"{re.escape(ENUM_NAMESPACE)}\.\w+'(\w+)'")
BadQuery = BadFilter
"""A query option cannot be carried out; the text says which and why."""


@dataclass(frozen=True, slots=True)
class Query:
    where: str
    values: tuple[Scalar, ...]
    order: str
    select: tuple[str, ...]
    """Empty means every field."""
    top: int | None
    skip: int
    count: bool
    delivered: int
    """Rows sent on the pages before this one."""


_KNOWN = {
    "$filter",
    "$select",
    "$top",
    "$skip",
    "$count",
    "$orderby",
    "$skiptoken",
    "cross-company",
    "$format",
}


def parse_query(entity_set: EntitySet, options: Mapping[str, str], company: str | None) -> Query:
    """Read the options; `company` restricts the answer to that company's rows, None to no one's."""
    for name in options:
        if name not in _KNOWN:
            raise BadQuery(f"The query option '{name}' is not supported.")
    where, values = ["1"], list[Scalar]()
    if company is not None and "dataAreaId" in entity_set.fields:
        where.append(f"{column(entity_set, 'dataAreaId')}=?")
        values.append(company)
    if text := options.get("$filter", "").strip():
        condition = _Condition(entity_set)
        where.append(condition.sql(text))
        values += condition.values
    return Query(
        where=" AND ".join(where),
        values=tuple(values),
        order=_order(entity_set, options.get("$orderby", "")),
        select=_select(entity_set, options.get("$select", "")),
        top=_number(options, "$top"),
        skip=_number(options, "$skip") or 0,
        count=options.get("$count", "false").lower() == "true",
        delivered=_number(options, "$skiptoken") or 0,
    )


def column(entity_set: EntitySet, name: str) -> str:
    """SQL expression for one field; an unset field has its type's default."""
    kind = _field(entity_set, name)
    default = f"'{kind.default}'" if isinstance(kind.default, str) else str(kind.default)
    return f"coalesce(json_extract(body, '$.{name}'), {default}) COLLATE NOCASE"


def _field(entity_set: EntitySet, name: str) -> EdmType:
    kind = entity_set.fields.get(name)
    if kind is None:
        raise BadQuery(
            f"Could not find a property named '{name}' on type "
            f"'Microsoft.Dynamics.DataEntities.{entity_set.type_name}'."
        )
    return kind


def _number(options: Mapping[str, str], name: str) -> int | None:
    text = options.get(name)
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,15}", text):
        raise BadQuery(f"The value '{text}' of '{name}' is not a number of rows.")
    return int(text)


def _select(entity_set: EntitySet, text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if names == ("*",):
        return ()
    for name in names:
        _field(entity_set, name)
    return names


def _order(entity_set: EntitySet, text: str) -> str:
    terms = []
    for term in filter(None, (term.strip() for term in text.split(","))):
        name, _, direction = term.partition(" ")
        if direction.strip().lower() not in ("", "asc", "desc"):
            raise BadQuery(f"'{term}' is no ordering.")
        terms.append(f"{column(entity_set, name)} {direction.strip() or 'asc'}")
    return ", ".join([*terms, "record"]) if terms else ""


class _Condition(Filter[Scalar]):
    def __init__(self, entity_set: EntitySet) -> None:
        super().__init__()
        self._set = entity_set

    def sql(self, text: str) -> str:
        return super().sql(_ENUM_LITERAL.sub(r"'\1'", text))

    def column(self, name: str) -> str:
        return column(self._set, name)

    def compare(self, name: str, column: str, operator: str, node: ast._Node) -> str:
        if _field(self._set, name).symbols and operator not in ("=", "<>"):
            raise BadFilter("An enum can only be compared by eq and ne.")
        value = self.literal(name, node)
        if isinstance(value, str) and "*" in value and operator in ("=", "<>"):
            self.values.append(like(value).replace("*", "%"))
            negation = "NOT " if operator == "<>" else ""
            return f"{column} {negation}LIKE ? ESCAPE '\\'"
        self.values.append(value)
        return f"{column} {operator} ?"

    def literal(self, name: str, node: ast._Node) -> Scalar:
        kind = _field(self._set, name)
        value = python_value(node)
        try:
            return kind.read(f"{value}T12:00:00Z" if isinstance(node, ast.Date) else value)
        except ValueError as error:
            raise BadFilter(
                f"'{name}' is of type {kind.name} and cannot be compared so."
            ) from error
