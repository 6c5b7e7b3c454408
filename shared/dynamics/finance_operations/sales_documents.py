"""Orders, return orders, invoices and credit memos in Finance & Operations.

An invoice is an order invoiced at once, a credit memo the same with negative quantities: its
entities know no other way to one. Numbers are Dynamics' own; our key is CustomersOrderReference,
which is not unique there, so it is looked up before the first write (dynamics.md, section 7).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Literal

from shared.dynamics.finance_operations.concurrency import each
from shared.dynamics.finance_operations.custom_services import CANCEL, INVOICE
from shared.dynamics.finance_operations.entities import Entity, yes_no
from shared.dynamics.finance_operations.keys import PAYMENT_REFERENCE, REFERENCE, short_key
from shared.dynamics.finance_operations.numbered import Draft, Kind, NumberedDocuments
from shared.dynamics.finance_operations.variants import DIMENSIONS, dimensions_of
from shared.dynamics.ports.documents import DocumentKind, DocumentStatus, SalesDocument, SalesLine
from shared.dynamics.ports.posting import Posting

_USED_BY = ("SalesDocuments.post", "SalesDocuments.cancel", "SalesDocuments.status")
OrderSet = Literal["SalesOrderHeadersV2", "SalesOrderHeadersV3", "SalesOrderHeadersV4"]
LineSet = Literal["SalesOrderLines", "SalesOrderLinesV3"]


def _key(document: SalesDocument) -> str:
    return short_key(document.key, REFERENCE)


def _reference(document: SalesDocument) -> str:
    return short_key(document.reference, PAYMENT_REFERENCE) if document.reference else ""


_DELIVERY: dict[str, Callable[[SalesDocument], object]] = {
    # [U]: an address of this order alone; the extracts we have leave these fields out.
    "IsDeliveryAddressOrderSpecific": lambda document: "Yes" if document.delivery else "",
    "DeliveryAddressName": lambda document: document.delivery and document.delivery.name,
    "DeliveryAddressStreet": lambda document: document.delivery and document.delivery.street,
    "DeliveryAddressCity": lambda document: document.delivery and document.delivery.city,
    "DeliveryAddressZipCode": lambda document: document.delivery and document.delivery.postal_code,
    "DeliveryAddressCountryRegionId": lambda document: (
        document.delivery and document.delivery.country
    ),
}


def order_header(name: str) -> Entity[SalesDocument]:
    return Entity(
        name,
        ("dataAreaId", "SalesOrderNumber"),
        {
            "dataAreaId": lambda document: document.company,
            "OrderingCustomerAccountNumber": lambda document: document.customer,
            "CurrencyCode": lambda document: document.currency,
            "CustomersOrderReference": _key,
            "CustomerRequisitionNumber": _reference,
            "ArePricesIncludingSalesTax": lambda document: yes_no(document.prices_include_tax),
            "RequestedShippingDate": lambda document: document.requested or document.day,
            "DefaultShippingSiteId": lambda document: document.site,
            "DefaultShippingWarehouseId": lambda document: document.location,
            **_DELIVERY,
        },
        compared=("OrderingCustomerAccountNumber", "CurrencyCode"),
        read=("SalesOrderStatus", "OrderTotalAmount"),
        symbols={
            "ArePricesIncludingSalesTax": ("Yes", "No"),
            "IsDeliveryAddressOrderSpecific": ("Yes",),
        },
        lengths={"CustomersOrderReference": REFERENCE},
        used_by=_USED_BY,
    )


def order_lines(name: str) -> Entity[SalesLine]:
    return Entity(
        name,
        ("dataAreaId", "InventoryLotId"),
        {
            "CustomersLineNumber": lambda line: line.number,
            "ItemNumber": lambda line: line.item,
            "OrderedSalesQuantity": lambda line: line.quantity,
            "SalesUnitSymbol": lambda line: line.unit,
            "SalesPrice": lambda line: line.unit_price,
            # Dynamics keeps a discount per unit, which a discount of the line need not divide into.
            "LineAmount": lambda line: line.quantity * line.unit_price - line.discount,
            "SalesTaxItemGroupCode": lambda line: line.tax_group,
            "ShippingSiteId": lambda line: line.site,
            "ShippingWarehouseId": lambda line: line.location,
            "LineDescription": lambda line: line.description,
        },
        more=("dataAreaId", "SalesOrderNumber", *DIMENSIONS),
        compared=("CustomersLineNumber", "ItemNumber", "OrderedSalesQuantity"),
        used_by=_USED_BY,
    )


RETURN_HEADER: Entity[SalesDocument] = Entity(
    "ReturnOrderHeadersV2",
    ("dataAreaId", "ReturnOrderNumber"),
    {
        "dataAreaId": lambda document: document.company,
        "CustomerAccountNumber": lambda document: document.customer,
        "CurrencyCode": lambda document: document.currency,
        "CustomersOrderReference": _key,
        "CustomerRequisitionNumber": _reference,
        "DefaultReturnSiteId": lambda document: document.site,
        "DefaultReturnWarehouseId": lambda document: document.location,
    },
    compared=("CustomerAccountNumber", "CurrencyCode"),
    read=("ReturnStatus",),
    lengths={"CustomersOrderReference": REFERENCE},
    used_by=_USED_BY,
)

RETURN_LINES: Entity[SalesLine] = Entity(
    "ReturnOrderLinesV2",
    ("dataAreaId", "ReturnOrderNumber", "ReturnInventoryLotId"),
    {
        "ItemNumber": lambda line: line.item,
        "ReturnSalesQuantity": lambda line: -line.quantity,
        "SalesUnitSymbol": lambda line: line.unit,
        "SalesPrice": lambda line: line.unit_price,
        "LineAmount": lambda line: line.discount - line.quantity * line.unit_price,
        "ReturnSiteId": lambda line: line.site,
        "ReturnWarehouseId": lambda line: line.location,
        "LineDescription": lambda line: line.description,
    },
    more=DIMENSIONS,
    compared=("ItemNumber", "ReturnSalesQuantity"),
    used_by=_USED_BY,
)

RETURN_ORDER = Kind(
    RETURN_HEADER,
    RETURN_LINES,
    number="ReturnOrderNumber",
    reference="CustomersOrderReference",
    parent="ReturnOrderNumber",
    ended={CANCEL: ("ReturnStatus", "Canceled")},
)


def order_kind(headers: OrderSet, lines: LineSet) -> Kind:
    return Kind(
        order_header(headers),
        order_lines(lines),
        number="SalesOrderNumber",
        reference="CustomersOrderReference",
        parent="SalesOrderNumber",
        ended={
            CANCEL: ("SalesOrderStatus", "Canceled"),
            INVOICE: ("SalesOrderStatus", "Invoiced"),
        },
    )


_ACTIONS = {DocumentKind.INVOICE: INVOICE, DocumentKind.CREDIT_MEMO: INVOICE}


class FinanceOperationsSalesDocuments:
    """The `SalesDocuments` port on Finance & Operations."""

    def __init__(self, documents: NumberedDocuments, headers: OrderSet, lines: LineSet) -> None:
        self._documents = documents
        self._orders = order_kind(headers, lines)

    async def post(self, documents: Sequence[SalesDocument]) -> Sequence[Posting]:
        """See the port. An invoice needs the custom service `invoice`."""
        return await each(self._post, documents)

    async def cancel(self, kind: DocumentKind, company: str, key: str) -> Posting:
        """See the port. Needs the custom service `cancel`."""
        reference = short_key(key, REFERENCE)
        return await self._documents.end(self._kind(kind), company, reference, CANCEL)

    async def status(self, kind: DocumentKind, company: str, key: str) -> DocumentStatus | None:
        of = self._kind(kind)
        header = await self._documents.find(of, company, short_key(key, REFERENCE), of.header.read)
        if header is None:
            return None
        total = header.get("OrderTotalAmount")
        return DocumentStatus(
            key,
            str(header[of.number]),
            str(header[of.header.read[0]]),
            None if total is None else Decimal(total),
        )

    async def _post(self, document: SalesDocument) -> Posting:
        return await self._documents.book(
            self._kind(document.kind), self.draft(document), _ACTIONS.get(document.kind, "")
        )

    def _kind(self, kind: DocumentKind) -> Kind:
        return RETURN_ORDER if kind is DocumentKind.RETURN_ORDER else self._orders

    def draft(self, document: SalesDocument) -> Draft:
        kind = self._kind(document.kind)
        lines = [
            {**kind.lines.body(line), **dimensions_of(line.variant)} for line in document.lines
        ]
        if document.kind is DocumentKind.CREDIT_MEMO:
            lines = [line | _negative(line) for line in lines]
        return Draft(document.company, kind.header.body(document), lines)


def _negative(line: dict[str, object]) -> dict[str, object]:
    turned: dict[str, object] = {}
    for name in ("OrderedSalesQuantity", "LineAmount"):
        value = line[name]
        assert isinstance(value, Decimal)
        turned[name] = -value
    return turned
