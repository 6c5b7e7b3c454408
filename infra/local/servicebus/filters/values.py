"""Operators on property values, with SQL's third truth value: None is unknown.

Documented: a missing property is unknown and only true selects; numbers promote as in C#, so whole
numbers divide without remainder. Ours, because undocumented: values of different kinds (text and
number) compare as unknown, text compares case-sensitively by code point, `+` joins two texts, a
whole number outside 64 bits or a division by zero fails the filter.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any
from uuid import UUID

from infra.local.servicebus.filters.errors import FilterError

Truth = bool | None
_SMALLEST, _LARGEST = -(2**63), 2**63 - 1


def truth(value: Any) -> Truth:
    """Return a condition's truth; FilterError for a value that is none."""
    if value is None or value is True or value is False:
        return value
    raise FilterError(f"{value!r} is used as a condition but is neither true nor false.")


def negate(value: Truth) -> Truth:
    return None if value is None else not value


def _kind(value: Any) -> str | None:
    if isinstance(value, bool):
        return "truth"
    if isinstance(value, int | float | Decimal):
        return "number"
    for type_, name in ((str, "text"), (bytes, "bytes"), (UUID, "uuid"), (datetime, "time")):
        if isinstance(value, type_):
            return name
    return None


def comparison(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], Truth]:
    def compared(left: Any, right: Any) -> Truth:
        if left is None or right is None:
            return None
        if type(left) is not type(right):
            kind = _kind(left)
            if kind is None or kind != _kind(right):
                return None
        try:
            return compare(left, right)
        except TypeError:
            return None

    return compared


COMPARISONS: dict[str, Callable[[Any, Any], Truth]] = {
    "=": comparison(operator.eq),
    "<>": comparison(operator.ne),
    "!=": comparison(operator.ne),
    "<": comparison(operator.lt),
    "<=": comparison(operator.le),
    ">": comparison(operator.gt),
    ">=": comparison(operator.ge),
}
equal = COMPARISONS["="]


def is_in(value: Any, choices: list[Any]) -> Truth:
    """`x IN (…)` as the OR of its equalities."""
    answers = [equal(value, choice) for choice in choices]
    if True in answers:
        return True
    return None if None in answers else False


@lru_cache(maxsize=1024)
def _like_pattern(pattern: str, escape: str | None) -> re.Pattern[str]:
    parts: list[str] = []
    characters = iter(pattern)
    for character in characters:
        if character == escape:
            literal = next(characters, None)
            if literal is None:
                raise FilterError(f"LIKE pattern '{pattern}' ends with its escape character.")
            parts.append(re.escape(literal))
        else:
            parts.append({"%": ".*", "_": "."}.get(character) or re.escape(character))
    return re.compile("".join(parts), re.DOTALL)


def like(value: Any, pattern: Any, escape: Any) -> Truth:
    if not isinstance(value, str) or not isinstance(pattern, str):
        return None
    if escape is not None and (not isinstance(escape, str) or len(escape) != 1):
        raise FilterError(f"ESCAPE needs one character, not {escape!r}.")
    return _like_pattern(pattern, escape).fullmatch(value) is not None


def _divide(left: Any, right: Any) -> Any:
    if isinstance(left, int) and isinstance(right, int):
        quotient = abs(left) // abs(right)
        return quotient if (left < 0) == (right < 0) else -quotient
    return left / right


def _remainder(left: Any, right: Any) -> Any:
    """With the sign of the dividend, as in C#."""
    if isinstance(left, int) and isinstance(right, int):
        remainder = abs(left) % abs(right)
        return -remainder if left < 0 else remainder
    return left - right * int(left / right)


_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _divide,
    "%": _remainder,
}


def arithmetic(symbol: str, left: Any, right: Any) -> Any:
    """Unknown when a side is; FilterError when the sides are no numbers (`+`: nor two texts)."""
    if left is None or right is None:
        return None
    if symbol == "+" and isinstance(left, str) and isinstance(right, str):
        return left + right
    if _kind(left) != "number" or _kind(right) != "number":
        raise FilterError(f"{left!r} {symbol} {right!r} is not arithmetic on numbers.")
    if isinstance(left, float) != isinstance(right, float):
        left, right = float(left), float(right)
    try:
        result = _ARITHMETIC[symbol](left, right)
    except (ArithmeticError, ValueError) as error:
        raise FilterError(f"{left!r} {symbol} {right!r} has no result: {error}.") from error
    return in_range(result)


def in_range(number: Any) -> Any:
    if isinstance(number, int) and not _SMALLEST <= number <= _LARGEST:
        raise FilterError(f"{number} does not fit 64 bits.")
    return number


def minus(value: Any) -> Any:
    if value is None:
        return None
    if _kind(value) != "number":
        raise FilterError(f"-{value!r} is not arithmetic on a number.")
    return in_range(-value)
