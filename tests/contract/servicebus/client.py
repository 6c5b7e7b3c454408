"""A client as the scenarios see it, whichever SDK does the work in its own process."""

from __future__ import annotations

import asyncio
import base64
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

from tests.contract.servicebus.broker import Broker, Subscription

_REPOSITORY = Path(__file__).parents[3]
_LONGEST_LINE = 16 * 1024 * 1024
_ANSWER_SECONDS = 45

Entity = str | Subscription


class Refused(Exception):
    """The SDK raised; `code` is the short name of the AMQP condition, or `http-` and a status."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code


@dataclass(frozen=True)
class Time:
    """An AMQP timestamp to send; it comes back as its ms."""

    ms: int


@dataclass(frozen=True, kw_only=True)
class Message:
    """To be sent. `body`: bytes or text go as a data section, `value` and `sequence` as theirs.

    Durations and times are ms."""

    body: bytes | str = b""
    value: Any = None
    sequence: Sequence[Any] | None = None
    message_id: str | int | UUID | bytes | None = None
    subject: str | None = None
    content_type: str | None = None
    correlation_id: str | None = None
    to: str | None = None
    reply_to: str | None = None
    reply_to_session_id: str | None = None
    session_id: str | None = None
    partition_key: str | None = None
    time_to_live: int | None = None
    scheduled_at: int | None = None
    properties: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Received(Message):
    """`reference` is how the driver knows it."""

    reference: int
    annotations: dict[str, Any]
    sequence_number: int
    enqueued_sequence_number: int | None = None
    delivery_count: int = 0
    enqueued_at: int | None = None
    expires_at: int | None = None
    locked_until: int | None = None
    lock_token: str | None = None
    state: str = "active"
    dead_letter_reason: str | None = None
    dead_letter_description: str | None = None
    dead_letter_source: str | None = None

    @property
    def text(self) -> str:
        return self.body.decode() if isinstance(self.body, bytes) else self.body


def messages(*bodies: str, **same: Any) -> list[Message]:
    return [Message(body=body, **same) for body in bodies]


def texts(received: Sequence[Received]) -> list[str]:
    return [message.text for message in received]


class DriverProcess:
    """The child process of one SDK: many requests at a time, answered in any order."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._numbers = count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, command: Sequence[str], environment: dict[str, str]) -> DriverProcess:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=_LONGEST_LINE,
            cwd=_REPOSITORY,
            env={**os.environ, "PYTHONPATH": str(_REPOSITORY), **environment},
        )
        return cls(process)

    async def ask(self, op: str, on: str | None = None, /, **args: Any) -> Any:
        """Return the result; raises Refused with what the SDK raised."""
        assert self._process.stdin is not None
        number = next(self._numbers)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        request = {"id": number, "op": op, "on": on or "", "args": args}
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        await self._process.stdin.drain()
        async with asyncio.timeout(_ANSWER_SECONDS):
            found = await answer
        if "error" in found:
            raise Refused(**found["error"])
        return found["result"]

    async def _read(self) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            answer = json.loads(line)
            waiting = self._waiting.pop(answer["id"])
            if not waiting.done():
                waiting.set_result(answer)
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(ConnectionError("the driver process has ended"))

    async def stop(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            async with asyncio.timeout(5):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        await self._reading


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
        self._opened = False
        self._admin: Admin | None = None
        self._others: list[Client] = []

    async def open(self, *, retries: int = 0, **options: Any) -> Client:
        """Connect; without retries, which would only hide or delay what the broker answered."""
        connection = self._broker.connection(web_socket=self._web_socket)
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
                **self._broker.connection(secure=True),
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
            await self._ask("send", message=_message(message))

    async def send_list(self, sent: Sequence[Message]) -> None:
        await self._ask("send_list", messages=[_message(message) for message in sent])

    async def send_batch(self, sent: Sequence[Message]) -> tuple[int, int]:
        """Send the first that fit in one batch; return how many, and the batch's limit in bytes."""
        found = await self._ask("send_batch", messages=[_message(message) for message in sent])
        return found["sent"], found["limit"]

    async def schedule(self, sent: Sequence[Message], *, at: int) -> list[int]:
        """Return sequence numbers; `at` is ms since the epoch."""
        found: list[int] = await self._ask(
            "schedule", messages=[_message(message) for message in sent], at=at
        )
        return found

    async def cancel(self, *numbers: int) -> None:
        await self._ask("cancel", numbers=numbers)


class Receiver(_Opened):
    """`accepted`: of a session, its `id` and `locked_until`."""

    accepted: dict[str, Any] | None = None

    async def receive(self, wanted: int = 1, *, wait: float = 5) -> list[Received]:
        """Return exactly so many messages, asking until they are there; fewer is a failure."""
        got: list[Received] = []
        while len(got) < wanted:
            more = await self.once(wanted - len(got), wait=wait)
            assert more, f"only {len(got)} of {wanted} messages came: {texts(got)}"
            got += more
        return got

    async def one(self, *, wait: float = 5) -> Received:
        [message] = await self.receive(wait=wait)
        return message

    async def once(self, most: int, *, wait: float = 5) -> list[Received]:
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
        found = _untagged(await self._ask("get_session_state"))
        assert found is None or isinstance(found, bytes)
        return found

    async def set_state(self, state: bytes | None) -> None:
        await self._ask("set_session_state", state=_tagged(state))

    def _received(self, found: list[dict[str, Any]]) -> list[Received]:
        return [_as_received(each) for each in found]


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


def _tagged(value: Any) -> Any:
    match value:
        case bytes():
            return {"bytes": base64.b64encode(value).decode()}
        case UUID():
            return {"uuid": str(value)}
        case Time():
            return {"time": value.ms}
        case list() | tuple():
            return [_tagged(each) for each in value]
        case dict():
            return {"map": {key: _tagged(held) for key, held in value.items()}}
    return value


def _untagged(value: Any) -> Any:
    if isinstance(value, list):
        return [_untagged(each) for each in value]
    if not isinstance(value, dict):
        return value
    [(tag, held)] = value.items()
    if tag == "map":
        return {key: _untagged(each) for key, each in held.items()}
    return base64.b64decode(held) if tag == "bytes" else UUID(held)


def _message(message: Message) -> dict[str, Any]:
    given = {
        each.name: _tagged(value)
        for each in fields(message)
        if each.name not in ("body", "value", "sequence", "properties")
        and (value := getattr(message, each.name)) is not None
    }
    if message.properties:
        given["properties"] = {key: _tagged(value) for key, value in message.properties.items()}
    return {**given, "body": _body(message)}


def _body(message: Message) -> dict[str, Any]:
    if message.sequence is not None:
        return {"sequence": _tagged(message.sequence)}
    if message.value is not None:
        return {"value": _tagged(message.value)}
    body = message.body.encode() if isinstance(message.body, str) else message.body
    return {"data": [_tagged(body)]}


def _as_received(found: dict[str, Any]) -> Received:
    known = {each.name for each in fields(Received)}
    [(kind, held)] = found.pop("body").items()
    content = _untagged(held)
    body = {"body": content[0]} if kind == "data" else {kind: content}
    for name in ("properties", "annotations"):
        found[name] = {key: _untagged(value) for key, value in found[name].items()}
    found["message_id"] = _untagged(found.get("message_id"))
    return Received(**body, **{name: value for name, value in found.items() if name in known})
