"""Which fields of which sets the adapters write and read: what `metadata check` compares.

Lengths are those of the longest text we may write; where a text is the caller's own, of any length,
Business Central refuses what is too long, and nothing is listed.
"""

from __future__ import annotations

from shared.dynamics.business_central import (
    customer_payments,
    customers,
    ledger_journals,
    mapping,
    master_data,
    pos_documents,
    stock,
    webhooks,
)
from shared.dynamics.business_central.keys import DOCUMENT, EXTERNAL_DOCUMENT, JOURNAL, POS
from shared.dynamics.fields import EntityFields

_KEY = ("id",)
_LINE = (
    "lineType", "lineObjectNumber", "quantity", "unitPrice", "discountAmount", "itemVariantId",
    "locationId", "unitOfMeasureCode", "taxCode", "description",
)  # fmt: skip
_HEADER = ("externalDocumentNumber", "customerNumber", "currencyCode", "postingDate")
_DOCUMENTS = ("SalesDocuments.post", "SalesDocuments.cancel", "SalesDocuments.status")
_ACCOUNT = ("G_x002F_L_x0020_Account",)


def _lines(entity_set: str) -> EntityFields:
    return EntityFields(
        entity_set,
        _KEY,
        written=_LINE,
        symbols={"lineType": ("Item", "Account")},
        lengths={"description": 100},
        used_by=("SalesDocuments.post",),
    )


def _header(
    entity_set: str, lines: str, day: str, actions: tuple[str, ...], *more: str
) -> EntityFields:
    pdf = () if entity_set == "salesOrders" else ("pdfDocument",)
    number = ("orderNumber",) if entity_set == "salesInvoices" else ()
    return EntityFields(
        entity_set,
        _KEY,
        written=(*_HEADER, day, *more),
        read=(*mapping.HEADER_READ, *number),
        follows=(lines, *pdf),
        actions=actions,
        lengths={"externalDocumentNumber": EXTERNAL_DOCUMENT},
        used_by=_DOCUMENTS,
    )


def _coded(entity_set: str, *used_by: str) -> EntityFields:
    return EntityFields(entity_set, _KEY, read=master_data.CODED, used_by=used_by)


_MASTER = "MasterData.codes"

