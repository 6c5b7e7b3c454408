"""What speaks against an order before it is confirmed, asked of Dynamics.

Credit of what is paid on account, prices of what has agreed ones. A change is checked for its
customer and its items besides: what it replaces must not be given up for something that Dynamics
will not take.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from services.orders.books import Book
from services.orders.mapping import Content, customer_key, day_of, item_key
from services.orders.prices import price_difference
from shared.bus import Parked
from shared.companies import Company
from shared.dynamics.ports.master_data import Credit, Price
from shared.events import OrderChanged
from shared.events.orders import DeclineReason

MAX_DIFFERENCES = 5
"""Lines named in one answer."""


@dataclass(frozen=True, slots=True)
class Objection:
    """Why an order is declined; `detail` is for a person and free of personal data."""

    reason: DeclineReason
    detail: str


async def objection(fact: Content, company: Company, book: Book) -> Objection | Parked | None:
    """Return what speaks against it, what it waits for, or None. Raises DynamicsError."""
    is_change = isinstance(fact, OrderChanged)
    if fact.on_account or is_change:
        credit = await book.customers.credit(company.entity(fact.company), fact.customer)
        if credit is None:
            return Parked(customer_key(fact), "Dynamics has no such customer")
        if found := credit_objection(fact, company, credit):
            return found
    if fact.contract_price or is_change:
        items = [line.item for line in fact.lines]
        prices = await book.prices.of_items(company.entity(fact.company), items, fact.customer)
        if missing := _missing_item(items, prices):
            return Parked(item_key(fact, missing), f"Dynamics has no item {missing}")
        if fact.contract_price:
            return price_objection(fact, company, prices)
    return None


def credit_objection(fact: Content, company: Company, credit: Credit) -> Objection | None:
    """Return what the customer's credit says against it.

    Limits are kept in the company's accounting currency, and no rate is known here. Where Dynamics
    does not tell what is owed, the order alone must be within the limit: Dynamics' own credit
    management is the second gate then.
    """
    if credit.on_hold:
        return Objection("customer-on-hold", "The customer is on hold in Dynamics.")
    if not fact.on_account or credit.limit is None:
        return None
    accounting = company.currencies[0]
    if fact.currency != accounting:
        detail = f"Credit is kept in {accounting}, the order is in {fact.currency}."
        return Objection("credit-limit", detail)
    if (credit.balance or Decimal(0)) + fact.total > credit.limit:
        return Objection("credit-limit", "The order exceeds the credit that is left.")
    return None


def price_objection(fact: Content, company: Company, prices: Sequence[Price]) -> Objection | None:
    """Return what the agreed prices say against it."""
    day, accounting = day_of(fact, company), company.currencies[0]
    found = [
        difference
        for line in fact.lines
        if (difference := price_difference(line, prices, day, fact.currency, accounting))
    ]
    if not found:
        return None
    more = len(found) - MAX_DIFFERENCES
    named = "; ".join(found[:MAX_DIFFERENCES])
    return Objection("price-differs", f"{named}; {more} more" if more > 0 else named)


def _missing_item(items: Sequence[str], prices: Sequence[Price]) -> str:
    """Return the first item without a card, '' where all have one."""
    there = {price.item.casefold() for price in prices if price.is_card}
    return next((item for item in items if item.casefold() not in there), "")
