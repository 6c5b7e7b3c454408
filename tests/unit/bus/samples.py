"""Facts, messages and a bus in memory for the tests of `shared.bus`."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from azure.servicebus import ServiceBusMessage, ServiceBusMessageBatch
from azure.servicebus.exceptions import ServiceBusConnectionError

from shared.bus import BusCollaborators, Publisher, RetryPolicy
from shared.bus.message import Received
from shared.clock import Clock
from shared.events import (
    DocumentPosted,
    DocumentRef,
    Event,
    SaleCompleted,
    SaleLine,
    Tender,
    TransactionKey,
    encode,
    new_event,
)
from shared.store.archive import Archive, MemoryArchive
from shared.store.parking import MemoryParking, Parking

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def clock() -> datetime:
    return NOW


def key(sequence: int = 1) -> TransactionKey:
    return TransactionKey(
        company="gbrt",
        store="LONDON",
        business_day=date(2026, 11, 20),
        terminal="T1",
        sequence=sequence,
    )


def sale(sequence: int = 1) -> SaleCompleted:
    line = SaleLine(
        number=1,
        item="ITEM-1",
        quantity=Decimal(1),
        unit_price=Decimal("1.00"),
        net_amount=Decimal("1.00"),
    )
    tender = Tender(
        type="cash",
        currency="GBP",
        amount=Decimal("1.00"),
        amount_in_sale_currency=Decimal("1.00"),
    )
    return SaleCompleted(
        key=key(sequence),
        occurred_at=NOW,
        currency="GBP",
        prices_include_tax=True,
        lines=(line,),
        tenders=(tender,),
        total=Decimal("1.00"),
    )


def sale_event(sequence: int = 1, **envelope: Any) -> Event[SaleCompleted]:
    return new_event(sale(sequence), source="/tills/gbrt/LONDON", time=NOW, **envelope)


def posted(event: Event[Any]) -> DocumentPosted:
    return DocumentPosted(
        fact_id=event.id,
        fact_type=event.type,
        key=event.data.key,
        document=DocumentRef(
            system="finance-operations",
            company="gbrt",
            entity_set="RetailTransactions",
            key="dataAreaId='gbrt'",
        ),
        amount=Decimal("1.00"),
        currency="GBP",
        posted_at=NOW,
    )


def message(
    event: Event[Any] | bytes, properties: Mapping[str, Any] | None = None, message_id: str = ""
) -> Received:
    """A message as the broker delivers it; raw bytes stand for whatever a stranger may publish."""
    return Received(
        body=event if isinstance(event, bytes) else encode(event),
        message_id=message_id or ("" if isinstance(event, bytes) else str(event.id)),
        properties=properties or {},
        delivery_count=0,
        lock_token=str(uuid.uuid4()),
        native=None,
    )


class MemoryBus:
    """Stands in for `ServiceBusClient`; its batches are the SDK's own, with a limit we choose."""

    def __init__(self, max_batch_bytes: int = 256 * 1024) -> None:
        self.max_batch_bytes = max_batch_bytes
        self.batches: list[tuple[str, list[ServiceBusMessage]]] = []
        self.senders: list[MemorySender] = []
        self.failures: list[Exception] = []
        self.refuses: Callable[[str], bool] = lambda _topic: False
        self.closed = False

    def get_topic_sender(self, topic: str) -> MemorySender:
        sender = MemorySender(self, topic)
        self.senders.append(sender)
        return sender

    async def close(self) -> None:
        self.closed = True

    def sent(self, topic: str) -> list[ServiceBusMessage]:
        return [each for name, batch in self.batches if name == topic for each in batch]

    def publisher(self) -> Publisher:
        return Publisher(self, clock=clock)  # type: ignore[arg-type]

    def collaborators(
        self,
        *,
        clock: Clock = clock,
        parking: Parking | None = None,
        archive: Archive | None = None,
    ) -> BusCollaborators:
        return BusCollaborators(
            publisher=self.publisher(),
            clock=clock,
            retry_policy=RetryPolicy(jitter=0),
            parking=parking or MemoryParking(),
            archive=archive or MemoryArchive(),
        )


class MemorySender:
    def __init__(self, bus: MemoryBus, topic: str) -> None:
        self._bus = bus
        self._topic = topic
        self.closed = False

    async def create_message_batch(self) -> ServiceBusMessageBatch:
        return ServiceBusMessageBatch(max_size_in_bytes=self._bus.max_batch_bytes)

    async def send_messages(self, batch: ServiceBusMessageBatch, *, timeout: float) -> None:  # noqa: ASYNC109  the SDK's own signature
        if self._bus.failures:
            raise self._bus.failures.pop(0)
        if self._bus.refuses(self._topic):
            raise ServiceBusConnectionError(message="the bus is gone")
        self._bus.batches.append((self._topic, list(batch._messages)))

    async def close(self) -> None:
        self.closed = True
