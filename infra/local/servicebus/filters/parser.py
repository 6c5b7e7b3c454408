"""Recursive descent over tokens; every rule of the grammar returns one of `nodes.py`.

    condition  = all { OR all }
    all        = negation { AND negation }
    negation   = NOT negation | predicate
    predicate  = sum [ comparison sum | IS [NOT] NULL | [NOT] IN '(' sum {',' sum} ')'
                     | [NOT] LIKE sum [ESCAPE sum] ]
    sum        = product { (+|-) product }
    product    = unary { (*|/|%) unary }
    unary      = (+|-) unary | primary
    primary    = literal | @parameter | property | function | EXISTS '(' property ')'
               | '(' condition ')'
    property   = [ (sys|user) '.' ] name
    action     = { (SET property '=' sum | REMOVE property) [';'] }

Chains are folded into loops, so that only nesting costs stack, and nesting has a limit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

from infra.local.servicebus.filters import values
from infra.local.servicebus.filters.errors import FilterError, FilterSyntaxError
from infra.local.servicebus.filters.nodes import (
    Change,
    Evaluate,
    Property,
    arithmetic,
    assign,
    compared,
    constant,
    fold,
    named_property,
    negated,
    remove,
)
from infra.local.servicebus.filters.tokens import Token, tokenize
from infra.local.servicebus.filters.view import SYSTEM_FIELDS

_DEEPEST = 64
_LITERALS = {"TRUE": True, "FALSE": False, "NULL": None}


class Parser:
    def __init__(self, expression: str, parameters: Mapping[str, Any]) -> None:
        self._tokens = tokenize(expression)
        self._index = 0
        self._depth = 0
        self._parameters = {name.lstrip("@").lower(): value for name, value in parameters.items()}

    # Tokens

    @property
    def _next(self) -> Token:
        return self._tokens[self._index]

    def _take(self, kind: str, *wanted: str) -> str | None:
        """Return the next token's value and step over it, if it is one of these."""
        token = self._next
        if token.kind == kind and (not wanted or token.value in wanted):
            self._index += 1
            return token.value
        return None

    def _need(self, kind: str, wanted: str) -> None:
        if self._take(kind, wanted) is None:
            raise self._unexpected(f"'{wanted}'")

    def _unexpected(self, expected: str) -> FilterSyntaxError:
        token = self._next
        return FilterSyntaxError(
            f"{expected} is expected here", position=token.position, token=token.source
        )

    def _nested(self, rule: Callable[[], Evaluate]) -> Evaluate:
        self._depth += 1
        if self._depth > _DEEPEST:
            token = self._next
            raise FilterSyntaxError(
                f"The expression nests deeper than {_DEEPEST} levels",
                position=token.position,
                token=token.source,
            )
        found = rule()
        self._depth -= 1
        return found

    # Whole texts

    def filter(self) -> Evaluate:
        found = self._condition()
        if self._next.kind != "end":
            raise self._unexpected("An operator or the end")
        return found

    def action(self) -> list[Change]:
        changes: list[Change] = []
        while self._next.kind != "end":
            if self._take("keyword", "SET"):
                changes.append(self._set())
            elif self._take("keyword", "REMOVE"):
                changes.append(remove(self._writable()))
            else:
                raise self._unexpected("SET or REMOVE")
            self._take("symbol", ";")
        if not changes:
            raise self._unexpected("SET or REMOVE")
        return changes

    def _set(self) -> Change:
        target = self._writable()
        self._need("symbol", "=")
        return assign(target, self._sum())

    def _writable(self) -> Property:
        token = self._next
        target = self._property()
        if target.is_system and target.name.lower() not in SYSTEM_FIELDS:
            raise FilterSyntaxError(
                f"An action cannot change 'sys.{target.name}'",
                position=token.position,
                token=token.source,
            )
        return target

    # Conditions

    def _condition(self) -> Evaluate:
        terms = [self._all()]
        while self._take("keyword", "OR"):
            terms.append(self._all())
        return terms[0] if len(terms) == 1 else fold(terms, decisive=True)

    def _all(self) -> Evaluate:
        terms = [self._negation()]
        while self._take("keyword", "AND"):
            terms.append(self._negation())
        return terms[0] if len(terms) == 1 else fold(terms, decisive=False)

    def _negation(self) -> Evaluate:
        if not self._take("keyword", "NOT"):
            return self._predicate()
        return negated(self._nested(self._negation))

    def _predicate(self) -> Evaluate:
        left = self._sum()
        symbol = self._take("symbol", *values.COMPARISONS)
        if symbol:
            return compared(values.COMPARISONS[symbol], left, self._sum())
        if self._take("keyword", "IS"):
            negative = self._take("keyword", "NOT")
            self._need("keyword", "NULL")
            if negative:
                return lambda view: left(view) is not None
            return lambda view: left(view) is None
        negative = self._take("keyword", "NOT")
        if self._take("keyword", "IN"):
            found = self._in(left)
        elif self._take("keyword", "LIKE"):
            found = self._like(left)
        elif negative:
            raise self._unexpected("IN or LIKE")
        else:
            return left
        return negated(found) if negative else found

    def _in(self, left: Evaluate) -> Evaluate:
        self._need("symbol", "(")
        choices = [self._sum()]
        while self._take("symbol", ","):
            choices.append(self._sum())
        self._need("symbol", ")")
        return lambda view: values.is_in(left(view), [choice(view) for choice in choices])

    def _like(self, left: Evaluate) -> Evaluate:
        pattern = self._sum()
        escape = self._sum() if self._take("keyword", "ESCAPE") else constant(None)
        return lambda view: values.like(left(view), pattern(view), escape(view))

    # Values

    def _sum(self) -> Evaluate:
        return self._chain(self._product, "+", "-")

    def _product(self) -> Evaluate:
        return self._chain(self._unary, "*", "/", "%")

    def _chain(self, operand: Callable[[], Evaluate], *symbols: str) -> Evaluate:
        first = operand()
        rest: list[tuple[str, Evaluate]] = []
        while symbol := self._take("symbol", *symbols):
            rest.append((symbol, operand()))
        return arithmetic(first, rest) if rest else first

    def _unary(self) -> Evaluate:
        sign = self._take("symbol", "+", "-")
        if sign is None:
            return self._primary()
        operand = self._nested(self._unary)
        return operand if sign == "+" else lambda view: values.minus(operand(view))

    def _primary(self) -> Evaluate:
        token = self._next
        if self._take("symbol", "("):
            inner = self._nested(self._condition)
            self._need("symbol", ")")
            return inner
        if self._take("keyword", *_LITERALS):
            return constant(_LITERALS[token.value])
        if self._take("keyword", "EXISTS"):
            self._need("symbol", "(")
            found = self._property().exists()
            self._need("symbol", ")")
            return found
        literal = _LITERAL_KINDS.get(token.kind)
        if literal:
            self._index += 1
            return constant(literal(token))
        if self._take("parameter"):
            return constant(self._parameter(token))
        if token.kind == "name" and self._tokens[self._index + 1].source == "(":
            return self._function()
        return self._property().evaluate()

    def _parameter(self, token: Token) -> Any:
        name = token.value[1:].lower()
        if name not in self._parameters:
            raise FilterSyntaxError(
                f"The parameter {token.value} has no value",
                position=token.position,
                token=token.source,
            )
        return self._parameters[name]

    def _function(self) -> Evaluate:
        token = self._next
        name = token.value.lower()
        if name not in ("newid", "property", "p"):
            raise FilterSyntaxError(
                f"There is no function '{token.value}'; there are newid() and property(name)",
                position=token.position,
                token=token.source,
            )
        self._index += 2
        argument = None if name == "newid" else self._nested(self._sum)
        self._need("symbol", ")")
        return named_property(argument) if argument else lambda _: uuid4()

    def _property(self) -> Property:
        first = self._next
        if self._take("name") is None:
            raise self._unexpected("A value or a property name")
        if not self._take("symbol", "."):
            return Property(False, first.value)
        scope = first.value.lower()
        if scope not in ("sys", "user"):
            raise FilterSyntaxError(
                f"'{first.value}' is no scope; there are sys and user",
                position=first.position,
                token=first.source,
            )
        name = self._next
        if self._take("name") is None:
            raise self._unexpected("A property name")
        return Property(scope == "sys", name.value)


def _integer(token: Token) -> int:
    try:
        return int(values.in_range(int(token.value)))
    except (FilterError, ValueError) as error:
        raise FilterSyntaxError(
            "A whole number has to fit 64 bits", position=token.position, token=token.source[:20]
        ) from error


_LITERAL_KINDS: dict[str, Callable[[Token], Any]] = {
    "text": lambda token: token.value,
    "integer": _integer,
    "decimal": lambda token: float(token.value),
}
