"""``tillbus reemit``: sales in the archive that never became documents are published again.

Guarded: nothing is published of a store-day that balances, of a fact that was refused, that is
parked, that is too young to be missing, or when there are more of them than was allowed. Booking is
idempotent, so that a fact whose document was only slow is not booked twice.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient

from infra.local.cli.completeness import Completeness
from infra.local.cli.output import Refused
from shared.bus.message import RETRY_FOR
from shared.clock import Clock
from shared.erasure import OPERATORS
from shared.events import CONTENT_TYPE, SaleCompleted, SaleReturned, decode, routing_properties
from shared.store import Act, ArchivedFact, Entries, Parking, SeenFact, Store, StoreDay
from shared.store.effects import by_fact
from shared.store.ledger import LEDGER

SUBSCRIPTION = "sales"

_AWAITED = {SaleCompleted.TYPE, SaleReturned.TYPE}
_PAGE = 1000


@dataclass(frozen=True)
class Missing:
    """Facts of a store-day without a document in the ledger, by what is to become of them."""

    ready: Sequence[ArchivedFact]
    young: int
    """Too recent to be missing rather than under way."""
    refused: int
    """Their way back is the dead-letter queue."""
    parked: int
    """They wait for something to exist, and come back by themselves."""
    unknown: int
    """Not in the archive."""


async def missing_documents(
    store: Store, day: StoreDay, now: datetime, settling: timedelta
) -> Missing:
    """Return what could be published again."""
    found = await store.ledger.entries([day])
    entries = found[0].entries if found else Entries()
    unbooked = _unbooked(entries)
    refused = _refused(entries)
    parked = await _parked(store.parking, unbooked.keys() - refused)
    waiting = unbooked.keys() - refused - parked
    old = {each for each in waiting if unbooked[each].seen_at <= now - settling}
    archived = await store.archive.read(sorted(old))
    return Missing(
        ready=sorted(archived.values(), key=lambda each: (each.subject, str(each.fact_id))),
        young=len(waiting - old),
        refused=len(unbooked.keys() & refused),
        parked=len(parked),
        unknown=len(old - archived.keys()),
    )


def _unbooked(entries: Entries) -> dict[UUID, SeenFact]:
    booked = {each.fact_id for each in entries.documents if each.effect == LEDGER}
    return {
        fact.fact_id: fact
        for fact in entries.facts
        if fact.fact_type in _AWAITED and fact.fact_id not in booked
    }


def _refused(entries: Entries) -> set[UUID]:
    effects = by_fact((), entries.rejections, ())
    return {
        fact_id
        for fact_id, each in effects.items()
        if any(refusal.effect == LEDGER for refusal in each.outstanding)
    }


async def _parked(parking: Parking, wanted: set[UUID]) -> set[UUID]:
    found: set[UUID] = set()
    page = await parking.facts(limit=_PAGE) if wanted else []
    while page:
        found |= {each.fact_id for each in page if each.subscription.startswith(SUBSCRIPTION)}
        page = await parking.facts(after=page[-1], limit=_PAGE)
    return found & wanted


async def check_against_certificate(service: Completeness, day: StoreDay) -> None:
    """Raise `Refused` unless the day's own certificate misses documents too."""
    text = await service.certificate(day.company, day.store, day.business_day.isoformat())
    certificate: Mapping[str, object] = json.loads(text)
    if certificate["verdict"] == "balanced":
        raise Refused(f"store-day {day} is balanced, nothing of it is published again")
    if not certificate["facts_without_document"]:
        raise Refused(f"the certificate of store-day {day} misses no document")


async def reemit(
    store: Store, client: ServiceBusClient, facts: Sequence[ArchivedFact], actor: str, clock: Clock
) -> None:
    """Send the facts to the sales service alone, each noted in the audit log before it goes out."""
    for start in range(0, len(facts), _PAGE):
        part, now = facts[start : start + _PAGE], clock()
        acts = [
            Act(
                now,
                actor,
                "fact re-emitted",
                str(each.fact_id),
                f"{each.subject} to {SUBSCRIPTION}",
            )
            for each in part
        ]
        await store.audit.append(OPERATORS, acts)
        for topic, messages in _messages(part, now).items():
            async with client.get_topic_sender(topic) as sender:
                for message in messages:
                    await sender.send_messages(message)


def _messages(facts: Sequence[ArchivedFact], now: datetime) -> dict[str, list[ServiceBusMessage]]:
    by_topic: dict[str, list[ServiceBusMessage]] = {}
    for fact in facts:
        event = decode(fact.body)
        properties: dict[str | bytes, Any] = dict(routing_properties(event).items())
        properties[RETRY_FOR] = SUBSCRIPTION
        message = ServiceBusMessage(
            fact.body,
            # Under its own id the bus would take it for a repetition and drop it.
            message_id=f"{fact.fact_id}#{SUBSCRIPTION}#reemitted-{now:%Y%m%dT%H%M%S%f}",
            content_type=CONTENT_TYPE,
            subject=fact.subject,
            application_properties=properties,
        )
        by_topic.setdefault(event.data.TOPIC, []).append(message)
    return by_topic
