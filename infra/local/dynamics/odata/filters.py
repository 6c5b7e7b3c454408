"""`$filter` as an SQL condition with bound values.

odata-query parses; this walks its tree. What all products understand is here: comparisons of a
property with a value, contains, startswith, endswith, and, or, not. How a property reads in SQL,
what may be compared with it and how, is each product's own.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from functools import lru_cache
from typing import ClassVar, Generic, TypeVar

from odata_query import ast
from odata_query.exceptions import ODataException
from odata_query.grammar import ODataLexer, ODataParser
from odata_query.visitor import NodeVisitor

_FUNCTIONS = {"contains": "%{}%", "startswith": "{}%", "endswith": "%{}"}
_MAX_LENGTH = 8000
"""Characters."""

_MAX_NESTING = 30
"""SQLite's parser holds 100 symbols at once; a level of `(NOT (` takes three of them."""


class BadFilter(ValueError):
    """The filter cannot be carried out; the text says why."""


class UnreadableFilter(BadFilter):
    """It is no filter expression at all."""


Bound = TypeVar("Bound")


class Filter(NodeVisitor, ABC, Generic[Bound]):
    """One filter; `values` are its bound values in order."""

    operators: ClassVar[dict[type[object], str]] = {
        ast.Eq: "=",
        ast.NotEq: "<>",
        ast.Lt: "<",
        ast.LtE: "<=",
        ast.Gt: ">",
        ast.GtE: ">=",
    }

    def __init__(self) -> None:
        self.values: list[Bound | str] = []

    @abstractmethod
    def column(self, name: str) -> str:
        """The SQL of a property."""

    @abstractmethod
    def literal(self, name: str, node: ast._Node) -> Bound:
        """The value a property is compared with, as it is stored."""

    def sql(self, text: str) -> str:
        """Raises BadFilter, and whatever the product's own methods raise."""
        if len(text) > _MAX_LENGTH:
            raise BadFilter("The filter is too long.")
        try:
            sql = str(self.visit(_parsed(text)))
        except (ODataException, RecursionError) as error:
            raise UnreadableFilter(f"The filter '{text}' cannot be read: {error}") from error
        if _nesting(sql) > _MAX_NESTING:
            raise BadFilter("The filter is nested too deeply.")
        return sql

    def generic_visit(self, node: ast._Node) -> str:
        raise BadFilter(f"'{type(node).__name__}' is not supported in a filter.")

    def visit_BoolOp(self, node: ast.BoolOp) -> str:  # noqa: N802 - the visitor's names
        word = "AND" if isinstance(node.op, ast.And) else "OR"
        left = str(self.visit(node.left))
        if isinstance(node.left, ast.BoolOp) and type(node.left.op) is type(node.op):
            # A chain of one operator stays flat: nesting is what the database limits.
            left = left[1:-1]
        return f"({left} {word} {self.visit(node.right)})"

    def visit_UnaryOp(self, node: ast.UnaryOp) -> str:  # noqa: N802 - the visitor's names
        if not isinstance(node.op, ast.Not):
            raise BadFilter("A negative expression is not supported in a filter.")
        return f"(NOT {self.visit(node.operand)})"

    def visit_Compare(self, node: ast.Compare) -> str:  # noqa: N802 - the visitor's names
        operator = self.operators.get(type(node.comparator))
        if operator is None or not isinstance(node.left, ast.Identifier):
            raise BadFilter("A comparison must be of a property with a value.")
        column = self.column(node.left.name)
        return self.compare(node.left.name, column, operator, node.right)

    def compare(self, name: str, column: str, operator: str, node: ast._Node) -> str:
        self.values.append(self.literal(name, node))
        return f"{column} {operator} ?"

    def visit_Call(self, node: ast.Call) -> str:  # noqa: N802 - the visitor's names
        pattern = _FUNCTIONS.get(node.func.name)
        if pattern is None or len(node.args) != 2:
            raise BadFilter(f"The function '{node.func.name}' is not supported in a filter.")
        name, part = node.args
        if not isinstance(name, ast.Identifier) or not isinstance(part, ast.String):
            raise BadFilter(f"'{node.func.name}' takes a property and a text.")
        self.values.append(pattern.format(like(part.val)))
        return f"{self.column(name.name)} LIKE ? ESCAPE '\\'"


@lru_cache(maxsize=256)
def _parsed(text: str) -> ast._Node:
    """Callers ask the same again and again, and parsing takes longer than the answer."""
    parsed: ast._Node = ODataParser().parse(ODataLexer().tokenize(text))
    return parsed


def like(text: str) -> str:
    """The text with what LIKE would read as a pattern escaped."""
    return re.sub(r"([\\%_])", r"\\\1", text)


def python_value(node: ast._Node) -> object:
    """What a literal stands for; dates, moments and guids as their texts. Raises BadFilter."""
    match node:
        case ast.Null():
            return None
        case ast.Boolean():
            return node.val == "true"
        case ast.Integer():
            return int(node.val)
        case ast.Float():
            return float(node.val)
        case ast.String() | ast.DateTime() | ast.Date() | ast.GUID():
            return node.val
        case ast.UnaryOp(op=ast.USub(), operand=ast.Integer() | ast.Float() as operand):
            number = float(operand.val)
            return -int(number) if number == int(number) else -number
        case _:
            raise BadFilter("A property must be compared with a value.")


def _nesting(sql: str) -> int:
    """The deepest nesting of parentheses; values are bound, so each one is structure."""
    deepest = depth = 0
    for character in sql:
        depth += (character == "(") - (character == ")")
        deepest = max(deepest, depth)
    return deepest
