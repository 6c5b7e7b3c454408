"""A client as the scenarios see it, whichever SDK does the work in its own process."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from itertools import count
from typing import Any

from tests.contract.servicebus.broker import Broker, Subscription
from tests.contract.servicebus.messages import (
    Message,
    Received,
    as_received,
    as_sent,
    tagged,
    texts,
    untagged,
)
from tests.contract.servicebus.process import DriverProcess

Entity = str | Subscription

PATIENCE = 30
"""Seconds a scenario waits for what must come; no scenario waits for as long for what must not."""


class Client:
    """One connection string in one SDK. `rules_by_link`: the SDK keeps rules over `$management`;
    else its administration client does."""

    _names = count(1)

    def __init__(
        self, driver: DriverProcess, broker: Broker, *, web_socket: bool, rules_by_link: bool
    ) -> None:
        self._driver = driver
        self._broker = broker
        self._web_socket = web_socket
        self._rules_by_link = rules_by_link
        self._name = f"client-{next(self._names)}"
        self._policy: tuple[str, str] | None = None
        self._opened = False
        self._admin: Admin | None = None
        self._others: list[Client] = []

    async def open(
        self,
        *,
        retries: int = 0,
        policy: tuple[str, str] | None = None,
        web_socket: bool = False,
        **options: Any,
    ) -> Client:
        """Connect; without retries, which would only hide or delay what the broker answered.

        `policy`: name and key instead of those in the broker's connection string. `timeout`: s."""
        self._policy = policy
        connection = self._connection(web_socket=web_socket or self._web_socket)
        await self._driver.ask(
            "open_client", **{"as": self._name, "retries": retries} | connection | options
        )
        self._opened = True
        return self

    async def another(self, **options: Any) -> Client:
        """Return a second client of the same SDK, on connections of its own."""
        other = Client(
            self._driver, self._broker,
            web_socket=self._web_socket, rules_by_link=self._rules_by_link,
        )  # fmt: skip
        self._others.append(other)
        return await other.open(**options)

    async def sender(self, entity: str) -> Sender:
        sender = Sender(self._driver, f"sender-{next(self._names)}")
        await sender.ask_on(await self._connected(), "open_sender", entity=entity)
        return sender

    async def receiver(self, entity: Entity, **options: Any) -> Receiver:
        """`mode` peek-lock or receive-and-delete, `sub_queue` dead-letter, `prefetch`."""
        return await self._receiver(entity, options)

    async def session(self, entity: Entity, session: str, **options: Any) -> Receiver:
        return await self._receiver(entity, {"session": session, **options})

    async def next_session(self, entity: Entity, *, wait: float, **options: Any) -> Receiver:
        """Accept whichever session is free, waiting at most this many seconds."""
        return await self._receiver(entity, {"next_session": True, "wait": wait, **options})

    async def _receiver(self, entity: Entity, options: dict[str, Any]) -> Receiver:
        receiver = Receiver(self._driver, f"receiver-{next(self._names)}")
        defaults = {"mode": "peek-lock", "prefetch": 0}
        receiver.accepted = await receiver.ask_on(
            await self._connected(), "open_receiver", entity=_path(entity), **defaults | options
        )
        return receiver

    async def pair(self, entity: str, **options: Any) -> tuple[Sender, Receiver]:
        """Open both at the same time: an SDK may spend half a second on a connection."""
        await self._connected()
        return await asyncio.gather(self.sender(entity), self.receiver(entity, **options))

    async def admin(self) -> Admin:
        if self._admin is None:
            self._admin = Admin(self._driver, f"admin-{next(self._names)}")
            await self._driver.ask(
                "open_admin", **{"as": self._admin.name},
                **self._connection(secure=True),
            )  # fmt: skip
        return self._admin

    async def rules(self, subscription: Subscription) -> Rules:
        on = await self._connected() if self._rules_by_link else (await self.admin()).name
        return Rules(self._driver, on, subscription)

    async def list_sessions(self, entity: Entity, *, since: int | None = None) -> list[str]:
        found: list[str] = await self._driver.ask(
            "list_sessions", await self._connected(), entity=_path(entity), since=since
        )
        return found

    async def close(self) -> None:
        for other in self._others:
            await other.close()
        if self._admin is not None:
            await self._driver.ask("close", self._admin.name, name=self._admin.name)
        if self._opened:
            self._opened = False
            await self._driver.ask("close", self._name, name=self._name)

    def _connection(self, **how: bool) -> dict[str, Any]:
        connection = self._broker.connection(**how)
        if self._policy is None:
            return connection
        text = connection["connection_string"]
        for part, value in zip(("KeyName", "Key"), self._policy, strict=True):
            text = re.sub(f"SharedAccess{part}=[^;]*", f"SharedAccess{part}={value}", text)
        return {**connection, "connection_string": text}

    async def _connected(self) -> str:
        if not self._opened:
            await self.open()
        return self._name


class _Opened:
    def __init__(self, driver: DriverProcess, name: str) -> None:
        self._driver = driver
        self.name = name

    async def ask_on(self, on: str, op: str, **args: Any) -> Any:
        return await self._driver.ask(op, on, **{"as": self.name}, **args)

    async def _ask(self, op: str, **args: Any) -> Any:
        return await self._driver.ask(op, self.name, **args)

    async def close(self) -> None:
        await self._ask("close", name=self.name)


