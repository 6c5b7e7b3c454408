"""Variants: our one text for the five product dimensions of Finance & Operations. No I/O.

`configuration/size/color/style/version`, without the slashes at the end: `/M/Blue` is size M, blue.
"""

from __future__ import annotations

from collections.abc import Mapping

DIMENSIONS = (
    "ProductConfigurationId",
    "ProductSizeId",
    "ProductColorId",
    "ProductStyleId",
    "ProductVersionId",
)


def variant_of(row: Mapping[str, object], prefix: str = "") -> str:
    return "/".join(str(row.get(f"{prefix}{name}") or "") for name in DIMENSIONS).rstrip("/")


def dimensions_of(variant: str, prefix: str = "") -> dict[str, str]:
    """Return the fields of the dimensions that have a value."""
    values = variant.split("/") if variant else []
    return {
        f"{prefix}{name}": value for name, value in zip(DIMENSIONS, values, strict=False) if value
    }
