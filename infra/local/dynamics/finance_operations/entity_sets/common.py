"""What the tables of several subjects share."""

from __future__ import annotations

COMPANY = {"dataAreaId": "Companies"}
COMPANY_AND_UNIT = {**COMPANY, "OperatingUnitNumber": "Operating units"}

DIMENSIONS = (
    "ProductConfigurationId",
    "ProductSizeId",
    "ProductColorId",
    "ProductStyleId",
    "ProductVersionId",
)
"""The five product dimensions; a variant is one combination of them."""

DIMENSION_NAMES = " ".join(DIMENSIONS)

TRACKING = (
    "ItemBatchNumber",
    "ItemSerialNumber",
    "WarehouseLocationId",
    "LicensePlateNumber",
    "InventoryStatusId",
)
TRACKING_NAMES = " ".join(TRACKING)
