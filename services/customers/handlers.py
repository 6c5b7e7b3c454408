"""Customers registered and changed: each fact becomes a record in every book of its company."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from opentelemetry.trace import SpanKind

from services.customers.books import CustomersBook
from services.customers.cards import LOYALTY_CARDS, Cards, waiting_key
from services.customers.collaborators import Collaborators
from services.customers.drafting import Change
from services.customers.outcomes import combined
from services.customers.registry import Registry, Written
from shared.booking import Booker, Plan, configured
from shared.bus import Delivery, Done, Outcome, Parked, Rejected, or_later
from shared.dynamics import Posting
from shared.events import ERASED, Effect
from shared.telemetry import delivery_span

_log = logging.getLogger("tillbus.customers")

_Place = tuple[str, CustomersBook]
"""A customer's key and the book."""


async def update_customers(
    deliveries: Sequence[Delivery], collaborators: Collaborators
) -> list[Outcome]:
    """Return one outcome per delivery: done when every book of the company has the customer."""
    return await or_later(_update(deliveries, collaborators), len(deliveries))


async def _update(deliveries: Sequence[Delivery], collaborators: Collaborators) -> list[Outcome]:
    parts: list[dict[Effect, Outcome]] = [{} for _ in deliveries]
    concerned: dict[Effect, list[int]] = {}
    for place, delivery in enumerate(deliveries):
        settings = configured(collaborators.companies, delivery.event.data.company)
        if isinstance(settings, Rejected):
            parts[place]["customer"] = settings
            continue
        for book in books_of(settings.customers, collaborators):
            concerned.setdefault(book.effect, []).append(place)
    by_effect = {
        effect: [deliveries[place] for place in places] for effect, places in concerned.items()
    }
    written = await _written(by_effect, collaborators)
    for effect, places in concerned.items():
        outcomes = await _booked(effect, by_effect[effect], written, collaborators)
        for place, outcome in zip(places, outcomes, strict=True):
            parts[place][effect] = outcome
    await _release(deliveries, parts, collaborators)
    for delivery in deliveries:
        _show_stale(delivery, written.get(key_of(delivery)))
    return [combined(each) for each in parts]


def books_of(names: Sequence[Any], collaborators: Collaborators) -> tuple[CustomersBook, ...]:
    """Return a company's books of customers, the first first."""
    return tuple(collaborators.books[name] for name in names)


def key_of(delivery: Delivery) -> str:
    """Return the customer's key."""
    return f"{delivery.event.data.company}/{delivery.event.data.customer}"


async def _written(
    concerned: Mapping[Effect, Sequence[Delivery]], collaborators: Collaborators
) -> dict[str, Written | None]:
    """Bring the customers up to date in the books that lack the facts."""
    lacking: dict[str, dict[UUID, tuple[Delivery, set[Effect]]]] = {}
    for effect, deliveries in concerned.items():
        inbox = collaborators.inbox(effect)
        known = await inbox.results([delivery.event.id for delivery in deliveries])
        for delivery in deliveries:
            if delivery.event.id not in known:
                facts = lacking.setdefault(key_of(delivery), {})
                facts.setdefault(delivery.event.id, (delivery, set()))[1].add(effect)
    changes = []
    for facts in lacking.values():
        first = next(iter(facts.values()))[0].event.data
        settings = collaborators.companies[first.company]
        effects = set().union(*(missing for _, missing in facts.values()))
        changes.append(
            Change(
                company=first.company,
                number=first.customer,
                settings=settings,
                books=tuple(
                    book
                    for book in books_of(settings.customers, collaborators)
                    if book.effect in effects
                ),
                deliveries=tuple(delivery for delivery, _ in facts.values()),
            )
        )
    registry = Registry(collaborators.records, collaborators.authority, collaborators.clock)
    return await registry.update(changes)


async def _booked(
    effect: Effect,
    deliveries: Sequence[Delivery],
    written: Mapping[str, Written | None],
    collaborators: Collaborators,
) -> list[Outcome]:
    """Record and announce what has been written; nothing is written here."""

    async def posted(places: Sequence[_Place]) -> list[Posting]:
        results = (written[key] for key, _ in places)
        return [
            result.postings[book.system]
            for result, (_, book) in zip(results, places, strict=True)
            if result
        ]

    def prepare(delivery: Delivery) -> Plan[_Place] | Outcome:
        key, fact = key_of(delivery), delivery.event.data
        books = books_of(collaborators.companies[fact.company].customers, collaborators)
        book = next(book for book in books if book.effect == effect)
        result = written[key]
        if result is None:
            return Parked(f"customer/{key}", "nobody has registered this customer yet")
        return Plan(
            document=(key, book),
            post=posted,
            system=book.system,
            company=fact.company,
            entity_set=book.persons if result.is_person else book.organisations,
            waits_for=lambda _: f"customer/{key}",
        )

    booker = Booker(effect, collaborators.inbox(effect), collaborators.clock)
    return await booker.book(deliveries, prepare)


async def _release(
    deliveries: Sequence[Delivery],
    parts: Sequence[Mapping[Effect, Outcome]],
    collaborators: Collaborators,
) -> None:
    """Let go what waits for these customers and their cards, as soon as one book has them."""
    booked = [
        delivery.event.data
        for delivery, outcomes in zip(deliveries, parts, strict=True)
        if any(isinstance(outcome, Done) for outcome in outcomes.values())
    ]
    if not booked:
        return
    held = Cards(LOYALTY_CARDS, collaborators.records, collaborators.clock)
    cards = [
        (fact.company, fact.loyalty_card)
        for fact in booked
        if fact.loyalty_card and fact.loyalty_card != ERASED
    ]
    await held.learn(cards)
    keys = [f"customer/{fact.company}/{fact.customer}" for fact in booked]
    keys += [waiting_key(*card) for card in cards]
    await collaborators.parking.release(keys, collaborators.clock())


def _show_stale(delivery: Delivery, written: Written | None) -> None:
    """Leave a trace of a change that came too late, by the names of its fields alone."""
    fields = written.stale.get(delivery.event.id) if written else None
    if not fields:
        return
    with delivery_span(
        "stale customer change",
        parent=delivery.event.traceparent,
        kind=SpanKind.INTERNAL,
        attributes={"tillbus.stale.fields": sorted(fields)},
    ):
        _log.info("Fact %s says older of %s", delivery.event.id, ", ".join(sorted(fields)))
