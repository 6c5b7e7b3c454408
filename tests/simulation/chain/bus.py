"""The broker core as a bus: what our publisher takes for the SDK's client, and receivers."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from azure.servicebus import ServiceBusMessage
from azure.servicebus.exceptions import ServiceBusConnectionError

from infra.local.servicebus.amqp.message import Message, Properties, encode_message
from infra.local.servicebus.amqp.values import Symbol, Timestamp
from infra.local.servicebus.broker import Delivery, Namespace, Queue
from infra.local.servicebus.settings import NamespaceConfig
from tests.simulation.chain.hazards import Hazards, Strike
from tests.simulation.chain.virtual import now

_HOUR_MS = 3_600_000


def _ms() -> int:
    return int(now().timestamp() * 1000)


def _not_connected(strike: Strike) -> Exception:
    return ServiceBusConnectionError(message=f"simulated: {strike}")


@dataclass(frozen=True)
class Held:
    """A message in a worker's hands, as the typed binding would give it."""

    body: bytes
    message_id: str
    application_properties: Mapping[str, Any]
    delivery_count: int
    lock_token: str


class SimulatedBus:
    """One namespace. It never dies itself: its durability is proven elsewhere."""

    def __init__(self, config: NamespaceConfig, hazards: Hazards) -> None:
        self.namespace = Namespace(config, now=_ms())
        self.hazards = hazards
        self.served: set[str] = set()
        self._queues: dict[str, Queue] = {}
        self._receivers: dict[Queue, list[asyncio.Future[None]]] = defaultdict(list)
        self._looks_at = 0
        self._look_again = asyncio.Event()

    async def run(self) -> None:
        """Let locks expire and scheduled messages come, for ever."""
        while True:
            self._look_again.clear()
            due = self.namespace.next_deadline()
            self._looks_at = _ms() + _HOUR_MS if due is None else due
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max((self._looks_at - _ms()) / 1000, 0.001)):
                    await self._look_again.wait()
            self.namespace.advance(_ms())
            self._tell()

    def _tell(self) -> None:
        """Wake who waits for what has come, and the clock where something is due sooner."""
        for queue, waiting in self._receivers.items():
            if waiting and queue.active_count:
                for future in waiting:
                    if not future.done():
                        future.set_result(None)
                waiting.clear()
        due = self.namespace.next_deadline()
        if due is not None and due < self._looks_at:
            self._look_again.set()

    # Sending

    async def send(self, topic: str, payloads: Sequence[bytes]) -> None:
        async def effect() -> None:
            self.namespace.send(topic, payloads, _ms())
            self._tell()

        await self.hazards.around(f"send to {topic}", effect, _not_connected)

    def client(self) -> Any:
        """Return what `shared.bus.Publisher` takes for an azure-servicebus client."""
        return _Client(self)

    # Receiving

    def queue(self, address: str) -> Queue:
        if address not in self._queues:
            entity = self.namespace.entity(address)
            assert isinstance(entity, Queue)
            self._queues[address] = entity
        return self._queues[address]

    async def receive(self, address: str, most: int) -> list[Held]:
        """Return what is there, waiting for the first."""
        self.served.add(address)
        queue = self.queue(address)
        while not (deliveries := queue.receive(most, _ms())):
            something = asyncio.get_running_loop().create_future()
            self._receivers[queue].append(something)
            await something
        return [_held(each) for each in deliveries]

    async def settle(self, what: str, act: Callable[[UUID, int], None], token: UUID) -> None:
        async def effect() -> None:
            act(token, _ms())
            self._tell()

        await self.hazards.around(what, effect, _not_connected)

    def settle_at_once(self, what: str, act: Callable[[UUID, int], None], token: UUID) -> None:
        self.hazards.at_once(what, lambda: act(token, _ms()), _not_connected)

    # Looking

    def is_idle(self, addresses: Iterable[str]) -> bool:
        """Whether nothing waits, is locked or is scheduled."""
        queues = [self.queue(address) for address in addresses]
        topics = {address.partition("/")[0] for address in addresses}
        scheduled = sum(self.namespace.entity(topic).scheduled_count for topic in topics)
        return scheduled == 0 and all(
            queue.counts().active + queue.counts().locked == 0 for queue in queues
        )

    def dead_letters(self, address: str) -> list[tuple[str, str, bytes]]:
        """Return reason, description and body of each dead letter."""
        letters = self.queue(address).dead_letter_queue
        assert letters is not None
        return [
            (
                str((each.application_properties or {}).get("DeadLetterReason")),
                str((each.application_properties or {}).get("DeadLetterErrorDescription")),
                body_of(Message.parse(each.payload)),
            )
            for each in letters.peek(0, 10_000, _ms())
        ]


def body_of(message: Message) -> bytes:
    return b"".join(message.data_sections)


def _held(delivery: Delivery) -> Held:
    held = delivery.message
    message = Message.parse(held.payload)
    properties = held.application_properties
    if properties is None:
        properties = message.application_properties or {}
    return Held(
        body=body_of(message),
        message_id=str(message.properties.message_id) if message.properties else "",
        application_properties=properties,
        delivery_count=held.delivery_count + 1,
        lock_token=str(delivery.lock_token),
    )


def encoded(message: ServiceBusMessage) -> bytes:
    """Return the message as AMQP, by our own codec."""
    due = message.scheduled_enqueue_time_utc
    return encode_message(
        message_annotations=None
        if due is None
        else {Symbol("x-opt-scheduled-enqueue-time"): Timestamp(int(due.timestamp() * 1000))},
        properties=Properties(
            message_id=message.message_id,
            content_type=Symbol(message.content_type or ""),
            subject=message.subject,
        ),
        application_properties={
            str(name): value for name, value in (message.application_properties or {}).items()
        },
        data=b"".join(message.body),
    )


class _Batch:
    """A batch of the SDK's, as far as the publisher uses it."""

    max_size_in_bytes = 1024 * 1024

    def __init__(self) -> None:
        self.payloads: list[bytes] = []

    def add_message(self, message: ServiceBusMessage) -> None:
        self.payloads.append(encoded(message))


@dataclass
class _Sender:
    bus: SimulatedBus
    topic: str

    async def create_message_batch(self) -> _Batch:
        return _Batch()

    async def send_messages(self, batch: _Batch, timeout: float) -> None:  # noqa: ASYNC109 - the SDK's
        await self.bus.send(self.topic, batch.payloads)

    async def close(self) -> None: ...


@dataclass
class _Client:
    bus: SimulatedBus

    def get_topic_sender(self, topic: str) -> _Sender:
        return _Sender(self.bus, topic)

    async def close(self) -> None: ...
