"""The entities of the retail custom API and of both APIs together.

The contract: `shared/dynamics/business_central/custom_api.md`.
"""

from __future__ import annotations

from collections.abc import Mapping

from .entities import STANDARD, Entity, fields

_CUSTOM = (
    Entity(
        "posDocuments", "posDocument", "POS Document",
        fields("id:g! posKey:t100 documentType:e=posDocumentType customerNumber:c20 "
                "documentDate:D currencyCode:c10 pricesIncludeTax:b reference:t35 "
                "appliesToPosKey:t100 expectedTotal:d tolerance:d status:e=posStatus! "
                "documentId:g! documentNumber:c20! "
                "totalAmountExcludingTax:d! totalTaxAmount:d! totalAmountIncludingTax:d! "
                "lastModifiedDateTime:M!"),
        unique=("posKey",), children=("posDocumentLines",), indexed=("posKey",),
    ),
    Entity(
        "posDocumentLines", "posDocumentLine", "POS Document Line",
        fields("id:g! documentId:g! lineNumber:i itemNumber:c20 variantCode:c10 "
                "accountNumber:c20 unitOfMeasureCode:c10 locationCode:c10 description:t100 "
                "quantity:d unitPrice:d discountAmount:d taxCode:c20"),
        unique=("documentId", "lineNumber"), parent="posDocuments", parent_field="documentId",
    ),
    Entity(
        "itemPrices", "itemPrice", "Item Price",
        fields("id:g! itemNumber:c20 variantCode:c10 unitOfMeasureCode:c10 locationCode:c10 "
                "customerNumber:c20 customerPriceGroup:c20 currencyCode:c10 minimumQuantity:d "
                "unitPrice:d priceIncludesTax:b startingDate:D endingDate:D "
                "lastModifiedDateTime:M!"),
        methods=("GET",),
    ),
    Entity(
        "stockMovements", "stockMovement", "Stock Movement",
        fields("id:g! entryKey:t100 movementType:e=movementType itemNumber:c20 variantCode:c10 "
                "locationCode:c10 newLocationCode:c10 quantity:d postingDate:D reason:t35 "
                "lastModifiedDateTime:M!"),
        unique=("entryKey",), methods=("GET", "POST"), indexed=("entryKey",),
    ),
    Entity(
        "locationStocks", "locationStock", "Location Stock",
        fields("id:g! itemNumber:c20! variantCode:c10! locationCode:c10! inventory:d! "
                "available:d! lastModifiedDateTime:M!"),
        unique=("itemNumber", "variantCode", "locationCode"), methods=("GET",),
        indexed=("itemNumber",),
    ),
)  # fmt: skip

CUSTOM: Mapping[str, Entity] = {each.name: each for each in _CUSTOM}
ALL: Mapping[str, Entity] = {**STANDARD, **CUSTOM}
CUSTOM_API = "tillbus/retail/v1.0"
