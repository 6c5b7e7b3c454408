"""A Service Bus that is not ours: entities made through its administration API, real time."""

from __future__ import annotations

import asyncio
import re
import time
import uuid
from typing import Any

from azure.servicebus.aio.management import ServiceBusAdministrationClient
from azure.servicebus.management import CorrelationRuleFilter, SqlRuleAction, SqlRuleFilter

from tests.contract.servicebus.broker import Broker


class RemoteBroker(Broker):
    """Everything it made is deleted on stop."""

    def __init__(self, connection_string: str, admin: ServiceBusAdministrationClient) -> None:
        super().__init__()
        self._connection_string = connection_string
        self._admin = admin
        self._made: list[tuple[str, str]] = []

    def name(self, kind: str) -> str:
        return f"tillbus-contract-{kind}-{uuid.uuid4().hex[:12]}"

    def connection(self, *, web_socket: bool = False, secure: bool = False) -> dict[str, Any]:
        return {"connection_string": self._connection_string, "web_socket": web_socket}

    async def create(self, kind: str, entity: dict[str, Any]) -> None:
        name, properties = entity["Name"], _settings(entity["Properties"])
        self._made.append((kind, name))
        if kind == "Queues":
            await self._admin.create_queue(name, **properties)
            return
        await self._admin.create_topic(name, **properties)
        for each in entity["Subscriptions"]:
            await self._admin.create_subscription(
                name, each["Name"], **_settings(each["Properties"])
            )
            for rule in each["Rules"]:
                await self._create_rule(name, each["Name"], rule)
            if each["Rules"]:
                await self._admin.delete_rule(name, each["Name"], "$Default")

    async def _create_rule(self, topic: str, subscription: str, rule: dict[str, Any]) -> None:
        described = rule["Properties"]
        if described["FilterType"] == "Sql":
            filter_: Any = SqlRuleFilter(described["SqlFilter"]["SqlExpression"])
        else:
            filter_ = CorrelationRuleFilter(**_settings(described["CorrelationFilter"]))
        action = described.get("Action")
        await self._admin.create_rule(
            topic,
            subscription,
            rule["Name"],
            filter=filter_,
            action=None if action is None else SqlRuleAction(action["SqlExpression"]),
        )

    def now(self) -> int:
        return time.time_ns() // 1_000_000

    async def forward(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def restart(self) -> None:
        raise NotImplementedError

    async def stop(self) -> None:
        for kind, name in reversed(self._made):
            delete = self._admin.delete_queue if kind == "Queues" else self._admin.delete_topic
            await delete(name)


def _settings(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower(): value for name, value in properties.items()
    }
