"""Book stock: what each delivery's outcome is, whatever happened before."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from services.inventory.books import COUNT, TRANSFER
from services.inventory.collaborators import Collaborators, Lane
from services.inventory.keeper import Changes, Counts
from services.inventory.mapping import (
    StockFact,
    document,
    moves_itself,
    place_of,
    reversed_changes,
)
from services.inventory.positions import place_key
from services.inventory.pruning import forgotten
from shared.booking import Booker, Plan, configured, missing_key, not_reversible, ordered_back
from shared.bus import Delivery, Done, Later, Outcome, Rejected, or_later
from shared.companies import Company
from shared.dynamics import DynamicsError
from shared.events import (
    BACKFILL,
    InventoryAdjusted,
    Reason,
    ReversalOrdered,
    SaleCompleted,
    SaleReturned,
    StockCounted,
    fact_id,
)
from shared.store.inbox import Inbox

_log = logging.getLogger("tillbus.inventory")

_REVERSIBLE = (SaleCompleted, SaleReturned, InventoryAdjusted)
_HAVE_SITES = ("inventory-visibility", "finance-operations")


async def book(deliveries: Sequence[Delivery], all_: Collaborators) -> list[Outcome]:
    """Return one outcome per delivery; a fact delivered twice changes the stock once."""
    return await or_later(_book(deliveries, all_), len(deliveries))


async def _book(deliveries: Sequence[Delivery], all_: Collaborators) -> list[Outcome]:
    superseded = await _booked_before(deliveries, all_.inbox)
    memories = await _memories(deliveries, all_)

    def prepare(delivery: Delivery) -> Plan[Any] | Outcome:
        fact: StockFact = delivery.event.data
        if (earlier := superseded.get(delivery.event.id)) is not None:
            detail = f"{fact.natural_key()} is booked as {earlier}; correct it by an adjustment"
            return Rejected(Reason.DOCUMENT_DIFFERS, detail)
        if (moment := memories.get(delivery.event.id)) is not None:
            return _too_late(fact, moment)
        return _plan(fact, delivery, all_, lambda changed: changed)

    return await Booker("stock", all_.inbox, all_.clock).book(deliveries, prepare)


async def take_back(deliveries: Sequence[Delivery], all_: Collaborators) -> list[Outcome]:
    """Return one outcome per ordered reversal of what facts did to stock."""
    return await or_later(_take_back(deliveries, all_), len(deliveries))


async def _take_back(deliveries: Sequence[Delivery], all_: Collaborators) -> list[Outcome]:
    orders: dict[UUID, ReversalOrdered] = {each.event.id: each.event.data for each in deliveries}
    events = {
        order_id: await ordered_back(order, all_.inbox)
        for order_id, order in orders.items()
        if order.effect == "stock"
    }

    def prepare(delivery: Delivery) -> Plan[Any] | Outcome:
        event = events.get(delivery.event.id)
        if event is None:
            return Done()
        if isinstance(event, Rejected):
            return event
        fact = event.data
        if not isinstance(fact, _REVERSIBLE):
            return not_reversible("a count says what was there; count again")
        return _plan(fact, delivery, all_, lambda each: reversed_changes(each, delivery.event.id))

    return await Booker("stock", all_.inbox, all_.clock).book(deliveries, prepare)


def _plan(
    fact: StockFact,
    delivery: Delivery,
    all_: Collaborators,
    turned: Callable[[Changes], Changes],
) -> Plan[Any] | Outcome:
    name, store = fact.place
    company = configured(all_.companies, name)
    if isinstance(company, Rejected):
        return company
    if company.stock == "none":
        return Done()
    if isinstance(fact, SaleCompleted | SaleReturned) and moves_itself(company):
        return Done()
    changed = document(fact, company)
    if not changed.lines:
        return Done()
    if company.stock in _HAVE_SITES and not all(_sites(fact, company)):
        return _no_site(company.stock, name, store)
    keeper = all_.keepers[Lane(company.stock, delivery.event.lane == BACKFILL)]
    return Plan(
        document=turned(changed) if isinstance(changed, Changes) else changed,
        post=keeper.count if isinstance(changed, Counts) else keeper.change,
        system=company.stock,
        company=name,
        entity_set=keeper.book.entity_set(_what(fact)),
        waits_for=lambda error: waits_for(fact, company, error),
    )


def waits_for(fact: StockFact, company: Company, error: DynamicsError) -> str:
    """Return the key of the record that a fact waits for: the one that Dynamics names, else its
    first item."""
    name, store = fact.place
    lines = (*fact.lines, *getattr(fact, "exchanged_lines", ()))
    items = {f"item/{name}/{line.item}": line.item for line in lines}
    stores = {store, getattr(fact, "to_store", None) or store}
    places = {f"store/{name}/{each}": company.place(each).warehouse for each in sorted(stores)}
    return missing_key(error, items | places, next(iter(items)))


async def _booked_before(deliveries: Sequence[Delivery], inbox: Inbox) -> dict[UUID, str]:
    """Return the corrections of facts that are booked, and as what."""
    earlier: dict[UUID, UUID] = {}
    for delivery in deliveries:
        fact = delivery.event.data
        for revision in range(fact.fact_revision):
            earlier[fact_id(fact.TYPE, fact.natural_key(), revision)] = delivery.event.id
    booked = await inbox.results(list(earlier)) if earlier else {}
    return {earlier[each]: result.document.key for each, result in booked.items()}


async def _memories(deliveries: Sequence[Delivery], all_: Collaborators) -> dict[UUID, datetime]:
    """Return the counts that later movements of their place are no longer remembered of, and up to
    when they are not."""
    places: dict[UUID, str] = {}
    for delivery in deliveries:
        fact = delivery.event.data
        if isinstance(fact, StockCounted) and (company := all_.companies.get(fact.company)):
            place = place_of(fact, company)
            places[delivery.event.id] = place_key(
                company.entity(fact.company), place.site, place.warehouse
            )
    known = await forgotten(all_.records, set(places.values())) if places else {}
    return {
        delivery.event.id: moment
        for delivery in deliveries
        if (moment := known.get(places.get(delivery.event.id, "")))
        if moment > delivery.event.data.observed_at
    }


def _too_late(count: StockFact, moment: datetime) -> Rejected:
    detail = (
        f"{count.natural_key()} was counted before {moment:%Y-%m-%d %H:%M}Z, and what moved until "
        "then is no longer remembered (STOCK_HORIZON): count again"
    )
    return Rejected(Reason.NOT_BOOKABLE_HERE, detail)


def _sites(fact: StockFact, company: Company) -> Iterator[str]:
    yield place_of(fact, company).site
    if isinstance(fact, InventoryAdjusted) and fact.to_store is not None:
        yield company.place(fact.to_store).site


def _no_site(system: str, company: str, store: str) -> Later:
    """The fact is right; whoever keeps the settings can make it succeed."""
    cause = f"COMPANIES names no site for store {store} of {company}, and {system} needs one"
    _log.error("%s", cause)
    return Later(cause)


def _what(fact: StockFact) -> str:
    """Return what a book of stock files the fact's document under."""
    if isinstance(fact, StockCounted):
        return COUNT
    if isinstance(fact, InventoryAdjusted):
        return TRANSFER if fact.kind == "transferred" else fact.kind
    return "sold" if isinstance(fact, SaleCompleted) else "returned"
