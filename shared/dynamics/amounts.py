"""Amounts as products round them: in the minor units of their currency, halves away from zero."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

_DIGITS = {
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(
        ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV",
         "XAF", "XOF", "XPF"), 0,
    ),
}  # fmt: skip
"""ISO 4217 currencies that do not have two decimal places."""


def minor_unit(currency: str) -> Decimal:
    """Return the smallest amount: EUR 0.01, JPY 1, KWD 0.001."""
    return Decimal(1).scaleb(-_DIGITS.get(currency, 2))


def extended(quantity: Decimal, unit_price: Decimal, currency: str) -> Decimal:
    """Return quantity x unit price in minor units."""
    return (quantity * unit_price).quantize(minor_unit(currency), ROUND_HALF_UP)
