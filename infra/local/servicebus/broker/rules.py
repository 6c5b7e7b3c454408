"""The rules of a subscription: which messages it gets, and how they are changed for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from infra.local.servicebus.broker.errors import (
    EntityAlreadyExists,
    EntityNotFound,
    InvalidArgument,
)
from infra.local.servicebus.filters import (
    ActionChanges,
    FilterSyntaxError,
    MessageView,
    TrueFilterConfig,
    compile_action,
    compile_filter,
)
from infra.local.servicebus.settings import (
    DEFAULT_RULE_NAME,
    RuleConfig,
)

RULE_NAME = "RuleName"


class Copy(NamedTuple):
    """One copy of a message for a subscription; None means the sender's section unchanged."""

    application_properties: dict[str, Any] | None = None
    property_changes: dict[str, Any] | None = None

    def fields(self, carried: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return BrokerMessage's fields: those the message brings along, changed for the copy."""
        if self is UNCHANGED:
            return carried
        changes = {**(carried.get("property_changes") or {}), **(self.property_changes or {})}
        return {
            **carried,
            "application_properties": self.application_properties,
            "property_changes": changes or None,
        }


UNCHANGED = Copy()


class Rule:
    """Raises InvalidArgument when filter or action do not compile."""

    def __init__(self, config: RuleConfig) -> None:
        self.config = config
        try:
            self.matches: Callable[[MessageView], bool] = compile_filter(config.filter)
            self.change: Callable[[MessageView], ActionChanges] | None = (
                compile_action(config.action, config.action_parameters) if config.action else None
            )
        except FilterSyntaxError as error:
            raise InvalidArgument(f"Rule '{config.name}': {error}") from error


class RuleSet:
    def __init__(self, address: str, rules: Iterable[RuleConfig]) -> None:
        self._address = address
        self._rules: dict[str, Rule] = {}
        for rule in tuple(rules) or (RuleConfig(DEFAULT_RULE_NAME),):
            self.put(rule)

    def configs(self) -> list[RuleConfig]:
        return [rule.config for rule in self._rules.values()]

    def add(self, config: RuleConfig) -> None:
        if config.name.lower() in self._rules:
            raise EntityAlreadyExists(f"'{self._address}' already has a rule '{config.name}'.")
        self.put(config)

    def update(self, config: RuleConfig) -> None:
        """The rule is the last one from now on."""
        rule = Rule(config)
        self.remove(config.name)
        self._rules[config.name.lower()] = rule
        self._set_takes_all()

    def put(self, config: RuleConfig) -> None:
        self._rules[config.name.lower()] = Rule(config)
        self._set_takes_all()

    def remove(self, name: str, *, missing_ok: bool = False) -> None:
        if self._rules.pop(name.lower(), None) is None and not missing_ok:
            raise EntityNotFound(f"{self._address}/Rules/{name}")
        self._set_takes_all()

    def _set_takes_all(self) -> None:
        """One rule that selects everything is by far the commonest case."""
        rules = self.configs()
        self._takes_all = (
            len(rules) == 1
            and isinstance(rules[0].filter, TrueFilterConfig)
            and rules[0].action is None
        )

    def copies(self, view: MessageView) -> list[Copy]:
        """Return the copies the subscription gets: one together for the matching rules without
        an action, one more for each with an action, carrying the property RuleName (Microsoft:
        topic filters and actions). Raises FilterError."""
        if self._takes_all:
            return [UNCHANGED]
        plain = False
        changed: list[Copy] = []
        for rule in self._rules.values():
            if not rule.matches(view):
                continue
            if rule.change is None:
                plain = True
            else:
                changes = rule.change(view)
                named = {**changes.application_properties, RULE_NAME: rule.config.name}
                changed.append(Copy(named, changes.properties or None))
        return [UNCHANGED, *changed] if plain else changed
