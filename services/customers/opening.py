"""Open the books that the companies keep customers, points and gift cards in, and no others."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from services.customers.authority import SENT
from services.customers.books import CustomersBook, EntriesBook, NotesBook
from shared.clock import Clock
from shared.companies import Company, CustomerBook, EntryBook
from shared.dynamics.ports.loyalty import GiftCards, Loyalty

if TYPE_CHECKING:
    from shared.dynamics.governor import Book


@dataclass
class OpenedBooks:
    """The books there are, by the product's name."""

    customers: dict[CustomerBook, CustomersBook] = field(default_factory=dict)
    loyalty: dict[EntryBook, EntriesBook[Loyalty]] = field(default_factory=dict)
    gift_cards: dict[EntryBook, EntriesBook[GiftCards]] = field(default_factory=dict)
    notes: NotesBook | None = None


async def open_books(
    companies: Iterable[Company], opening: AsyncExitStack, clock: Clock, notes: Book
) -> OpenedBooks:
    """Sign-in happens with the first request. Raises ValidationError naming a missing setting."""
    wanted = {
        name
        for company in companies
        for name in (*company.customers, company.loyalty, company.gift_cards)
    }
    books = OpenedBooks()
    if "finance-operations" in wanted:
        await _finance_operations(books, opening, clock, notes)
    if "business-central" in wanted:
        await _business_central(books, opening, clock, notes)
    if "dataverse" in wanted:
        await _dataverse(books, opening, clock, notes)
    return books


async def _finance_operations(
    books: OpenedBooks, opening: AsyncExitStack, clock: Clock, notes: Book
) -> None:
    from shared.dynamics import DynamicsSettings, finance_operations

    system: EntryBook = "finance-operations"
    finance = await opening.enter_async_context(
        finance_operations(DynamicsSettings(), clock, notes)
    )
    books.customers[system] = CustomersBook(
        system, "customer", finance.customers, "CustomersV3", "CustomersV3", currency=True
    )
    books.loyalty[system] = EntriesBook(
        system,
        "LoyaltyCardRewardPointAdjustments",
        finance.loyalty,
        finance.late_loyalty,
        knows_cards=True,
    )
    books.gift_cards[system] = EntriesBook(
        system,
        "RetailGiftCardTransactions",
        finance.gift_cards,
        finance.gift_cards,
        knows_cards=True,
    )


async def _business_central(
    books: OpenedBooks, opening: AsyncExitStack, clock: Clock, notes: Book
) -> None:
    from shared.dynamics.business_central import BusinessCentralSettings, business_central

    central = await opening.enter_async_context(
        business_central(BusinessCentralSettings(), clock, notes)
    )
    books.customers["business-central"] = CustomersBook(
        "business-central",
        "customer",
        central.customers,
        "customers",
        "customers",
        # Its API has no language of a customer.
        fields=tuple(name for name in SENT if name != "language"),
    )


async def _dataverse(
    books: OpenedBooks, opening: AsyncExitStack, clock: Clock, notes: Book
) -> None:
    from shared.dynamics.dataverse import DataverseSettings, dataverse
    from shared.dynamics.dataverse.tables import ANNOTATION, Tables

    system: EntryBook = "dataverse"
    settings = DataverseSettings()
    tables = Tables(settings.prefix)
    product = await opening.enter_async_context(dataverse(settings, clock, notes))
    books.customers[system] = CustomersBook(
        system,
        "contact",
        product.customers,
        tables.contact.entity_set,
        tables.account.entity_set,
    )
    books.loyalty[system] = EntriesBook(
        system, tables.points.entity_set, product.loyalty, product.late_loyalty, knows_cards=False
    )
    books.gift_cards[system] = EntriesBook(
        system,
        tables.gift_cards.entity_set,
        product.gift_cards,
        product.gift_cards,
        knows_cards=False,
    )
    books.notes = NotesBook(system, ANNOTATION.entity_set, product.notes)
