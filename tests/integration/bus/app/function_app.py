"""A service that gives every outcome, by the sale's sequence number, to be run by the real host."""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import azure.functions as func

from shared.bus import (
    BusCollaborators,
    Delivery,
    Done,
    Later,
    Outcome,
    Rejected,
    bus_collaborators,
    once,
)
from shared.bus.triggers import subscription_trigger
from shared.events import DocumentPosted, DocumentRef, Reason
from shared.store.archive import MemoryArchive
from shared.store.parking import MemoryParking
from shared.telemetry import configure

REJECTED, RETRIED, RAISING = 2, 3, 4

app = func.FunctionApp()
log = logging.getLogger("tillbus.test")
log.setLevel(logging.INFO)


@dataclass(frozen=True)
class Wired:
    bus: BusCollaborators


async def build() -> Wired:
    configure("test-service")
    return Wired(bus_collaborators(MemoryParking(), MemoryArchive()))


collaborators = once(build)


@subscription_trigger(
    app, topic="sale-completed", subscription="sales", wiring=collaborators, announce=True
)
async def book(deliveries: Sequence[Delivery], _: Wired) -> Sequence[Outcome]:
    if any(each.event.data.key.sequence == RAISING for each in deliveries):
        raise LookupError("our bug")
    log.info("booking %d", len(deliveries))
    return [outcome(each) for each in deliveries]


def outcome(delivery: Delivery) -> Outcome:
    sale = delivery.event.data
    if sale.key.sequence == REJECTED:
        return Rejected(Reason.UNKNOWN_COMPANY, "no such company")
    if sale.key.sequence == RETRIED and delivery.attempt == 1:
        return Later("throttled")
    document = DocumentRef(
        system="test", company="gbrt", entity_set="RetailTransactions", key=str(sale.key)
    )
    return Done(
        DocumentPosted(
            fact_id=delivery.event.id,
            fact_type=delivery.event.type,
            key=sale.key,
            document=document,
            amount=sale.total,
            currency=sale.currency,
            posted_at=datetime.now(UTC),
        )
    )


@subscription_trigger(
    app, topic="document-posted", subscription="completeness", wiring=collaborators
)
async def witness(deliveries: Sequence[Delivery], _: Wired) -> Sequence[Outcome]:
    for delivery in deliveries:
        print("seen " + json.dumps({"sequence": delivery.event.data.key.sequence}), flush=True)
    return [Done() for _ in deliveries]
