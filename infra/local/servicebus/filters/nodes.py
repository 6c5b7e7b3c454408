"""What the grammar's rules become: functions of a message, and changes to one.

Three-valued logic: None is unknown (`values.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from infra.local.servicebus.filters import values
from infra.local.servicebus.filters.errors import FilterError
from infra.local.servicebus.filters.view import SYSTEM_FIELDS, Draft, MessageView

Evaluate = Callable[[MessageView], Any]
Change = Callable[[Draft], None]


class Property(NamedTuple):
    """A property reference; `name` as written."""

    is_system: bool
    name: str

    def evaluate(self) -> Evaluate:
        key = self.name.lower()
        if self.is_system:
            return lambda view: view.system(key)
        return lambda view: view.user.get(key)

    def exists(self) -> Evaluate:
        key = self.name.lower()
        if self.is_system:
            return lambda view: view.exists(key)
        return lambda view: key in view.user


def constant(value: Any) -> Evaluate:
    return lambda _: value


def negated(condition: Evaluate) -> Evaluate:
    return lambda view: values.negate(values.truth(condition(view)))


def compared(
    compare: Callable[[Any, Any], values.Truth], left: Evaluate, right: Evaluate
) -> Evaluate:
    return lambda view: compare(left(view), right(view))


def fold(terms: list[Evaluate], *, decisive: bool) -> Evaluate:
    """OR stops at the first true, AND at the first false; else unknown if any term is."""

    def evaluate(view: MessageView) -> values.Truth:
        answer: values.Truth = not decisive
        for term in terms:
            value = values.truth(term(view))
            if value is decisive:
                return decisive
            if value is None:
                answer = None
        return answer

    return evaluate


def named_property(argument: Evaluate) -> Evaluate:
    def evaluate(view: MessageView) -> Any:
        name = argument(view)
        if not isinstance(name, str):
            raise FilterError(f"property() needs a name, not {name!r}.")
        scope, _, rest = name.rpartition(".")
        return (
            Property(True, rest).evaluate()(view)
            if scope.lower() == "sys"
            else view.user.get(name.lower())
        )

    return evaluate


def remove(target: Property) -> Change:
    if target.is_system:
        field = SYSTEM_FIELDS[target.name.lower()]
        return lambda draft: draft.set_field(field, None)
    return lambda draft: draft.remove_user(target.name)


def arithmetic(first: Evaluate, rest: Sequence[tuple[str, Evaluate]]) -> Evaluate:
    """From left to right."""

    def evaluate(view: MessageView) -> Any:
        result = first(view)
        for symbol, term in rest:
            result = values.arithmetic(symbol, result, term(view))
        return result

    return evaluate


def assign(target: Property, value: Evaluate) -> Change:
    if target.is_system:
        field = SYSTEM_FIELDS[target.name.lower()]
        return lambda draft: draft.set_field(field, value(draft))
    return lambda draft: draft.set_user(target.name, value(draft))
