"""Topics, subscriptions and rules as `infra/topology.json` states them.

The file has the shape of the official emulator's Config.json; Bicep, the official emulator and the
local bus read the same one. Only what our services depend on is read here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.bus.message import LANE, RETRY_FOR
from shared.events import BACKFILL

BACKFILL_SUFFIX = f"-{BACKFILL}"
"""What the subscription for a topic's late facts is called beyond the one for live ones."""


class InvalidTopology(ValueError):
    """The file cannot carry addressed retries, or is no topology at all."""


@dataclass(frozen=True, slots=True)
class Topology:
    """`topics[topic][subscription]` is the list of SQL expressions of that subscription's rules."""

    topics: Mapping[str, Mapping[str, tuple[str, ...]]]

    @classmethod
    def load(cls, path: Path) -> Topology:
        """Read the file; raises InvalidTopology naming the entity that is wrong."""
        try:
            namespaces = json.loads(path.read_text("utf-8"))["UserConfig"]["Namespaces"]
            topics = {
                topic["Name"]: {each["Name"]: _rules(each) for each in topic["Subscriptions"]}
                for namespace in namespaces
                for topic in namespace["Topics"]
            }
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InvalidTopology(f"{path}: {type(error).__name__}: {error}") from error
        topology = cls(topics)
        topology._check_retry_rules(path)
        return topology

    def has(self, topic: str, subscription: str) -> bool:
        """Whether the subscription exists on the topic."""
        return subscription in self.topics.get(topic, {})

    def _check_retry_rules(self, path: Path) -> None:
        """Each subscription has exactly its addressed-retry rule: any other rule beside it would
        let copies through that are meant for its neighbours."""
        for topic, subscriptions in self.topics.items():
            for name, rules in subscriptions.items():
                wanted = retry_rule(name, has_backfill=name + BACKFILL_SUFFIX in subscriptions)
                if rules != (wanted,):
                    raise InvalidTopology(
                        f"{path}: subscription {topic}/{name} needs exactly the rule "
                        f"{wanted!r}, it has {list(rules)!r}"
                    )


def retry_rule(subscription: str, *, has_backfill: bool = False) -> str:
    """Return the SQL filter that lets through what is for everyone and the own retries.

    Beside a backfill subscription the one for live facts leaves the late ones to it.
    """
    own = f"[{RETRY_FOR}] = '{subscription}'"
    if subscription.endswith(BACKFILL_SUFFIX):
        return f"([{RETRY_FOR}] IS NULL AND [{LANE}] = '{BACKFILL}') OR {own}"
    if has_backfill:
        return f"([{RETRY_FOR}] IS NULL AND [{LANE}] IS NULL) OR {own}"
    return f"[{RETRY_FOR}] IS NULL OR {own}"


def _rules(subscription: Mapping[str, Any]) -> tuple[str, ...]:
    rules = [rule["Properties"] for rule in subscription.get("Rules", [])]
    return tuple(
        rule["SqlFilter"]["SqlExpression"] if rule["FilterType"] == "Sql" else str(rule)
        for rule in rules
    )
