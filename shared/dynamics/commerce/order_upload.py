"""A sales document as the body of an upload, and what must be the same in one that is there.

Members by a captured upload of Microsoft's headless commerce lab: a store's sale with a tender.
Returns (negative quantities and amounts) and the status of orders are guessed ([U]).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime, time, timezone
from decimal import Decimal
from typing import Any

from shared.dynamics.amounts import extended
from shared.dynamics.commerce.settings import CommerceSettings
from shared.dynamics.ports.documents import DocumentKind, SalesDocument, SalesLine
from shared.dynamics.ports.posting import Body

MAX_ID = 44
"""Characters of a transaction id in Commerce's tables."""

STATES = (
    "Unknown", "Created", "Processing", "Delivered", "Invoiced", "Confirmed", "Sent", "Canceled",
    "Lost",
)  # fmt: skip
"""Commerce's SalesStatus by its value."""

_STATUS = {
    DocumentKind.ORDER: STATES.index("Created"),
    DocumentKind.INVOICE: STATES.index("Invoiced"),
    DocumentKind.RETURN_ORDER: STATES.index("Created"),
    DocumentKind.CREDIT_MEMO: STATES.index("Invoiced"),
}
_RETURNS = (DocumentKind.RETURN_ORDER, DocumentKind.CREDIT_MEMO)
_SALES_TRANSACTION = 2
_COMMITTED = 4
_NAMESPACE = uuid.UUID("0d4f3a52-7f5e-5a55-9c5f-2f7e3f0c1a44")


def transaction_id(key: str) -> str:
    """Return our key, or a name made of it where it is longer than Commerce keeps."""
    return key if len(key) <= MAX_ID else uuid.uuid5(_NAMESPACE, key).hex


def upload_body(
    document: SalesDocument, products: Mapping[str, int], settings: CommerceSettings
) -> Body:
    sign = -1 if document.kind in _RETURNS else 1
    identifier = transaction_id(document.key)
    lines = [_line(each, document, products, settings, sign) for each in document.lines]
    moment = datetime.combine(document.day, time(12), timezone.utc)
    total = _total(lines, "TotalAmount")
    return {
        "Id": identifier,
        "ChannelReferenceId": identifier,
        "ChannelId": settings.channel_id,
        "StoreId": settings.store,
        "TerminalId": settings.terminal,
        "InventoryLocationId": document.location,
        "CustomerId": document.customer,
        "CurrencyCode": document.currency,
        "BusinessDate": document.day,
        "BeginDateTime": moment,
        "TransactionDate": document.day,
        "RequestedDeliveryDate": document.day,
        "TransactionTypeValue": _SALES_TRANSACTION,
        "StatusValue": _STATUS[document.kind],
        "IsTaxIncludedInPrice": document.prices_include_tax,
        "CustomerRequisition": document.reference,
        "NumberOfItems": _total(lines, "Quantity"),
        "DiscountAmount": _total(lines, "DiscountAmount"),
        "NetAmount": _total(lines, "NetAmount"),
        "NetAmountWithoutTax": _total(lines, "NetAmountWithoutTax"),
        "SubtotalAmount": _total(lines, "NetAmount"),
        "SubtotalAmountWithoutTax": _total(lines, "NetAmountWithoutTax"),
        "TaxAmount": _total(lines, "TaxAmount"),
        "TaxAmountInclusive": _total(lines, "TaxAmountInclusive"),
        "TaxAmountExclusive": _total(lines, "TaxAmountExclusive"),
        "GrossAmount": total,
        "TotalAmount": total,
        "AmountPaid": sign * sum((each.amount for each in document.tenders), Decimal(0)),
        "SalesLines": lines,
        "TenderLines": _tenders(document, identifier, moment, settings, sign),
    }


def _line(
    line: SalesLine,
    document: SalesDocument,
    products: Mapping[str, int],
    settings: CommerceSettings,
    sign: int,
) -> dict[str, object]:
    gross = extended(line.quantity, line.unit_price, document.currency)
    net = sign * (gross - line.discount)
    tax = sign * line.tax
    included = document.prices_include_tax
    total = net if included else net + tax
    return {
        "LineId": str(line.number),
        "LineNumber": line.number,
        "ItemId": line.item,
        "ProductId": products[line.item],
        "ListingId": products[line.item],
        "CatalogId": settings.catalog_id,
        "Quantity": sign * line.quantity,
        "UnitOfMeasureSymbol": line.unit,
        "SalesOrderUnitOfMeasure": line.unit,
        "Price": line.unit_price,
        "OriginalPrice": line.unit_price,
        "DiscountAmount": sign * line.discount,
        "NetAmount": net,
        "NetAmountWithoutTax": total - tax,
        "GrossAmount": sign * gross,
        "TotalAmount": total,
        "TaxAmount": tax,
        "TaxAmountInclusive": tax if included else Decimal(0),
        "TaxAmountExclusive": Decimal(0) if included else tax,
        "ItemTaxGroupId": line.tax_group,
        "InventoryLocationId": line.location or document.location,
        "ReturnTransactionId": transaction_id(document.applies_to) if document.applies_to else "",
        "Comment": line.description,
    }


def _tenders(
    document: SalesDocument,
    identifier: str,
    moment: datetime,
    settings: CommerceSettings,
    sign: int,
) -> list[dict[str, object]]:
    return [
        {
            "TenderLineId": str(number),
            "LineNumber": number,
            "TransactionId": identifier,
            "StoreId": settings.store,
            "TerminalId": settings.terminal,
            "ChannelId": settings.channel_id,
            "TenderTypeId": tender.method,
            "Amount": sign * tender.amount,
            "AmountInTenderedCurrency": sign * tender.amount,
            "AmountInCompanyCurrency": sign * tender.amount,
            "Currency": document.currency,
            "ExchangeRate": Decimal(1),
            "CompanyCurrencyExchangeRate": Decimal(1),
            "TenderDate": moment,
            "StatusValue": _COMMITTED,
            "IsChangeLine": False,
        }
        for number, tender in enumerate(document.tenders, start=1)
    ]


def _total(lines: Iterable[Mapping[str, Any]], name: str) -> Decimal:
    return sum((Decimal(line[name]) for line in lines), Decimal(0))


def differences(ours: Body, theirs: Mapping[str, Any]) -> str:
    """Name what differs in the fields that make it the same sale, '' when nothing does."""
    return "; ".join(
        f"{name}: {theirs.get(name)} there, {ours[name]} here"
        for name in ("CustomerId", "CurrencyCode", "TotalAmount")
        if theirs.get(name) != ours[name]
    )
