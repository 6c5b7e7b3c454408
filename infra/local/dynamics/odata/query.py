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
from odata_query.exceptions import ODataException
from odata_query.grammar import ODataLexer, ODataParser
from odata_query.visitor import NodeVisitor

from .entities import ENUM_NAMESPACE, EdmType, EntitySet, Scalar

_ENUM_LITERAL = re.compile(rf"{re.escape(ENUM_NAMESPACE)}\.\w+'(\w+)'")
_OPERATORS: dict[type[object], str] = {
    ast.Eq: "=",
    ast.NotEq: "<>",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}
_FUNCTIONS = {"contains": "%{}%", "startswith": "{}%", "endswith": "%{}"}
_MAX_FILTER = 4000
"""Characters."""

_MAX_NESTING = 30
"""SQLite's parser holds 100 symbols at once; a level of `(NOT (` takes three of them."""


class BadQuery(ValueError):
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


class _Condition(NodeVisitor):
    """One filter as an SQL condition; `values` are its bound values in order."""

    def __init__(self, entity_set: EntitySet) -> None:
        self._set = entity_set
        self.values: list[Scalar] = []

    def sql(self, text: str) -> str:
        if len(text) > _MAX_FILTER:
            raise BadQuery("The filter is too long.")
        try:
            tree = ODataParser().parse(ODataLexer().tokenize(_ENUM_LITERAL.sub(r"'\1'", text)))
            sql = str(self.visit(tree))
        except (ODataException, RecursionError) as error:
            raise BadQuery(f"The filter '{text}' cannot be read: {error}") from error
        if _nesting(sql) > _MAX_NESTING:
            raise BadQuery("The filter is nested too deeply.")
        return sql

    def generic_visit(self, node: ast._Node) -> str:
        raise BadQuery(f"'{type(node).__name__}' is not supported in a filter.")

    def visit_BoolOp(self, node: ast.BoolOp) -> str:  # noqa: N802 - the visitor's names
        word = "AND" if isinstance(node.op, ast.And) else "OR"
        left = str(self.visit(node.left))
        if isinstance(node.left, ast.BoolOp) and type(node.left.op) is type(node.op):
            # A chain of one operator stays flat: nesting is what the database limits.
            left = left[1:-1]
        return f"({left} {word} {self.visit(node.right)})"

    def visit_UnaryOp(self, node: ast.UnaryOp) -> str:  # noqa: N802 - the visitor's names
        if not isinstance(node.op, ast.Not):
            raise BadQuery("A negative expression is not supported in a filter.")
        return f"(NOT {self.visit(node.operand)})"

    def visit_Compare(self, node: ast.Compare) -> str:  # noqa: N802 - the visitor's names
        operator = _OPERATORS.get(type(node.comparator))
        if operator is None or not isinstance(node.left, ast.Identifier):
            raise BadQuery("A comparison must be of a property with a value.")
        kind = _field(self._set, node.left.name)
        value = _literal(node.left.name, kind, node.right)
        if kind.symbols and operator not in ("=", "<>"):
            raise BadQuery("An enum can only be compared by eq and ne.")
        if isinstance(value, str) and "*" in value and operator in ("=", "<>"):
            self.values.append(_like(value).replace("*", "%"))
            negation = "NOT " if operator == "<>" else ""
            return f"{column(self._set, node.left.name)} {negation}LIKE ? ESCAPE '\\'"
        self.values.append(value)
        return f"{column(self._set, node.left.name)} {operator} ?"

    def visit_Call(self, node: ast.Call) -> str:  # noqa: N802 - the visitor's names
        pattern = _FUNCTIONS.get(node.func.name)
        if pattern is None or len(node.args) != 2:
            raise BadQuery(f"The function '{node.func.name}' is not supported in a filter.")
        field, part = node.args
        if not isinstance(field, ast.Identifier) or not isinstance(part, ast.String):
            raise BadQuery(f"'{node.func.name}' takes a property and a text.")
        self.values.append(pattern.format(_like(part.val)))
        return f"{column(self._set, field.name)} LIKE ? ESCAPE '\\'"


def _nesting(sql: str) -> int:
    """The deepest nesting of parentheses; values are bound, so each one is structure."""
    deepest = depth = 0
    for character in sql:
        depth += (character == "(") - (character == ")")
        deepest = max(deepest, depth)
    return deepest


def _like(text: str) -> str:
    return re.sub(r"([\\%_])", r"\\\1", text)


def _literal(name: str, kind: EdmType, node: ast._Node) -> Scalar:
    try:
        match node:
            case ast.Integer():
                return kind.read(int(node.val))
            case ast.Float():
                return kind.read(float(node.val))
            case ast.String() | ast.DateTime():
                return kind.read(node.val)
            case ast.Date():
                return kind.read(f"{node.val}T12:00:00Z")
            case ast.UnaryOp(op=ast.USub(), operand=ast.Integer() | ast.Float() as operand):
                number = float(operand.val)
                return kind.read(-int(number) if number == int(number) else -number)
            case _:
                raise BadQuery(f"'{name}' must be compared with a value.")
    except BadQuery:
        raise
    except ValueError as error:
        raise BadQuery(f"'{name}' is of type {kind.name} and cannot be compared so.") from error