FIELDS: tuple[EntityFields, ...] = (
    EntityFields("companies", _KEY, read=("id", "name")),
    EntityFields("companyInformation", _KEY, read=("currencyCode",)),
    EntityFields(
        "items",
        _KEY,
        written=("inventory",),
        read=("id", *master_data.ITEM, "inventory"),
        follows=("itemVariants",),
        used_by=(
            "MasterData.products", "MasterData.prices", "ItemPrices.of_items", "Stock.count",
            "Stock.on_hand",
        ),
    ),
    EntityFields(
        "itemVariants",
        _KEY,
        read=("id", "itemNumber", *master_data.VARIANT),
        used_by=("MasterData.products", "SalesDocuments.post"),
    ),
    _coded("itemCategories", _MASTER),
    _coded("unitsOfMeasure", _MASTER),
    _coded("paymentMethods", _MASTER),
    _coded("currencies", _MASTER),
    _coded("locations", "MasterData.places", "SalesDocuments.post"),
    EntityFields(
        "dimensions",
        _KEY,
        read=master_data.CODED,
        follows=("dimensionValues",),
        used_by=(_MASTER, "MasterData.dimension_values"),
    ),
    _coded("dimensionValues", "MasterData.dimension_values"),
    EntityFields("vendors", _KEY, read=master_data.VENDOR, used_by=("MasterData.vendors",)),
    EntityFields(
        "customers",
        _KEY,
        written=("number", "type", *customers.TEXTS),
        read=(*customers.READ, "creditLimit", "blocked", "currencyCode"),
        follows=(customers.FINANCES,),
        symbols={"type": ("Person", "Company")},
        used_by=("Customers.save", "Customers.find", "Customers.credit"),
    ),
    EntityFields(
        "customerFinancialDetails", _KEY, read=("balance",), used_by=("Customers.credit",)
    ),
    _header(
        "salesOrders", "salesOrderLines", "orderDate", ("shipAndInvoice",), *mapping.ORDER_ONLY
    ),
    _lines("salesOrderLines"),
    _header(
        "salesInvoices",
        "salesInvoiceLines",
        "invoiceDate",
        ("post", "cancel"),
        "customerPurchaseOrderReference",
    ),
    _lines("salesInvoiceLines"),
    _header(
        "salesCreditMemos",
        "salesCreditMemoLines",
        "creditMemoDate",
        ("post", "cancel"),
        "invoiceId",
    ),
    _lines("salesCreditMemoLines"),
    EntityFields("pdfDocument", _KEY, read=("pdfDocumentContent",)),
    EntityFields(
        "customerPaymentJournals",
        _KEY,
        read=("id", "code"),
        follows=("customerPayments",),
        used_by=("CustomerPayments.post",),
    ),
    EntityFields(
        "customerPayments",
        _KEY,
        written=(
            "customerNumber", "postingDate", "documentNumber", "externalDocumentNumber", "amount",
            "description", "appliesToInvoiceId",
        ),
        read=customer_payments.READ,
        lengths={"externalDocumentNumber": EXTERNAL_DOCUMENT, "documentNumber": DOCUMENT,
                 "description": 100},
        used_by=("CustomerPayments.post",),
    ),
    EntityFields(
        "journals",
        _KEY,
        written=("code", "displayName", "templateDisplayName"),
        read=("id", "code"),
        follows=(ledger_journals.LINES,),
        actions=("post",),
        lengths={"code": JOURNAL, "displayName": 100},
        used_by=("LedgerJournals.post",),
    ),
    EntityFields(
        ledger_journals.LINES,
        _KEY,
        written=(
            "lineNumber", "accountType", "accountNumber", "postingDate", "documentNumber",
            "externalDocumentNumber", "amount", "description", "balanceAccountType",
            "balancingAccountNumber",
        ),
        read=("lineNumber", "documentNumber", "accountNumber", "amount"),
        follows=(ledger_journals.DIMENSIONS,),
        symbols={"accountType": _ACCOUNT, "balanceAccountType": _ACCOUNT},
        lengths={"documentNumber": DOCUMENT, "externalDocumentNumber": EXTERNAL_DOCUMENT,
                 "description": 100},
        used_by=("LedgerJournals.post",),
    ),
    EntityFields(
        ledger_journals.DIMENSIONS,
        _KEY,
        written=("code", "valueCode"),
        used_by=("LedgerJournals.post",),
    ),
    EntityFields(
        "generalLedgerEntries",
        _KEY,
        read=("documentNumber", "debitAmount", "creditAmount"),
        used_by=("LedgerJournals.post", "CustomerPayments.post"),
    ),
    EntityFields(
        "subscriptions",
        ("subscriptionId",),
        written=("notificationUrl", "resource", "clientState"),
        read=webhooks.READ,
    ),
)  # fmt: skip

CUSTOM_FIELDS: tuple[EntityFields, ...] = (
    EntityFields(
        pos_documents.SET,
        _KEY,
        written=(
            "posKey", "documentType", "customerNumber", "documentDate", "currencyCode",
            "pricesIncludeTax", "expectedTotal", "tolerance", "reference", "appliesToPosKey",
        ),
        read=pos_documents.READ,
        follows=(pos_documents.LINES,),
        actions=("book",),
        symbols={"documentType": tuple(pos_documents.TYPES.values())},
        lengths={"posKey": POS, "appliesToPosKey": POS, "reference": 35},
        used_by=("SalesDocuments.post", "SalesDocuments.status"),
    ),
    EntityFields(
        pos_documents.LINES,
        _KEY,
        written=(
            "lineNumber", "itemNumber", "variantCode", "unitOfMeasureCode", "locationCode",
            "description", "quantity", "unitPrice", "discountAmount", "taxCode",
        ),
        lengths={"description": 100},
        used_by=("SalesDocuments.post",),
    ),
    EntityFields(
        "itemPrices",
        _KEY,
        read=(*master_data.PRICE, "lastModifiedDateTime"),
        used_by=("MasterData.prices", "ItemPrices.of_items"),
    ),
    EntityFields(
        stock.MOVEMENTS,
        _KEY,
        written=(
            "entryKey", "movementType", "itemNumber", "variantCode", "locationCode",
            "newLocationCode", "quantity", "postingDate", "reason",
        ),
        read=stock.COMPARED,
        symbols={"movementType": ("Adjustment", "Count", "Transfer")},
        used_by=("Stock.change", "Stock.count", "Stock.transfer"),
    ),
    EntityFields("locationStocks", _KEY, read=stock.ON_HAND, used_by=("Stock.on_hand",)),
)  # fmt: skip
"""Of the retail custom API, whose `$metadata` is a document of its own."""
