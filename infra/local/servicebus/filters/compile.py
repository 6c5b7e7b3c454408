"""From a rule's configuration to functions of a message."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from infra.local.servicebus.filters.definitions import (
    CorrelationFilterConfig,
    FalseFilterConfig,
    FilterConfig,
    SqlFilterConfig,
    TrueFilterConfig,
)
from infra.local.servicebus.filters.parser import Parser
from infra.local.servicebus.filters.values import equal, truth
from infra.local.servicebus.filters.view import Draft, MessageView

Matches = Callable[[MessageView], bool]


class ActionChanges(NamedTuple):
    """What an action makes of a message: its application properties afterwards, and the fields of
    the properties section it set (None = removed)."""

    application_properties: dict[str, Any]
    properties: dict[str, Any]


def compile_filter(config: FilterConfig) -> Matches:
    """Raises FilterSyntaxError; the function returned raises FilterError."""
    match config:
        case TrueFilterConfig():
            return lambda _: True
        case FalseFilterConfig():
            return lambda _: False
        case SqlFilterConfig(expression, parameters):
            return compile_sql_filter(expression, parameters)
        case CorrelationFilterConfig(system, user):
            return _compile_correlation_filter(system, user)


def compile_sql_filter(expression: str, parameters: Mapping[str, Any] | None = None) -> Matches:
    """Only true selects; unknown does not. `parameters` are the values of `@names`."""
    evaluate = Parser(expression, parameters or {}).filter()
    return lambda view: truth(evaluate(view)) is True


def _compile_correlation_filter(system: Mapping[str, Any], user: Mapping[str, Any]) -> Matches:
    """All conditions hold: same type of value, same value, case-sensitive."""
    fields = tuple(system.items())
    properties = tuple((name.lower(), value) for name, value in user.items())

    def matches(view: MessageView) -> bool:
        return all(_same(view.field(field), wanted) for field, wanted in fields) and all(
            _same(view.user.get(name), wanted) for name, wanted in properties
        )

    return matches


def _same(value: Any, wanted: Any) -> bool:
    if isinstance(value, bool) or isinstance(wanted, bool):
        return value is wanted
    return equal(value, wanted) is True


def compile_action(
    text: str, parameters: Mapping[str, Any] | None = None
) -> Callable[[MessageView], ActionChanges]:
    """Raises FilterSyntaxError; the function returned raises FilterError."""
    changes = Parser(text, parameters or {}).action()

    def apply(view: MessageView) -> ActionChanges:
        draft = Draft(view)
        for change in changes:
            change(draft)
        return ActionChanges(draft.changed_application, draft.changed_fields)

    return apply
