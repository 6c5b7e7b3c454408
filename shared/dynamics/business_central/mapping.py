"""Documents as Business Central writes them, and whether one there is ours. No I/O.

Only fields that a client may write are written: a read-only one is refused as "Control 'x' is
read-only", also where Microsoft's samples send it. `sequence` is left to Business Central. Whether
prices include tax is the customer card's setting on invoices and credit memos; only an order takes
it from us.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from shared.dynamics.amounts import extended, minor_unit
from shared.dynamics.business_central.keys import EXTERNAL_DOCUMENT, short_key
from shared.dynamics.odata.errors import Conflict, SetUpWrong
from shared.dynamics.ports.documents import DocumentKind, SalesDocument, SalesLine
from shared.dynamics.service import Entity

Body = dict[str, object]


@dataclass(frozen=True, slots=True)
class Shape:
    """How a kind of document is written."""

    entity_set: str
    lines: str
    day: str
    reference: str = ""
    """The field for what the customer knows the document by."""
    posts: bool = True
    """Whether a draft of it is posted at once."""


SHAPES: Mapping[DocumentKind, Shape] = {
    DocumentKind.ORDER: Shape("salesOrders", "salesOrderLines", "orderDate", posts=False),
    DocumentKind.INVOICE: Shape(
        "salesInvoices", "salesInvoiceLines", "invoiceDate", "customerPurchaseOrderReference"
    ),
    DocumentKind.CREDIT_MEMO: Shape("salesCreditMemos", "salesCreditMemoLines", "creditMemoDate"),
}
"""Business Central's API has no return orders."""

ORDER_ONLY = (
    "pricesIncludeTax", "requestedDeliveryDate", "shipToName", "shipToAddressLine1", "shipToCity",
    "shipToPostCode", "shipToCountry",
)  # fmt: skip

DRAFT = "Draft"
HEADER_READ = (
    "id", "number", "externalDocumentNumber", "customerNumber", "currencyCode", "pricesIncludeTax",
    "totalAmountExcludingTax", "totalAmountIncludingTax", "status",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Places:
    """Ids of what lines refer to: variants by (item, code), locations by code."""

    variants: Mapping[tuple[str, str], str]
    locations: Mapping[str, str]


def header(document: SalesDocument, invoice_id: str = "") -> Body:
    """Return the header without lines; `invoice_id` is of the invoice a credit memo applies to."""
    shape = SHAPES[document.kind]
    body: Body = {
        "externalDocumentNumber": short_key(document.key, EXTERNAL_DOCUMENT),
        "customerNumber": document.customer,
        "currencyCode": document.currency,
        shape.day: document.day,
        "postingDate": document.day,
    }
    if document.kind is DocumentKind.ORDER:
        body |= _of_order(document)
    if document.reference and shape.reference:
        body[shape.reference] = document.reference[:35]
    if invoice_id:
        body["invoiceId"] = invoice_id
    return body


def _of_order(document: SalesDocument) -> Body:
    """What only an order has: how its prices are meant, when it is wanted and where it goes."""
    body: Body = {"pricesIncludeTax": document.prices_include_tax}
    if document.requested:
        body["requestedDeliveryDate"] = document.requested
    if to := document.delivery:
        texts = {
            "shipToName": to.name[:100],
            "shipToAddressLine1": to.street[:100],
            "shipToCity": to.city[:30],
            "shipToPostCode": to.postal_code[:20],
            "shipToCountry": to.country[:10],
        }
        body |= {name: text for name, text in texts.items() if text}
    return body


def line(sold: SalesLine, document: SalesDocument, places: Places) -> Body:
    body: Body = {
        "lineType": "Account" if sold.account else "Item",
        "lineObjectNumber": sold.account or sold.item,
        "quantity": sold.quantity,
        "unitPrice": sold.unit_price,
        "discountAmount": sold.discount,
    }
    location = "" if sold.account else sold.location or document.location
    if sold.variant:
        body["itemVariantId"] = places.variants[sold.item, sold.variant]
    if location:
        body["locationId"] = places.locations[location]
    optional = {
        "unitOfMeasureCode": sold.unit,
        "taxCode": sold.tax_group,
        "description": sold.description[:100],
    }
    return body | {name: value for name, value in optional.items() if value}


def document_body(document: SalesDocument, places: Places, invoice_id: str = "") -> Body:
    """Return header and lines for one deep insert."""
    lines = [line(each, document, places) for each in document.lines]
    return {**header(document, invoice_id), SHAPES[document.kind].lines: lines}


def expected_total(document: SalesDocument) -> Decimal:
    """Return what the lines come to, with or without tax as the document's prices are."""
    return sum(
        (
            extended(each.quantity, each.unit_price, document.currency) - each.discount
            for each in document.lines
        ),
        Decimal(),
    )


def differences(document: SalesDocument, there: Entity) -> str:
    """Return `Field: theirs there, ours here` for whatever says that it is not the same document.

    Business Central computes tax and rounds anew: up to one minor unit per line is the same.
    """
    found = []
    total = "totalAmountExcludingTax"
    if document.prices_include_tax:
        total = "totalAmountIncludingTax"
    tolerance = minor_unit(document.currency) * len(document.lines)
    theirs, ours = Decimal(str(there[total])), expected_total(document)
    if abs(theirs - ours) > tolerance:
        found.append(f"{total}: {theirs} there, {ours} here")
    for name, own in (("customerNumber", document.customer), ("currencyCode", document.currency)):
        if str(there[name]).casefold() != own.casefold():
            found.append(f"{name}: {there[name]} there, {own} here")
    return "; ".join(found)


def check_prices(document: SalesDocument, there: Entity) -> None:
    """Raise SetUpWrong where the customer card takes our prices for something else."""
    if bool(there["pricesIncludeTax"]) is not document.prices_include_tax:
        wanted = "on" if document.prices_include_tax else "off"
        raise SetUpWrong(
            f"Document {there['number']} is not posted: turn 'Prices Including VAT' {wanted} on "
            f"the card of customer {document.customer} and delete this draft."
        )


def conflict(there: Entity, different: str) -> Conflict:
    """The draft Business Central made of ours is not what we meant; it stays, unposted."""
    return Conflict(f"Draft {there['number']} is not posted: {different}")
