"""Rules in the administration API: filter and action as types of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from xml.etree.ElementTree import Element

from infra.local.servicebus.broker import InvalidArgument
from infra.local.servicebus.filters import (
    CORRELATION_FIELDS,
    CorrelationFilterConfig,
    FalseFilterConfig,
    FilterConfig,
    SqlFilterConfig,
    TrueFilterConfig,
)
from infra.local.servicebus.server.administration.atom import instant
from infra.local.servicebus.server.administration.values import read_pairs, write_pairs
from infra.local.servicebus.server.administration.xml import element, find, text_of, type_of
from infra.local.servicebus.settings import RuleConfig

RULE = "RuleDescription"
_COMPATIBILITY = "20"  # the only level there is


def read_rule(name: str, source: Element) -> RuleConfig:
    """Return the rule described; what has no filter selects everything. Raises InvalidArgument,
    but does not look into expressions."""
    holder = find(source, "Filter")
    filter_ = TrueFilterConfig() if holder is None else _read_filter(holder)
    action = find(source, "Action")
    if action is None or type_of(action) == "EmptyRuleAction":
        return RuleConfig(name, filter_)
    if type_of(action) != "SqlRuleAction":
        raise InvalidArgument(f"Action: there is no type '{type_of(action)}'.")
    return RuleConfig(name, filter_, _expression(action), read_pairs(action, "Parameters"))


def _read_filter(source: Element) -> FilterConfig:
    kind = type_of(source)
    if kind not in _READERS:
        raise InvalidArgument(f"Filter: '{kind}' is none of the types {', '.join(_READERS)}.")
    return _READERS[kind](source)


def _expression(source: Element) -> str:
    found = find(source, "SqlExpression")
    if found is None:
        raise InvalidArgument("A SQL filter or action needs a SqlExpression.")
    return text_of(found)


def _correlation(source: Element) -> CorrelationFilterConfig:
    found = {field: find(source, name) for name, field in CORRELATION_FIELDS.items()}
    system = {field: text_of(each) for field, each in found.items() if each is not None}
    return CorrelationFilterConfig(system, read_pairs(source, "Properties"))


_READERS: dict[str, Callable[[Element], FilterConfig]] = {
    "SqlFilter": lambda source: SqlFilterConfig(
        _expression(source), read_pairs(source, "Parameters")
    ),
    "TrueFilter": lambda _: TrueFilterConfig(),
    "FalseFilter": lambda _: FalseFilterConfig(),
    "CorrelationFilter": _correlation,
}


def write_rule(rule: RuleConfig, created: int) -> list[Element]:
    """Return the elements of a RuleDescription; `created` in ms since the epoch."""
    if rule.action is None:
        action = element("Action", "", {"i:type": "EmptyRuleAction"})
    else:
        action = _typed("Action", "SqlRuleAction", _sql(rule.action, rule.action_parameters))
    return [
        _write_filter(rule.filter),
        action,
        element("CreatedAt", instant(created)),
        element("Name", rule.name),
    ]


def _write_filter(filter_: FilterConfig) -> Element:
    match filter_:
        case SqlFilterConfig(expression, parameters):
            return _typed("Filter", "SqlFilter", _sql(expression, parameters))
        case TrueFilterConfig():
            return _typed("Filter", "TrueFilter", _sql("1=1", {}))
        case FalseFilterConfig():
            return _typed("Filter", "FalseFilter", _sql("1=0", {}))
        case CorrelationFilterConfig(system, user):
            fields = [
                element(name, str(system[field]))
                for name, field in CORRELATION_FIELDS.items()
                if system.get(field) is not None
            ]
            return _typed("Filter", "CorrelationFilter", [*fields, write_pairs("Properties", user)])


def _typed(tag: str, kind: str, content: list[Element]) -> Element:
    return element(tag, content, {"i:type": kind})


def _sql(expression: str, parameters: dict[str, Any]) -> list[Element]:
    return [
        element("SqlExpression", expression),
        element("CompatibilityLevel", _COMPATIBILITY),
        write_pairs("Parameters", parameters),
    ]
