"""The entities of API v2.0 as tables.

A field is `name:kind[length][!]`; `!` is read-only, kinds are g guid, t text, c code, d decimal,
i int, b bool, D date, M moment, `e=` one of `_ENUMS`. Source of names, types and lengths: the
`$metadata` of a running environment; of what is read-only: `Editable = false` of the API v2.0
pages (microsoft/ALAppExtensions), whose id and change time are never written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from infra.local.dynamics.odata.entities import EntitySet

from .types import Field

_KINDS = {
    "g": "guid", "t": "text", "c": "code", "d": "decimal", "i": "int", "b": "bool", "D": "date",
    "M": "moment", "s": "stream",
}  # fmt: skip
_FIELD = re.compile(r"(\w+):(?:e=(\w+)|(\w)(\d+)?)(!?)")

_ACCOUNT_TYPES = (
    "G/L Account", "Customer", "Vendor", "Bank Account", "Fixed Asset", "IC Partner", "Employee",
    "Allocation Account",
)  # fmt: skip
_ENUMS: Mapping[str, tuple[str, ...]] = {
    "itemType": ("Inventory", "Service", "Non-Inventory"),
    "contactType": ("Company", "Person"),
    "customerBlocked": (" ", "Ship", "Invoice", "All"),
    "vendorBlocked": (" ", "Payment", "All"),
    "invoiceStatus": (" ", "Draft", "In Review", "Open", "Paid", "Canceled", "Corrective"),
    "orderStatus": ("Draft", "In Review", "Open"),
    "memoStatus": ("Draft", "In Review", "Open", "Canceled", "Corrective", "Paid"),
    "lineType": (
        "Comment", "Account", "Item", "Resource", "Fixed Asset", "Charge", "Allocation Account",
    ),
    "accountType": _ACCOUNT_TYPES,
    "documentType": (
        " ", "Payment", "Invoice", "Credit Memo", "Finance Charge Memo", "Reminder", "Refund",
    ),
    "entryType": (
        "Purchase", "Sale", "Positive Adjmt.", "Negative Adjmt.", "Transfer", "Consumption",
        "Output", " ", "Assembly Consumption", "Assembly Output",
    ),
    "parentType": (
        " ", "Journal Line", "Sales Order", "Sales Order Line", "Sales Quote", "Sales Quote Line",
        "Sales Credit Memo", "Sales Credit Memo Line", "Sales Invoice", "Sales Invoice Line",
        "Purchase Invoice", "Purchase Invoice Line", "General Ledger Entry",
        "Time Registration Entry", "Sales Shipment", "Sales Shipment Line", "Purchase Receipt",
        "Purchase Receipt Line", "Purchase Order", "Purchase Order Line", "Purchase Credit Memo",
        "Purchase Credit Memo Line",
    ),
    "attachedTo": (
        " ", "Journal", "Sales Order", "Sales Quote", "Sales Credit Memo", "Sales Invoice",
        "Purchase Invoice", "Purchase Order", "Employee", "Job", "Item", "Customer", "Vendor",
        "Purchase Credit Memo", "Customer Statement",
    ),
    "posDocumentType": ("Invoice", "Credit Memo"),
    "posStatus": ("New", "Booked"),
    "movementType": ("Adjustment", "Count", "Transfer"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entity:
    name: str
    """In the URL: `salesInvoices`."""
    type_name: str
    caption: str
    """The table in error texts."""
    fields: Mapping[str, Field]
    unique: tuple[str, ...] = ()
    """Fields no two rows of a company share."""
    parent: str = ""
    """The set whose row a row belongs to; it is addressed below that row."""
    parent_field: str = ""
    children: tuple[str, ...] = ()
    methods: tuple[str, ...] = ("GET", "POST", "PATCH", "DELETE")
    indexed: tuple[str, ...] = ()
    key: str = "id"
    table: EntitySet = field(init=False)

    def __post_init__(self) -> None:
        # The store takes a name and a key; types and rules of this product are its own.
        table = EntitySet(self.name, self.type_name, "", self.caption, ("company", self.key), {})
        object.__setattr__(self, "table", table)


def fields(text: str) -> dict[str, Field]:
    """Return the fields a text describes, blank separated."""
    described = {}
    for word in text.split():
        found = _FIELD.fullmatch(word)
        assert found is not None, word
        name, enum, kind, length, read_only = found.groups()
        described[name] = Field(
            name,
            "enum" if enum else _KINDS[kind],
            int(length) if length else None,
            _ENUMS[enum] if enum else (),
            bool(read_only),
        )
    return described


_READ: tuple[str, ...] = ("GET",)
_CODED = "id:g! code:c{} displayName:t{} lastModifiedDateTime:M!"

_SELL_TO = """sellToAddressLine1:t100 sellToAddressLine2:t50 sellToCity:t30 sellToCountry:c10
    sellToState:t30 sellToPostCode:c20"""
_BILL_TO = """billToAddressLine1:t100{0} billToAddressLine2:t50{0} billToCity:t30{0}
    billToCountry:c10{0} billToState:t30{0} billToPostCode:c20{0}"""
_SHIP_TO = """shipToName:t100 shipToContact:t100 shipToAddressLine1:t100 shipToAddressLine2:t50
    shipToCity:t30 shipToCountry:c10 shipToState:t30 shipToPostCode:c20"""
_HEADER = """id:g! number:c20! externalDocumentNumber:c35 postingDate:D customerId:g
    customerNumber:c20 customerName:t100! billToName:t100! billToCustomerId:g
    billToCustomerNumber:c20 currencyId:g currencyCode:c10 shortcutDimension1Code:c20
    shortcutDimension2Code:c20 paymentTermsId:g shipmentMethodId:g salesperson:c20
    discountAmount:d discountAppliedBeforeTax:b! totalAmountExcludingTax:d! totalTaxAmount:d!
    totalAmountIncludingTax:d! lastModifiedDateTime:M! phoneNumber:t30 email:t80"""
_LINE = """id:g! documentId:g sequence:i itemId:g accountId:g lineType:e=lineType
    lineObjectNumber:c20 description:t100 description2:t50 unitOfMeasureId:g
    unitOfMeasureCode:c10 quantity:d unitPrice:d discountAmount:d discountPercent:d
    discountAppliedBeforeTax:b! amountExcludingTax:d! taxCode:c50 taxPercent:d!
    totalTaxAmount:d! amountIncludingTax:d! invoiceDiscountAllocation:d! netAmount:d!
    netTaxAmount:d! netAmountIncludingTax:d! shipmentDate:D itemVariantId:g locationId:g"""
_ADDRESS = """addressLine1:t100 addressLine2:t50 city:t30 state:t30 country:c10 postalCode:c20
    phoneNumber:t30 email:t80 website:t80"""

_ENTITIES = (
    Entity(
        "companies", "company", "Company",
        fields("id:g! systemVersion:t! timestamp:i! name:t30! displayName:t250! "
                "businessProfileId:t250! systemCreatedAt:M! systemCreatedBy:g! "
                "systemModifiedAt:M! systemModifiedBy:g!"),
        methods=_READ,
    ),
    Entity(
        "companyInformation", "companyInformation", "Company Information",
        fields("id:g! displayName:t100 currencyCode:c10! currentFiscalYearStartDate:D! "
                "lastModifiedDateTime:M!"),
        methods=("GET", "PATCH"),
    ),
    Entity(
        "items", "item", "Item",
        fields("id:g! number:c20 displayName:t100 displayName2:t50 type:e=itemType "
                "itemCategoryId:g itemCategoryCode:c20 blocked:b gtin:c14 inventory:d unitPrice:d "
                "priceIncludesTax:b unitCost:d taxGroupId:g taxGroupCode:c20 "
                "baseUnitOfMeasureId:g baseUnitOfMeasureCode:c10 generalProductPostingGroupId:g "
                "generalProductPostingGroupCode:c20 inventoryPostingGroupId:g "
                "inventoryPostingGroupCode:c20 lastModifiedDateTime:M!"),
        unique=("number",), children=("itemVariants",),
    ),
    Entity(
        "itemVariants", "itemVariant", "Item Variant",
        fields("id:g! itemId:g itemNumber:c20 code:c10 description:t100 lastModifiedDateTime:M!"),
        unique=("itemNumber", "code"), parent="items", parent_field="itemId",
    ),
    Entity("itemCategories", "itemCategory", "Item Category", fields(_CODED.format(20, 100)),
           unique=("code",)),
    Entity(
        "unitsOfMeasure", "unitOfMeasure", "Unit of Measure",
        fields(_CODED.format(10, 50) + " internationalStandardCode:c10 symbol:t10"),
        unique=("code",),
    ),
    Entity("paymentMethods", "paymentMethod", "Payment Method", fields(_CODED.format(10, 100)),
           unique=("code",)),
    Entity(
        "currencies", "currency", "Currency",
        fields(_CODED.format(10, 30)
                + " symbol:t10 amountDecimalPlaces:t5 amountRoundingPrecision:d"),
        unique=("code",),
    ),
    Entity(
        "locations", "location", "Location",
        fields(_CODED.format(10, 100) + " contact:t100 " + _ADDRESS), unique=("code",),
    ),
    Entity("dimensions", "dimension", "Dimension",
           fields(_CODED.format(20, 30) + " consolidationCode:c20"), unique=("code",),
           children=("dimensionValues",), methods=_READ),
    Entity(
        "dimensionValues", "dimensionValue", "Dimension Value",
        fields(_CODED.format(20, 50) + " dimensionId:g consolidationCode:c20"),
        unique=("dimensionId", "code"), parent="dimensions", parent_field="dimensionId",
        methods=_READ,
    ),
    Entity(
        "accounts", "account", "G/L Account",
        fields("id:g! number:c20! displayName:t100! blocked:b! directPosting:b! netChange:d! "
                "lastModifiedDateTime:M!"),
        unique=("number",), methods=_READ,
    ),
    Entity(
        "customers", "customer", "Customer",
        fields("id:g! number:c20 displayName:t100 type:e=contactType " + _ADDRESS
                + " salespersonCode:c20 balanceDue:d! creditLimit:d taxLiable:b taxAreaId:g "
                "taxAreaDisplayName:t! taxRegistrationNumber:t currencyId:g currencyCode:c10 "
                "paymentTermsId:g shipmentMethodId:g paymentMethodId:g blocked:e=customerBlocked "
                "lastModifiedDateTime:M!"),
        unique=("number",), children=("customerFinancialDetail",),
    ),
    Entity(
        "customerFinancialDetails", "customerFinancialDetail", "Customer Financial Details",
        fields("id:g! number:c20! balance:d! totalSalesExcludingTax:d! overdueAmount:d! "
                "lastModifiedDateTime:M!"),
        methods=_READ,
    ),
    Entity(
        "vendors", "vendor", "Vendor",
        fields("id:g! number:c20 displayName:t100 " + _ADDRESS
                + " taxRegistrationNumber:t currencyId:g currencyCode:c10 paymentTermsId:g "
                "paymentMethodId:g taxLiable:b blocked:e=vendorBlocked balance:d! "
                "lastModifiedDateTime:M!"),
        unique=("number",),
    ),
    Entity(
        "salesOrders", "salesOrder", "Sales Order",
        fields(f"{_HEADER} orderDate:D {_SELL_TO} {_BILL_TO.format('!')} {_SHIP_TO} "
                "pricesIncludeTax:b partialShipping:b requestedDeliveryDate:D fullyShipped:b "
                "status:e=orderStatus!"),
        children=("salesOrderLines", "dimensionSetLines"), indexed=("externalDocumentNumber",),
    ),
    Entity(
        "salesOrderLines", "salesOrderLine", "Sales Line",
        fields(_LINE + " shippedQuantity:d! invoicedQuantity:d! invoiceQuantity:d shipQuantity:d"),
        parent="salesOrders", parent_field="documentId", children=("dimensionSetLines",),
    ),
    Entity(
        "salesInvoices", "salesInvoice", "Sales Invoice",
        fields(f"{_HEADER} invoiceDate:D dueDate:D promisedPayDate:D "
                f"customerPurchaseOrderReference:t35 {_SELL_TO} {_BILL_TO.format('!')} {_SHIP_TO} "
                "orderId:g! orderNumber:c20! disputeStatusId:g disputeStatus:c10 "
                "pricesIncludeTax:b! remainingAmount:d! status:e=invoiceStatus!"),
        children=("salesInvoiceLines", "dimensionSetLines", "pdfDocument"),
        indexed=("externalDocumentNumber", "number"),
    ),
    Entity(
        "salesInvoiceLines", "salesInvoiceLine", "Sales Line", fields(_LINE),
        parent="salesInvoices", parent_field="documentId", children=("dimensionSetLines",),
    ),
    Entity(
        "salesCreditMemos", "salesCreditMemo", "Sales Credit Memo",
        fields(f"{_HEADER} creditMemoDate:D dueDate:D {_SELL_TO} {_BILL_TO.format('')} "
                "pricesIncludeTax:b! status:e=memoStatus! invoiceId:g invoiceNumber:c20 "
                "customerReturnReasonId:g"),
        children=("salesCreditMemoLines", "dimensionSetLines", "pdfDocument"),
        indexed=("externalDocumentNumber",),
    ),
    Entity(
        "salesCreditMemoLines", "salesCreditMemoLine", "Sales Line", fields(_LINE),
        parent="salesCreditMemos", parent_field="documentId", children=("dimensionSetLines",),
    ),
    Entity(
        "customerPaymentJournals", "customerPaymentJournal", "Gen. Journal Batch",
        fields(_CODED.format(10, 100) + " balancingAccountId:g balancingAccountNumber:c20!"),
        unique=("code",), children=("customerPayments",),
    ),
    Entity(
        "customerPayments", "customerPayment", "Gen. Journal Line",
        fields("id:g! journalId:g journalDisplayName:t10 lineNumber:i customerId:g "
                "customerNumber:c20 postingDate:D documentNumber:c20 externalDocumentNumber:c35 "
                "amount:d appliesToInvoiceId:g appliesToInvoiceNumber:c20 description:t100 "
                "comment:t250 lastModifiedDateTime:M!"),
        parent="customerPaymentJournals", parent_field="journalId",
        children=("dimensionSetLines",), indexed=("externalDocumentNumber",),
    ),
    Entity(
        "journals", "journal", "Gen. Journal Batch",
        fields(_CODED.format(10, 100)
                + " templateDisplayName:c10 balancingAccountId:g balancingAccountNumber:c20!"),
        unique=("code",), children=("journalLines",),
    ),
    Entity(
        "journalLines", "journalLine", "Gen. Journal Line",
        fields("id:g! journalId:g! journalDisplayName:t! lineNumber:i accountType:e=accountType "
                "accountId:g accountNumber:c20 postingDate:D documentNumber:c20 "
                "externalDocumentNumber:c35 amount:d description:t100 comment:t250 taxCode:c20 "
                "balanceAccountType:e=accountType balancingAccountId:g balancingAccountNumber:c20 "
                "lastModifiedDateTime:M!"),
        parent="journals", parent_field="journalId", children=("dimensionSetLines",),
    ),
    Entity(
        "dimensionSetLines", "dimensionSetLine", "Dimension Set Entry Buffer",
        fields("id:g code:c20 consolidationCode:c20! parentId:g! parentType:e=parentType! "
                "displayName:t30 valueId:g valueCode:c20 valueConsolidationCode:c20! "
                "valueDisplayName:t50"),
        unique=("parentId", "code"), parent="*", parent_field="parentId",
    ),
    Entity(
        "generalLedgerEntries", "generalLedgerEntry", "G/L Entry",
        fields("id:g! entryNumber:i! postingDate:D! documentNumber:c20! "
                "documentType:e=documentType! accountId:g! accountNumber:c20! description:t100! "
                "debitAmount:d! creditAmount:d! additionalCurrencyDebitAmount:d! "
                "additionalCurrencyCreditAmount:d! lastModifiedDateTime:M!"),
        methods=_READ, indexed=("documentNumber",), children=("dimensionSetLines",),
    ),
    Entity(
        "itemLedgerEntries", "itemLedgerEntry", "Item Ledger Entry",
        fields("id:g! entryNumber:i! itemNumber:c20! postingDate:D! entryType:e=entryType! "
                "documentNumber:c20! description:t100! quantity:d! salesAmountActual:d! "
                "costAmountActual:d! lastModifiedDateTime:M!"),
        methods=_READ, indexed=("itemNumber",),
    ),
    Entity(
        "pdfDocument", "pdfDocument", "Attachment Entity Buffer",
        fields("id:g! parentId:g! parentType:e=attachedTo! pdfDocumentContent:s!"),
        parent="*", parent_field="parentId", methods=_READ,
    ),
    Entity(
        "subscriptions", "subscriptions", "API Webhook Subscription",
        fields("subscriptionId:t150! notificationUrl:t resource:t timestamp:i! userId:g! "
                "lastModifiedDateTime:M! clientState:t2048 expirationDateTime:M! "
                "systemCreatedAt:M! systemCreatedBy:g! systemModifiedAt:M! systemModifiedBy:g!"),
        key="subscriptionId",
    ),
)  # fmt: skip

STANDARD: Mapping[str, Entity] = {each.name: each for each in _ENTITIES}
