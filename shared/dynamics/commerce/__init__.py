"""Commerce Scale Unit (Retail Server): sign-in, HTTP client and adapters, opened and closed as one.

What the role Application may not do there is missing on purpose: loyalty cards, their points and
redemption are for employees and customers only. `PostNonTransactionalActivityLoyaltyPoints` is
open to applications but takes no number of points, knows no key and cannot be looked up, so nobody
could say whether it was booked once; points go through Finance & Operations.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.clock import Clock, utc_now
from shared.dynamics.commerce.members import FIELDS, MEMBERS
from shared.dynamics.commerce.settings import CommerceSettings
from shared.dynamics.ports.documents import SalesDocuments
from shared.dynamics.ports.loyalty import GiftCardBalances
from shared.dynamics.ports.master_data import CustomerDirectory, Quotes
from shared.dynamics.ports.stock import StockLevels

if TYPE_CHECKING:
    from shared.dynamics.governor import Book

__all__ = ["FIELDS", "MEMBERS", "CommerceScaleUnit", "CommerceSettings", "commerce"]


@dataclass(frozen=True, slots=True)
class CommerceScaleUnit:
    """The ports of one channel."""

    sales_documents: SalesDocuments
    late_documents: SalesDocuments
    """The same in the lane of what comes late in bulk."""
    quotes: Quotes
    stock: StockLevels
    customers: CustomerDirectory
    gift_cards: GiftCardBalances


@asynccontextmanager
async def commerce(
    settings: CommerceSettings, clock: Clock = utc_now, book: Book | None = None
) -> AsyncIterator[CommerceScaleUnit]:
    """Give the ports on the scale unit the settings name; connections close on leaving.

    Signs in with the first request. Imports httpx and azure-identity only here: a worker starts
    without them. With a `book` the calls of all workers share one rate budget.
    """
    from shared.dynamics.claims import Claims
    from shared.dynamics.commerce.customers import CommerceCustomers
    from shared.dynamics.commerce.gift_cards import CommerceGiftCards
    from shared.dynamics.commerce.orders import CommerceOrders
    from shared.dynamics.commerce.products import CommerceQuotes, CommerceStock, Products
    from shared.dynamics.commerce.rules import RULES
    from shared.dynamics.connection import connect
    from shared.dynamics.governor.lanes import Lane

    headers = {"OUN": settings.operating_unit}
    async with connect(
        settings, "/Commerce", clock=clock, rules=RULES, headers=headers, book=book
    ) as service:
        products = Products(service, settings)
        claims = Claims(settings.base_url, clock, book)
        late = service.in_lane(Lane.BULK)
        yield CommerceScaleUnit(
            sales_documents=CommerceOrders(service, products, settings, claims),
            late_documents=CommerceOrders(late, products, settings, claims),
            quotes=CommerceQuotes(service.in_lane(Lane.PRICE), products, settings),
            stock=CommerceStock(service.in_lane(Lane.STOCK), products, settings),
            customers=CommerceCustomers(service, settings),
            gift_cards=CommerceGiftCards(service, settings),
        )