class Sender(_Opened):
    async def send(self, *sent: Message) -> None:
        """Each by itself, in order."""
        for message in sent:
            await self._ask("send", message=as_sent(message))

    async def send_list(self, sent: Sequence[Message]) -> None:
        await self._ask("send_list", messages=[as_sent(message) for message in sent])

    async def send_batch(self, sent: Sequence[Message]) -> tuple[int, int]:
        """Send the first that fit in one batch; return how many, and the batch's limit in bytes."""
        found = await self._ask("send_batch", messages=[as_sent(message) for message in sent])
        return found["sent"], found["limit"]

    async def schedule(self, sent: Sequence[Message], *, at: int) -> list[int]:
        """Return sequence numbers; `at` is ms since the epoch."""
        found: list[int] = await self._ask(
            "schedule", messages=[as_sent(message) for message in sent], at=at
        )
        return found

    async def cancel(self, *numbers: int) -> None:
        await self._ask("cancel", numbers=numbers)


class Receiver(_Opened):
    """`accepted`: of a session, its `id` and `locked_until`."""

    accepted: dict[str, Any] | None = None

    async def receive(self, wanted: int = 1, *, wait: float = PATIENCE) -> list[Received]:
        """Return exactly so many messages, asking until they are there; fewer is a failure."""
        got: list[Received] = []
        while len(got) < wanted:
            more = await self.once(wanted - len(got), wait=wait)
            assert more, f"only {len(got)} of {wanted} messages came: {texts(got)}"
            got += more
        return got

    async def one(self, *, wait: float = PATIENCE) -> Received:
        [message] = await self.receive(wait=wait)
        return message

    async def once(self, most: int, *, wait: float = PATIENCE) -> list[Received]:
        """Ask once, waiting at most so many seconds for the first; may be none."""
        return self._received(await self._ask("receive", count=most, wait=wait))

    async def nothing(self) -> bool:
        return not await self.once(1, wait=0.3)

    async def deferred(self, *numbers: int) -> list[Received]:
        return self._received(await self._ask("receive_deferred", numbers=numbers))

    async def peek(self, most: int = 100, *, start: int = 1) -> list[Received]:
        """Browse from the sequence number `start`."""
        return self._received(await self._ask("peek", count=most, start=start))

    async def peek_on(self, most: int) -> list[Received]:
        """Browse on from where this receiver's last browse ended."""
        return self._received(await self._ask("peek", count=most, start=None))

    async def complete(self, *received: Received) -> None:
        for message in received:
            await self._ask("complete", message=message.reference)

    async def abandon(self, message: Received, properties: dict[str, Any] | None = None) -> None:
        await self._ask("abandon", message=message.reference, properties=properties)

    async def defer(self, message: Received, properties: dict[str, Any] | None = None) -> None:
        await self._ask("defer", message=message.reference, properties=properties)

    async def dead_letter(
        self,
        message: Received,
        reason: str = "reason",
        description: str = "description",
        properties: dict[str, Any] | None = None,
    ) -> None:
        await self._ask(
            "dead_letter", message=message.reference, reason=reason, description=description,
            properties=properties or {},
        )  # fmt: skip

    async def renew_lock(self, message: Received) -> int:
        """Return the lock's new end, ms since the epoch."""
        until: int = await self._ask("renew_lock", message=message.reference)
        return until

    async def renew_session(self) -> int:
        until: int = await self._ask("renew_session")
        return until

    async def state(self) -> bytes | None:
        found = untagged(await self._ask("get_session_state"))
        assert found is None or isinstance(found, bytes)
        return found

    async def set_state(self, state: bytes | None) -> None:
        await self._ask("set_session_state", state=tagged(state))

    def _received(self, found: list[dict[str, Any]]) -> list[Received]:
        return [as_received(each) for each in found]


class Rules:
    """Of one subscription. A filter is `{"sql": …}`, `{"true": None}`, `{"false": None}` or
    `{"correlation": {"subject": …, "properties": {…}}}`."""

    def __init__(self, driver: DriverProcess, on: str, subscription: Subscription) -> None:
        self._driver = driver
        self._on = on
        self._path = list(subscription)

    async def add(self, name: str, filter_: dict[str, Any], action: str | None = None) -> None:
        await self._driver.ask(
            "add_rule", self._on, entity=self._path, name=name, filter=filter_, action=action
        )

    async def remove(self, name: str) -> None:
        await self._driver.ask("remove_rule", self._on, entity=self._path, name=name)

    async def list(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = await self._driver.ask(
            "list_rules", self._on, entity=self._path
        )
        return found


class Admin(_Opened):
    """The SDK's administration client. `path`: the names from the topic down; properties in
    Python's spelling, durations in ISO 8601."""

    async def create(self, kind: str, *path: str, **properties: Any) -> None:
        await self._ask("admin_create", kind=kind, path=path, properties=properties)

    async def get(self, kind: str, path: Sequence[str], *wanted: str) -> dict[str, Any]:
        found: dict[str, Any] = await self._ask("admin_get", kind=kind, path=path, wanted=wanted)
        return found

    async def runtime(self, kind: str, path: Sequence[str], *wanted: str) -> dict[str, Any]:
        found: dict[str, Any] = await self._ask(
            "admin_runtime", kind=kind, path=path, wanted=wanted
        )
        return found

    async def update(self, kind: str, *path: str, **properties: Any) -> None:
        await self._ask("admin_update", kind=kind, path=path, properties=properties)

    async def delete(self, kind: str, *path: str) -> None:
        await self._ask("admin_delete", kind=kind, path=path)

    async def list(self, kind: str, *path: str) -> list[str]:
        found: list[str] = await self._ask("admin_list", kind=kind, path=path)
        return found

    async def namespace(self, *wanted: str) -> dict[str, Any]:
        found: dict[str, Any] = await self._ask("admin_namespace", wanted=wanted)
        return found


def _path(entity: Entity) -> str | list[str]:
    return entity if isinstance(entity, str) else list(entity)
