"""Facts as changes and counts of stock. Pure.

A change is named for ever by the fact's natural key and the line's number, whatever the revision: a
correction of a fact that is booked in part cannot book a line twice.

                     quantity     Movement
    sale               -          sold        and its exchanged lines the reverse
    return             +          returned    and its exchanged lines the reverse
    received           +          received
    damaged, shrunk    -          damaged, shrunk
    adjusted           as said    adjusted
    transferred        from here to there
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from uuid import UUID, uuid5

from services.inventory.keeper import Changes, Counts
from shared.companies import Company, Place
from shared.dynamics.ports.stock import Movement, StockChange, StockCount, StockTransfer
from shared.events import InventoryAdjusted, SaleCompleted, SaleLine, SaleReturned, StockCounted
from shared.events.identity import fact_id
from shared.events.stock import AdjustedLine

StockFact = SaleCompleted | SaleReturned | InventoryAdjusted | StockCounted

_SIGNS: Mapping[Movement, int] = {
    Movement.SOLD: -1,
    Movement.RETURNED: 1,
    Movement.RECEIVED: 1,
    Movement.DAMAGED: -1,
    Movement.SHRUNK: -1,
    Movement.ADJUSTED: 1,
}


def document(fact: StockFact, company: Company) -> Changes | Counts:
    """Return what a fact does to stock; no lines where it does nothing."""
    if isinstance(fact, StockCounted):
        return Counts(tuple(_counts(fact, company)))
    if isinstance(fact, InventoryAdjusted):
        return Changes(tuple(_adjustments(fact, company)))
    return Changes(tuple(_trade(fact, company)))


def reversed_changes(changes: Changes, reversal: UUID) -> Changes:
    """Return the opposite, as observed at the same moment: a count that has seen the change has
    seen that it was none."""
    return Changes(tuple(_reversed(line, reversal) for line in changes.lines))


def moves_itself(company: Company) -> bool:
    """Whether the documents of a company's sales move its book of stock, so that sales must not be
    booked there a second time."""
    if company.sales_move_stock is not None:
        return company.sales_move_stock
    ledger = {"commerce": "finance-operations"}.get(company.ledger, company.ledger)
    without_items = company.ledger == "business-central" and company.grain == "statement"
    return ledger == company.stock and not without_items


def place_of(fact: StockFact, company: Company) -> Place:
    """Return where a fact's goods are: its store, or the place within the store that it names."""
    _, store = fact.place
    location = None if isinstance(fact, SaleCompleted | SaleReturned) else fact.location
    if location is None:
        return company.place(store)
    within = f"{store}/{location}"
    return company.place(within if within in company.stores else location)


def _trade(sale: SaleCompleted | SaleReturned, company: Company) -> Iterator[StockChange]:
    ways = (Movement.SOLD, Movement.RETURNED)
    here, back = ways if isinstance(sale, SaleCompleted) else ways[::-1]
    for lines, movement in ((sale.lines, here), (sale.exchanged_lines, back)):
        for line in _goods(lines, company):
            yield _change(sale, company, line, movement, sale.occurred_at)


def _goods(lines: Iterable[SaleLine], company: Company) -> Iterator[SaleLine]:
    """Neither gift cards nor services are goods."""
    for line in lines:
        if line.gift_card is None and line.item not in company.unstocked_items:
            yield line


def _adjustments(
    fact: InventoryAdjusted, company: Company
) -> Iterator[StockChange | StockTransfer]:
    for line in fact.lines:
        if fact.to_store is None:
            yield _change(fact, company, line, Movement(fact.kind), fact.observed_at)
            continue
        here, there = place_of(fact, company), company.place(fact.to_store)
        yield StockTransfer(
            event_id=_event_id(fact, line.number),
            company=company.entity(fact.company),
            item=line.item,
            quantity=line.quantity,
            from_site=here.site,
            from_location=here.warehouse,
            to_site=there.site,
            to_location=there.warehouse,
            at=fact.observed_at,
            variant=line.variant or "",
        )


def _counts(fact: StockCounted, company: Company) -> Iterator[StockCount]:
    place = place_of(fact, company)
    for line in fact.lines:
        yield StockCount(
            event_id=_event_id(fact, line.number),
            company=company.entity(fact.company),
            item=line.item,
            quantity=line.quantity,
            site=place.site,
            location=place.warehouse,
            at=fact.observed_at,
            variant=line.variant or "",
        )


def _change(
    fact: SaleCompleted | SaleReturned | InventoryAdjusted,
    company: Company,
    line: SaleLine | AdjustedLine,
    movement: Movement,
    at: datetime,
) -> StockChange:
    place = place_of(fact, company)
    return StockChange(
        event_id=_event_id(fact, line.number),
        company=company.entity(fact.place[0]),
        item=line.item,
        quantity=_SIGNS[movement] * line.quantity,
        movement=movement,
        site=place.site,
        location=place.warehouse,
        at=at,
        variant=line.variant or "",
    )


def _event_id(fact: StockFact, line: int) -> str:
    return str(uuid5(fact_id(fact.TYPE, fact.natural_key()), str(line)))


def _reversed(line: StockChange | StockTransfer, reversal: UUID) -> StockChange | StockTransfer:
    event_id = str(uuid5(reversal, line.event_id))
    if isinstance(line, StockChange):
        return replace(line, event_id=event_id, quantity=-line.quantity)
    return replace(
        line,
        event_id=event_id,
        from_site=line.to_site,
        from_location=line.to_location,
        to_site=line.from_site,
        to_location=line.from_location,
    )
