"""A bus and a worker in memory: what a trigger sees, without sockets and without an app."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from azure.servicebus import ServiceBusReceivedMessage

from infra.local.functions.app_settings import Connection
from infra.local.functions.functions import Function, ServiceBusTrigger
from infra.local.functions.protos import TypedData
from infra.local.functions.worker import InvocationResult
from infra.local.servicebus.amqp.encode import (
    encode_binary,
    encode_described,
    encode_list,
    encode_map,
    encode_value,
)
from infra.local.servicebus.amqp.values import Symbol, Timestamp, UInt

LOCK = timedelta(minutes=1)
TRACE = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"


def received(
    message_id: str = "m-1",
    *,
    body: bytes = b'{"total":"9.99"}',
    properties: Mapping[str, Any] | None = None,
    subject: str | None = None,
    correlation_id: str | None = None,
    failed_deliveries: int = 0,
    locked_for: timedelta = LOCK,
) -> ServiceBusReceivedMessage:
    """A message as the SDK receives it, read from the bytes a broker sends."""
    locked_until = datetime.now(timezone.utc) + locked_for
    annotations = {
        Symbol("x-opt-sequence-number"): 2**40,
        Symbol("x-opt-enqueued-time"): Timestamp(1_700_000_000_000),
        Symbol("x-opt-locked-until"): Timestamp(int(locked_until.timestamp() * 1000)),
    }
    fields = (message_id, None, None, subject, None, correlation_id)
    sections = [
        _list(0x70, None, None, None, None, UInt(failed_deliveries)),
        encode_described(0x71, encode_map({Symbol("x-opt-lock-token"): uuid.uuid4()})),
        encode_described(0x72, encode_map(annotations)),
        _list(0x73, *fields),
        encode_described(0x74, encode_map(dict(properties or {}))),
        encode_described(0x75, encode_binary(body)),
    ]
    return ServiceBusReceivedMessage.from_bytes(b"".join(sections))


def _list(code: int, *fields: object) -> bytes:
    return encode_described(code, encode_list([encode_value(f) for f in fields], len(fields)))


def trigger(**changes: Any) -> ServiceBusTrigger:
    given = {
        "argument": "messages",
        "connection": Connection(connection_string="Endpoint=sb://localhost"),
        "queue": None,
        "topic": "sale-completed",
        "subscription": "sales",
        "many": False,
        "binary": False,
        "deferred": False,
        "auto_complete": None,
    }
    return ServiceBusTrigger(**{**given, **changes})


def function(given: ServiceBusTrigger) -> Function:
    return Function(name="book_sales", function_id="1", trigger=given)


class MemorySource:
    """A `MessageSource` over a list; keeps what was settled how, in order."""

    def __init__(self, messages: Sequence[ServiceBusReceivedMessage] = ()) -> None:
        self.waiting = list(messages)
        self.settled: list[tuple[str, str]] = []
        self.renewals = 0
        self.receives: list[int] = []
        self.alone: list[bool] = []
        self.closed = False
        self.error: Exception | None = None

    async def receive(
        self, max_count: int, wait_seconds: float, *, alone: bool = False
    ) -> list[ServiceBusReceivedMessage]:
        self.receives.append(max_count)
        self.alone.append(alone)
        if not self.waiting:
            await asyncio.sleep(min(wait_seconds, 0.01))
        taken, self.waiting = self.waiting[:max_count], self.waiting[max_count:]
        return taken

    async def complete(self, message: ServiceBusReceivedMessage) -> None:
        self._settle("complete", message)

    async def abandon(self, message: ServiceBusReceivedMessage) -> None:
        self._settle("abandon", message)

    async def defer(self, message: ServiceBusReceivedMessage) -> None:
        self._settle("defer", message)

    async def dead_letter(
        self, message: ServiceBusReceivedMessage, reason: str | None, description: str | None
    ) -> None:
        self._settle(f"dead-letter {reason}: {description}", message)

    async def renew_lock(self, message: ServiceBusReceivedMessage) -> datetime:
        self.renewals += 1
        return datetime.now(timezone.utc) + LOCK

    async def close(self) -> None:
        self.closed = True

    def _settle(self, how: str, message: ServiceBusReceivedMessage) -> None:
        if self.error is not None:
            raise self.error
        self.settled.append((how, str(message.message_id)))


Body = Callable[[TypedData], Awaitable[None]]


class FakeInvoker:
    """Runs a coroutine in place of the app's function."""

    def __init__(self, body: Body | None = None) -> None:
        self.body = body
        self.trace_parents: list[str] = []
        self.running = self.most_running = self.invocations = 0

    async def invoke(
        self,
        _function: Function,
        value: TypedData,
        _metadata: Mapping[str, TypedData],
        trace_parent: str,
    ) -> InvocationResult:
        self.trace_parents.append(trace_parent)
        self.invocations += 1
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            if self.body is not None:
                await self.body(value)
        finally:
            self.running -= 1
        return InvocationResult(None, {})
