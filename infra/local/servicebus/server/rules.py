"""Rules in `$management`: maps on the way in, described lists on the way out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from infra.local.servicebus.amqp import Described, ULong
from infra.local.servicebus.filters import (
    CorrelationFilterConfig,
    FalseFilterConfig,
    FilterConfig,
    SqlFilterConfig,
    TrueFilterConfig,
)
from infra.local.servicebus.server.errors import ARGUMENT_ERROR, refused
from infra.local.servicebus.settings import RuleConfig

_RULE, _NO_ACTION, _SQL_ACTION = 0x13700000004, 0x13700000005, 0x13700000006
_SQL, _TRUE, _FALSE, _CORRELATION = 0x1370000006, 0x1370000007, 0x1370000008, 0x1370000009

# Names on the wire to properties-section fields, in the order of the described list.
_CORRELATION_FIELDS = {
    "correlation-id": "correlation_id",
    "message-id": "message_id",
    "to": "to",
    "reply-to": "reply_to",
    "label": "subject",
    "session-id": "group_id",
    "reply-to-session-id": "reply_to_group_id",
    "content-type": "content_type",
}


def read_rule(name: str, description: dict[Any, Any]) -> RuleConfig:
    """Raises BrokerError for a description that is no rule."""
    action = description.get("sql-rule-action")
    return RuleConfig(name, _filter(description), _expression(action) if action else None)


def _filter(description: dict[Any, Any]) -> FilterConfig:
    for key, read in _FILTERS.items():
        found = description.get(key)
        if isinstance(found, dict):
            return read(found)
        if key in description and found is None and key in _WITHOUT_CONTENT:
            return read({})
    raise refused(ARGUMENT_ERROR, "A rule needs a sql-filter or correlation-filter.")


def _expression(holder: Any) -> str:
    expression = holder.get("expression") if isinstance(holder, dict) else None
    if not isinstance(expression, str):
        raise refused(ARGUMENT_ERROR, "A SQL filter or action needs an expression.")
    return expression


def _correlation(found: dict[Any, Any]) -> CorrelationFilterConfig:
    system = {
        field: found[key]
        for key, field in _CORRELATION_FIELDS.items()
        if found.get(key) is not None
    }
    user = {str(name): value for name, value in (found.get("properties") or {}).items()}
    return CorrelationFilterConfig(system, user)


_FILTERS: dict[str, Callable[[dict[Any, Any]], FilterConfig]] = {
    "sql-filter": lambda found: SqlFilterConfig(_expression(found)),
    "correlation-filter": _correlation,
    "true-filter": lambda _found: TrueFilterConfig(),
    "false-filter": lambda _found: FalseFilterConfig(),
}
_WITHOUT_CONTENT = frozenset({"true-filter", "false-filter"})


def write_rule(rule: RuleConfig) -> Described:
    """Return [filter, action, name]; the action is never left out, the JS SDK requires it."""
    action = Described(ULong(_NO_ACTION), [])
    if rule.action is not None:
        action = Described(ULong(_SQL_ACTION), [rule.action])
    return Described(ULong(_RULE), [_WRITERS[type(rule.filter)](rule.filter), action, rule.name])


def _write_correlation(filter_: CorrelationFilterConfig) -> Described:
    fields = [filter_.system.get(field) for field in _CORRELATION_FIELDS.values()]
    return Described(ULong(_CORRELATION), [*fields, filter_.user])


_WRITERS: dict[type, Callable[[Any], Described]] = {
    SqlFilterConfig: lambda filter_: Described(ULong(_SQL), [filter_.expression]),
    TrueFilterConfig: lambda _: Described(ULong(_TRUE), []),
    FalseFilterConfig: lambda _: Described(ULong(_FALSE), []),
    CorrelationFilterConfig: _write_correlation,
}
