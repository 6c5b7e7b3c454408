"""The Service Bus under test, as the scenarios see it: entities of their own, and time that passes.

Entities are described in the words of the official emulator's Config.json, which fits every broker.
"""

from __future__ import annotations

import shutil
import tempfile
from abc import ABC, abstractmethod
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from infra.local.platform.ports import kept_port
from infra.local.servicebus import LocalServiceBus, ManualClock
from infra.local.servicebus.config import parse_config
from infra.local.servicebus.settings import AuthorizationRule

_AHEAD_SECONDS = 50
"""How much later it is on the bus where it has messages to lock. Its clock stands still while a
scenario works; an SDK asks its own whether a lock has ended, and that shall not be the case however
slow the machine is. Administration clients sign their tokens for five minutes only."""


class Subscription(NamedTuple):
    topic: str
    name: str


class Broker(ABC):
    """`forward` is how a scenario waits: the local bus moves its clock, others really wait."""

    def __init__(self) -> None:
        self._numbers = count(1)

    def name(self, kind: str) -> str:
        """Return a name no entity has yet."""
        return f"{kind}-{next(self._numbers)}"

    async def queue(self, **properties: Any) -> str:
        """Create a queue with these Config.json properties; return its name."""
        name = self.name("queue")
        await self.create("Queues", {"Name": name, "Properties": properties})
        return name

    async def topic(
        self, *subscriptions: dict[str, Any], **properties: Any
    ) -> tuple[str, list[Subscription]]:
        """Create a topic with subscriptions from `subscription`; return both."""
        name = self.name("topic")
        await self.create(
            "Topics",
            {"Name": name, "Properties": properties, "Subscriptions": list(subscriptions)},
        )
        return name, [Subscription(name, each["Name"]) for each in subscriptions]

    @abstractmethod
    def connection(self, *, web_socket: bool = False, secure: bool = False) -> dict[str, Any]:
        """Return how a client connects: `connection_string`, and where it needs them `ca_file`,
        `web_socket` and `custom_endpoint`. `secure`: over TLS, as administration clients do."""

    def policy(self, right: str) -> tuple[str, str]:
        """Return name and key of a policy with this right only: Listen or Send."""
        raise NotImplementedError

    @abstractmethod
    async def create(self, kind: str, entity: dict[str, Any]) -> None:
        """Create one of Config.json's Queues or Topics."""

    @abstractmethod
    def now(self) -> int:
        """Return the broker's time, ms since the epoch."""

    @abstractmethod
    async def forward(self, seconds: float) -> None:
        """Return when so much time has passed at the broker."""

    @abstractmethod
    async def restart(self) -> None:
        """Stop and start it again; whoever cannot is in needs.py."""

    @abstractmethod
    async def stop(self) -> None: ...


def subscription(name: str, *rules: dict[str, Any], **properties: Any) -> dict[str, Any]:
    return {"Name": name, "Properties": properties, "Rules": list(rules)}


def sql_rule(name: str, expression: str, action: str | None = None) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "FilterType": "Sql",
        "SqlFilter": {"SqlExpression": expression},
    }
    if action is not None:
        properties["Action"] = {"SqlExpression": action}
    return {"Name": name, "Properties": properties}


def correlation_rule(name: str, **conditions: Any) -> dict[str, Any]:
    properties = {"FilterType": "Correlation", "CorrelationFilter": conditions}
    return {"Name": name, "Properties": properties}


class LocalBroker(Broker):
    """A bus in this process that checks keys, durable so that it can be restarted; `template` is
    copied into its data folder."""

    _POLICIES = tuple(
        AuthorizationRule(name, frozenset(rights), f"{name} primary", f"{name} secondary")
        for name, rights in {
            "RootManageSharedAccessKey": ("Listen", "Send", "Manage"),
            "Listen": ("Listen",),
            "Send": ("Send",),
        }.items()
    )

    def __init__(self, template: Path) -> None:
        super().__init__()
        self._clock = ManualClock()
        self._made: dict[str, list[dict[str, Any]]] = {"Queues": [], "Topics": []}
        self._data = tempfile.TemporaryDirectory(prefix="contract-")
        shutil.copytree(template, self._data.name, dirs_exist_ok=True)
        self._kept = ExitStack()
        self._port = self._kept.enter_context(kept_port())
        self._bus = self._new_bus()

    def _new_bus(self) -> LocalServiceBus:
        empty = {"UserConfig": {"Namespaces": [{"Name": "contract"}]}}
        return LocalServiceBus(
            empty,
            data=Path(self._data.name),
            clock=self._clock,
            amqp_port=self._port,
            keys=self._POLICIES,
        )

    def policy(self, right: str) -> tuple[str, str]:
        return right, f"{right} primary"

    async def start(self) -> LocalBroker:
        await self._bus.__aenter__()
        return self

    def connection(self, *, web_socket: bool = False, secure: bool = False) -> dict[str, Any]:
        if not web_socket and not secure:
            return {"connection_string": self._bus.connection_string}
        secured = {
            "connection_string": self._bus.tls_connection_string,
            "ca_file": str(self._bus.ca_file),
        }
        if not web_socket:
            return secured
        endpoint = f"sb://{self._bus.host}:{self._bus.amqp_port}"
        return {**secured, "web_socket": True, "custom_endpoint": endpoint}

    async def create(self, kind: str, entity: dict[str, Any]) -> None:
        if not any(self._made.values()):
            self._clock.forward(seconds=_AHEAD_SECONDS)
        # Read with what was made before: forwarding has to lead to something.
        self._made[kind].append(entity)
        config = parse_config({"UserConfig": {"Namespaces": [{"Name": "made", **self._made}]}})
        if kind == "Queues":
            self._bus.namespace.create_queue(config.queues[-1], self.now())
        else:
            self._bus.namespace.create_topic(config.topics[-1], self.now())
        await self._bus.advance()

    def now(self) -> int:
        return self._clock()

    async def forward(self, seconds: float) -> None:
        self._clock.forward(seconds=seconds)
        await self._bus.advance()

    async def restart(self) -> None:
        await self._bus.__aexit__(None, None, None)
        self._bus = self._new_bus()
        await self.start()

    async def stop(self) -> None:
        await self._bus.__aexit__(None, None, None)
        self._kept.close()
        self._data.cleanup()
