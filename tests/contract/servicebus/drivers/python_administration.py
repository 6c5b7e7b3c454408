"""What the Python drivers do with the administration client when asked.

`kind` is queue, topic or subscription; `path` the names from the topic down.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from azure.servicebus.management import (
    CorrelationRuleFilter,
    FalseRuleFilter,
    SqlRuleAction,
    SqlRuleFilter,
    TrueRuleFilter,
)

from tests.contract.servicebus.drivers.python_driver import Args, Driver, Steps, operation
from tests.contract.servicebus.drivers.python_values import plain


@operation
def admin_create(driver: Driver, admin: Any, args: Args) -> Steps:
    properties = {name: _setting(value) for name, value in args["properties"].items()}
    yield getattr(admin, f"create_{args['kind']}")(*args["path"], **properties)


@operation
def admin_get(driver: Driver, admin: Any, args: Args) -> Steps:
    found = yield getattr(admin, f"get_{args['kind']}")(*args["path"])
    return {name: plain(getattr(found, name)) for name in args["wanted"]}


@operation
def admin_runtime(driver: Driver, admin: Any, args: Args) -> Steps:
    found = yield getattr(admin, f"get_{args['kind']}_runtime_properties")(*args["path"])
    return {name: plain(getattr(found, name)) for name in args["wanted"]}


@operation
def admin_update(driver: Driver, admin: Any, args: Args) -> Steps:
    *parents, _name = args["path"]
    found = yield getattr(admin, f"get_{args['kind']}")(*args["path"])
    for name, value in args["properties"].items():
        setattr(found, name, _setting(value))
    yield getattr(admin, f"update_{args['kind']}")(*parents, found)


@operation
def admin_delete(driver: Driver, admin: Any, args: Args) -> Steps:
    yield getattr(admin, f"delete_{args['kind']}")(*args["path"])


@operation
def admin_list(driver: Driver, admin: Any, args: Args) -> Steps:
    found = yield getattr(admin, f"list_{args['kind']}s")(*args["path"])
    return [entity.name for entity in found]


@operation
def admin_namespace(driver: Driver, admin: Any, args: Args) -> Steps:
    found = yield admin.get_namespace_properties()
    return {name: plain(getattr(found, name)) for name in args["wanted"]}


@operation
def add_rule(driver: Driver, admin: Any, args: Args) -> Steps:
    filter_, action = args["filter"], args.get("action")
    yield admin.create_rule(
        *args["entity"],
        args["name"],
        filter=_setting(filter_),
        action=None if action is None else SqlRuleAction(action),
    )


@operation
def remove_rule(driver: Driver, admin: Any, args: Args) -> Steps:
    yield admin.delete_rule(*args["entity"], args["name"])


@operation
def list_rules(driver: Driver, admin: Any, args: Args) -> Steps:
    found = yield admin.list_rules(*args["entity"])
    return [{"name": rule.name, **_filter(rule.filter), **_action(rule.action)} for rule in found]


def _filter(found: Any) -> dict[str, Any]:
    if isinstance(found, CorrelationRuleFilter):
        return {"correlation": {"subject": found.label, "properties": dict(found.properties or {})}}
    # The SDK's true and false filters are SQL filters too.
    return {"sql": found.sql_expression}


def _action(found: Any) -> dict[str, Any]:
    expression = getattr(found, "sql_expression", None)
    return {} if expression is None else {"action": expression}


_FILTERS: dict[str, Callable[[Any], Any]] = {
    "sql": SqlRuleFilter,
    "true": lambda _none: TrueRuleFilter(),
    "false": lambda _none: FalseRuleFilter(),
    "correlation": lambda wanted: CorrelationRuleFilter(
        label=wanted.get("subject"), properties=wanted.get("properties", {})
    ),
}


def _setting(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    [(kind, wanted)] = value.items()
    return _FILTERS[kind](wanted)
