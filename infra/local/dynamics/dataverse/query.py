"""Query options of a GET as SQL over stored rows, and what `$expand` wants.

Source: Microsoft, "Query data using the Web API": texts compare without case, null is a value, no
`$skip`, one level of single-valued `$expand`, `$apply` here only as filter and aggregate.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from odata_query import ast
from odata_query.exceptions import ODataException
from odata_query.grammar import ODataLexer, ODataParser
from odata_query.visitor import NodeVisitor

from . import errors
from .columns import BOOLEAN, TooLong, Value, WrongValue
from .tables import BY_LOGICAL, Table

PAGE_SIZE = 5_000
"""Rows of the largest page (dynamics.md, section 0)."""

_OPERATORS: dict[type[object], str] = {
    ast.Eq: "IS", ast.NotEq: "IS NOT", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
}  # fmt: skip
_FUNCTIONS = {"contains": "%{}%", "startswith": "{}%", "endswith": "%{}"}
_KNOWN = frozenset({
    "$filter", "$select", "$top", "$count", "$orderby", "$expand", "$skiptoken", "$deltatoken",
    "$apply",
})  # fmt: skip
_UNTRACKED = frozenset({"$filter", "$orderby", "$expand", "$top", "$apply"})
"""What change tracking does not go with (dynamics.md 3.4)."""
_MAX_FILTER = 4000
_MAX_NESTING = 30
"""SQLite's parser holds 100 symbols at once; a level of `(NOT (` takes three of them."""
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


class _Condition(NodeVisitor):
    """One filter as an SQL condition; `values` are its bound values in order."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self.values: list[Value] = []

    def sql(self, text: str) -> str:
        if len(text) > _MAX_FILTER:
            raise errors.malformed("The filter is too long.")
        try:
            sql = str(self.visit(ODataParser().parse(ODataLexer().tokenize(text))))
        except (ODataException, RecursionError) as error:
            raise errors.malformed(f"Syntax error in '{text}': {error}") from error
        if _nesting(sql) > _MAX_NESTING:
            raise errors.malformed("The filter is nested too deeply.")
        return sql

    def generic_visit(self, node: ast._Node) -> str:
        raise errors.malformed(f"'{type(node).__name__}' is not supported in a filter.")

    def visit_BoolOp(self, node: ast.BoolOp) -> str:  # noqa: N802 - the visitor's names
        word = "AND" if isinstance(node.op, ast.And) else "OR"
        left = str(self.visit(node.left))
        if isinstance(node.left, ast.BoolOp) and type(node.left.op) is type(node.op):
            left = left[1:-1]
        return f"({left} {word} {self.visit(node.right)})"

    def visit_UnaryOp(self, node: ast.UnaryOp) -> str:  # noqa: N802 - the visitor's names
        if not isinstance(node.op, ast.Not):
            raise errors.malformed("A negative expression is not supported in a filter.")
        return f"(NOT {self.visit(node.operand)})"

    def visit_Compare(self, node: ast.Compare) -> str:  # noqa: N802 - the visitor's names
        operator = _OPERATORS.get(type(node.comparator))
        if operator is None or not isinstance(node.left, ast.Identifier):
            raise errors.malformed("A comparison must be of a property with a value.")
        column = expression(self._table, node.left.name)
        self.values.append(self._literal(node.left.name, node.right))
        return f"{column} {operator} ?"

    def visit_Call(self, node: ast.Call) -> str:  # noqa: N802 - the visitor's names
        pattern = _FUNCTIONS.get(node.func.name)
        if pattern is None or len(node.args) != 2:
            raise errors.malformed(f"The function '{node.func.name}' is not supported.")
        name, part = node.args
        if not isinstance(name, ast.Identifier) or not isinstance(part, ast.String):
            raise errors.malformed(f"'{node.func.name}' takes a property and a text.")
        column = expression(self._table, name.name)
        self.values.append(pattern.format(re.sub(r"([\\%_])", r"\\\1", part.val)))
        return f"{column} LIKE ? ESCAPE '\\'"

    def _literal(self, name: str, node: ast._Node) -> Value:
        column = self._table.columns[name]
        try:
            match node:
                case ast.Null():
                    return None
                case ast.Integer():
                    return column.read(int(node.val))
                case ast.Float():
                    return column.read(float(node.val))
                case ast.Boolean():
                    found = column.read(node.val == "true")
                    return int(bool(found)) if column.kind is BOOLEAN else found
                case ast.String() | ast.DateTime() | ast.GUID():
                    return column.read(node.val)
                case ast.UnaryOp(op=ast.USub(), operand=ast.Integer() | ast.Float() as operand):
                    return column.read(-float(operand.val))
                case _:
                    raise errors.malformed(f"'{name}' must be compared with a value.")
        except (WrongValue, TooLong) as error:
            raise errors.malformed(
                f"A binary operator with incompatible types was detected on '{name}'."
            ) from error


def _nesting(sql: str) -> int:
    deepest = depth = 0
    for character in sql:
        depth += (character == "(") - (character == ")")
        deepest = max(deepest, depth)
    return deepest
