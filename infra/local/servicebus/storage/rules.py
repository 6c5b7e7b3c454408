"""Rules as stored bytes: an AMQP map, so that every property value keeps its type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from infra.local.servicebus.amqp.decode import decode_value
from infra.local.servicebus.amqp.encode import encode_value
from infra.local.servicebus.filters import (
    CorrelationFilterConfig,
    FalseFilterConfig,
    FilterConfig,
    SqlFilterConfig,
    TrueFilterConfig,
)
from infra.local.servicebus.settings import (
    RuleConfig,
)

_FILTERS: dict[str, Callable[[dict[str, Any]], FilterConfig]] = {
    "sql": lambda row: SqlFilterConfig(row["expression"], row.get("parameters", {})),
    "correlation": lambda row: CorrelationFilterConfig(row["system"], row["user"]),
    "true": lambda _: TrueFilterConfig(),
    "false": lambda _: FalseFilterConfig(),
}


def encode_rule(rule: RuleConfig) -> bytes:
    action = {"action": rule.action, "action_parameters": rule.action_parameters}
    return encode_value({"name": rule.name, **action, **_filter_row(rule.filter)})


def decode_rule(data: bytes) -> RuleConfig:
    """Raises ValueError for bytes that are no rule."""
    row, _ = decode_value(data)
    try:
        filter_ = _FILTERS[row["filter"]](row)
        return RuleConfig(row["name"], filter_, row["action"], row.get("action_parameters", {}))
    except (KeyError, TypeError) as error:
        raise ValueError(f"a stored rule cannot be read ({error!r})") from error


def _filter_row(config: FilterConfig) -> dict[str, Any]:
    match config:
        case SqlFilterConfig(expression, parameters):
            return {"filter": "sql", "expression": expression, "parameters": parameters}
        case CorrelationFilterConfig(system, user):
            return {"filter": "correlation", "system": system, "user": user}
        case TrueFilterConfig():
            return {"filter": "true"}
        case FalseFilterConfig():
            return {"filter": "false"}
