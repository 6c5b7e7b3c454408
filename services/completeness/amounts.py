"""Money as a certificate writes it. Pure."""

from __future__ import annotations

from decimal import Decimal

from shared.events import MINOR_UNITS, smallest_amount


def plain(amount: Decimal, currency: str) -> Decimal:
    """Return the amount with the currency's digits, so that equal content has equal text."""
    if currency not in MINOR_UNITS:  # no money, and so no currency
        return amount.normalize()
    in_minor_units = amount.quantize(smallest_amount(currency))
    # An amount below the minor unit is wrong, and the certificate is where that must show.
    return in_minor_units + 0 if in_minor_units == amount else amount.normalize()
