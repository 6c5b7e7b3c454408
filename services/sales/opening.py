"""Opens the books of the products that the configured companies use, and of no others."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from services.sales.ledgers import SalesBook
from shared.clock import Clock
from shared.companies import Company

if TYPE_CHECKING:
    from shared.dynamics.governor import Book

_Opener = Callable[[AsyncExitStack, Clock, "Book"], Awaitable[SalesBook]]


def products_of(companies: Iterable[Company]) -> list[str]:
    """Return the products that keep sales or drawers of these companies."""
    kept = {keeper for each in companies for keeper in (each.ledger, each.cash or each.ledger)}
    return sorted(kept - {"none"})


async def open_books(
    companies: Iterable[Company], opening: AsyncExitStack, clock: Clock, notes: Book
) -> dict[str, SalesBook]:
    """Return a book for each product in use; `notes` is where instances share rates and claims.

    Raises pydantic's ValidationError naming a setting of a product in use that is missing.
    """
    return {
        product: await _OPENERS[product](opening, clock, notes)
        for product in products_of(companies)
    }


async def _finance_operations(opening: AsyncExitStack, clock: Clock, notes: Book) -> SalesBook:
    from services.sales.ledgers.finance_operations import FinanceOperationsBook
    from shared.dynamics import DynamicsSettings, finance_operations

    ports = await opening.enter_async_context(finance_operations(DynamicsSettings(), clock, notes))
    return FinanceOperationsBook(ports.transactions, ports.late_transactions, ports.statements)


async def _business_central(opening: AsyncExitStack, clock: Clock, notes: Book) -> SalesBook:
    from services.sales.ledgers.business_central import BusinessCentralBook
    from shared.dynamics.business_central import BusinessCentralSettings, business_central

    settings = BusinessCentralSettings()
    ports = await opening.enter_async_context(business_central(settings, clock, notes))
    return BusinessCentralBook(ports.sales_documents, ports.late_documents, ports.ledger_journals)


async def _commerce(opening: AsyncExitStack, clock: Clock, notes: Book) -> SalesBook:
    from services.sales.ledgers.commerce import CommerceBook
    from shared.dynamics.commerce import CommerceSettings, commerce

    ports = await opening.enter_async_context(commerce(CommerceSettings(), clock, notes))
    return CommerceBook(ports.sales_documents, ports.late_documents)


_OPENERS: Mapping[str, _Opener] = {
    "finance-operations": _finance_operations,
    "business-central": _business_central,
    "commerce": _commerce,
}
