"""Who keeps a company's web orders: one product's ports, and what differs between the products."""

from __future__ import annotations

from dataclasses import dataclass

from shared.dynamics import Booked, MissingParent, Refused
from shared.dynamics.ports.documents import CustomerPayments, DocumentKind, SalesDocuments
from shared.dynamics.ports.master_data import Customers, ItemPrices


@dataclass(frozen=True, slots=True)
class Book:
    """`shipped` are the states of an order that is too far to be taken back, in the product's own
    words. `order_becomes_invoice`: invoicing removes the order, the invoice has its key, and a
    payment can name it."""

    system: str
    order_set: str
    payment_set: str
    documents: SalesDocuments
    payments: CustomerPayments
    customers: Customers
    prices: ItemPrices
    shipped: frozenset[str] = frozenset()
    order_becomes_invoice: bool = False

    async def take_back(self, company: str, key: str) -> bool:
        """Cancel the sales order of this key; return False where it is too late for that.

        True where there is none, or none any more. Raises DynamicsError."""
        order = await self.documents.status(DocumentKind.ORDER, company, key)
        if order is not None and order.state in self.shipped:
            return False
        posting = await self.documents.cancel(DocumentKind.ORDER, company, key)
        if isinstance(posting, Booked) or isinstance(posting.error, MissingParent):
            return True
        if isinstance(posting.error, Refused) and await self._is_gone(company, key):
            return False
        raise posting.error

    async def _is_gone(self, company: str, key: str) -> bool:
        """Return whether the order went further since it was last looked at."""
        order = await self.documents.status(DocumentKind.ORDER, company, key)
        return self.order_becomes_invoice if order is None else order.state in self.shipped
