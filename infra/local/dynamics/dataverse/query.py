"""Query options of a GET as SQL over stored rows, and what `$expand` wants.

Source: Microsoft, "Query data using the Web API": texts compare without case, null is a value, no
`$skip`, one level of single-valued `$expand`, `$apply` here only as filter and aggregate.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from odata_query import ast

from infra.local.dynamics.odata.filters import BadFilter, Filter, python_value

from . import errors
from .columns import BOOLEAN, TooLong, Value, WrongValue
from .tables import BY_LOGICAL, Table

PAGE_SIZE = 5_000
"""Rows of the largest page (dynamics.md, section 0)."""

_KNOWN = frozenset({
    "$filter", "$select", "$top", "$count", "$orderby", "$expand", "$skiptoken", "$deltatoken",
    "$apply",
})  # fmt: skip
_UNTRACKED = frozenset({"$filter", "$orderby", "$expand", "$top", "$apply"})
"""What change tracking does not go with (dynamics.md 3.4)."""
_SUM = re.compile(r"(\w+) with (sum|min|max) as (\w+)")
_COUNT = re.compile(r"\$count as (\w+)")


@dataclass(frozen=True, slots=True)
class Expand:
    navigation: str
    select: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Aggregate:
    """Alias -> SQL."""

    columns: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Query:
    where: str = "1"
    values: tuple[Value, ...] = ()
    order: str = "version"
    select: tuple[str, ...] = ()
    """Empty means every column."""
    expand: tuple[Expand, ...] = ()
    top: int | None = None
    count: bool = False
    delivered: int = 0
    """Rows sent on the pages before this one."""
    aggregate: Aggregate | None = None
    raw: Mapping[str, str] = field(default_factory=dict)


def parse_query(table: Table, options: Mapping[str, str]) -> Query:
    """Raises DataverseError."""
    for name in options:
        if name not in _KNOWN:
            raise errors.malformed(f"The query parameter {name} is not supported")
    condition = _Condition(table)
    where, aggregate = "1", None
    if text := options.get("$filter", "").strip():
        where = condition.sql(text)
    if text := options.get("$apply", "").strip():
        where, aggregate = _apply(table, condition, text)
    token = options.get("$skiptoken", "0")
    if not token.isdecimal():
        raise errors.invalid_argument("The paging cookie is not one of ours.")
    return Query(
        where=where,
        values=tuple(condition.values),
        order=_order(table, options.get("$orderby", "")),
        select=_select(table, options.get("$select", "")),
        expand=tuple(_expands(table, options.get("$expand", ""))),
        top=_number(options, "$top"),
        count=options.get("$count", "false") == "true",
        delivered=int(token),
        aggregate=aggregate,
        raw=options,
    )


def check_tracked(table: Table, options: Mapping[str, str]) -> None:
    """Raises DataverseError where change tracking cannot be had."""
    if not table.tracked:
        raise errors.invalid_argument(f"Change tracking is not enabled for {table.logical}.")
    if wrong := sorted(_UNTRACKED & options.keys()):
        raise errors.malformed(f"The query option {wrong[0]} is not supported with track-changes.")


def expression(table: Table, name: str) -> str:
    """SQL of one column."""
    if name not in table.columns:
        raise errors.unknown_column(table.logical, name)
    if name == table.primary:
        return "id"
    if name == "versionnumber":
        return "version"
    return f"json_extract(body, '$.{name}') COLLATE NOCASE"


def _number(options: Mapping[str, str], name: str) -> int | None:
    text = options.get(name)
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise errors.malformed(f"Invalid value '{text}' for {name} query option found.")
    return int(text)


def _select(table: Table, text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    for name in names:
        lookup = f"_{name}_value"
        if name not in table.columns and lookup not in table.columns:
            raise errors.unknown_column(table.logical, name)
    return tuple(name if name in table.columns else f"_{name}_value" for name in names)


def _order(table: Table, text: str) -> str:
    terms = []
    for term in filter(None, (term.strip() for term in text.split(","))):
        name, _, direction = term.partition(" ")
        if direction.strip() not in ("", "asc", "desc"):
            raise errors.malformed(f"Syntax error in '{term}'.")
        terms.append(f"{expression(table, name)} {direction.strip() or 'asc'}")
    return ", ".join([*terms, "version"])


def _expands(table: Table, text: str) -> Iterator[Expand]:
    for part in filter(None, re.split(r",(?![^(]*\))", text)):
        name, _, options = part.strip().partition("(")
        navigation = table.lookups.get(name)
        if navigation is None:
            raise errors.unknown_column(table.logical, name)
        chosen = options.removesuffix(")").removeprefix("$select=")
        yield Expand(name, _select(BY_LOGICAL[navigation.target], chosen))


def _apply(table: Table, condition: _Condition, text: str) -> tuple[str, Aggregate]:
    match = re.fullmatch(r"(?:filter\((?P<filter>.*)\)/)?aggregate\((?P<terms>[^()]*)\)", text)
    if match is None:
        raise errors.malformed(f"The apply '{text}' is not supported.")
    where = condition.sql(match["filter"]) if match["filter"] else "1"
    columns = {}
    for term in (each.strip() for each in match["terms"].split(",")):
        if counted := _COUNT.fullmatch(term):
            columns[counted[1]] = "count(*)"
        elif summed := _SUM.fullmatch(term):
            column = expression(table, summed[1]).removesuffix(" COLLATE NOCASE")
            # Decimal columns have a fixed scale, of which doubles add up crumbs.
            columns[summed[3]] = f"round({summed[2]}({column}), 6)"
        else:
            raise errors.malformed(f"The aggregate '{term}' is not supported.")
    return where, Aggregate(columns)


class _Condition(Filter[Value]):
    operators = Filter.operators | {ast.Eq: "IS", ast.NotEq: "IS NOT"}

    def __init__(self, table: Table) -> None:
        super().__init__()
        self._table = table

    def sql(self, text: str) -> str:
        try:
            return super().sql(text)
        except BadFilter as error:
            raise errors.malformed(str(error)) from error

    def column(self, name: str) -> str:
        return expression(self._table, name)

    def literal(self, name: str, node: ast._Node) -> Value:
        column, value = self._table.columns[name], python_value(node)
        if value is None:
            return None
        try:
            found = column.read(value)
        except (WrongValue, TooLong) as error:
            raise BadFilter(
                f"A binary operator with incompatible types was detected on '{name}'."
            ) from error
        return int(bool(found)) if column.kind is BOOLEAN else found
