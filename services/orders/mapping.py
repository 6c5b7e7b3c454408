"""Orders and payments as Dynamics' documents. Pure: the same fact gives the same document."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

from shared.booking import missing_key
from shared.companies import Company, Place
from shared.dynamics import DynamicsError
from shared.dynamics.ports.documents import (
    DeliveryAddress,
    DocumentKind,
    Payment,
    SalesDocument,
    SalesLine,
)
from shared.events import OrderCancelled, OrderChanged, OrderLine, OrderPlaced, PaymentCaptured

Content = OrderPlaced | OrderChanged
"""The facts that say what is ordered."""

OrderFact = Content | OrderCancelled | PaymentCaptured


def order_key(fact: OrderFact) -> str:
    """Return the key of an order in the records."""
    return f"{fact.company}/{fact.order}"


def parking_key(fact: OrderFact) -> str:
    """Return the key that what misses an order waits under."""
    return f"order/{order_key(fact)}"


def document_key(fact: OrderFact, version: int) -> str:
    """Return the key of the sales order of one version, unique in the company.

    Order numbers have no slash, so no two orders share a key.
    """
    return f"{fact.order}/{version}"


def day_of(fact: Content, company: Company) -> date:
    """Return the day it was ordered or changed, by the company's clock."""
    moment = fact.placed_at if isinstance(fact, OrderPlaced) else fact.changed_at
    return moment.astimezone(ZoneInfo(company.time_zone)).date()


def sales_order(fact: Content, company: Company) -> SalesDocument:
    """Return the sales order of this version."""
    place = _place(fact, company)
    return SalesDocument(
        kind=DocumentKind.ORDER,
        company=company.entity(fact.company),
        key=document_key(fact, fact.version),
        customer=fact.customer,
        day=day_of(fact, company),
        currency=fact.currency,
        lines=tuple(_line(line) for line in fact.lines),
        prices_include_tax=fact.prices_include_tax,
        site=place.site,
        location=place.warehouse,
        reference=fact.order,
        requested=fact.requested_day,
        delivery=_delivery(fact),
    )


def _place(fact: Content, company: Company) -> Place:
    """Without a store the goods come from where the company says, or Dynamics decides."""
    if fact.store:
        return company.place(fact.store)
    return Place(site=company.site, warehouse=company.warehouse or "")


def _line(line: OrderLine) -> SalesLine:
    return SalesLine(
        number=line.number,
        item=line.item,
        quantity=line.quantity,
        unit_price=line.unit_price,
        discount=line.discount,
        variant=line.variant or "",
        unit=line.unit,
        description=line.description,
    )


def _delivery(fact: Content) -> DeliveryAddress | None:
    if fact.delivery is None:
        return None
    return DeliveryAddress(
        name=fact.delivery.name,
        street=fact.delivery.street,
        city=fact.delivery.city,
        postal_code=fact.delivery.postal_code,
        country=fact.delivery.country,
    )


def payment_key(fact: PaymentCaptured) -> str:
    """Return the key of a payment, unique in the company."""
    return f"{fact.order}/{fact.payment}"


def customer_payment(fact: PaymentCaptured, company: Company, applies_to: str = "") -> Payment:
    """Return the payment; `applies_to` is the key of the invoice it pays, '' on account."""
    day = fact.captured_at.astimezone(ZoneInfo(company.time_zone)).date()
    return Payment(
        company=company.entity(fact.company),
        key=payment_key(fact),
        customer=fact.customer,
        day=day,
        amount=fact.amount,
        currency=fact.currency,
        method=company.payment_methods.get(fact.method, ""),
        applies_to=applies_to,
    )


def customer_key(fact: Content | PaymentCaptured) -> str:
    """Return the key that what misses this customer waits under."""
    return f"customer/{fact.company}/{fact.customer}"


def item_key(fact: Content, item: str) -> str:
    """Return the key that what misses this item waits under."""
    return f"item/{fact.company}/{item}"


_PLACES = ("warehouse", "location", "site")


def order_waits_for(fact: Content, error: DynamicsError) -> str:
    """Return the key of the record an order waits for, as far as Dynamics says which it is."""
    candidates = {item_key(fact, line.item): line.item for line in fact.lines}
    candidates[customer_key(fact)] = fact.customer
    said = error.message.casefold()
    otherwise = item_key(fact, fact.lines[0].item)
    if "customer" in said:
        otherwise = customer_key(fact)
    elif fact.store and any(word in said for word in _PLACES):
        otherwise = f"store/{fact.company}/{fact.store}"
    return missing_key(error, candidates, otherwise)
