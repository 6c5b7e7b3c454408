"""Currencies and their minor units, and the one way amounts are rounded."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Context, Decimal
from types import MappingProxyType


def _minor_units_by_currency() -> dict[str, int]:
    exceptions = {
        0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
        3: "BHD IQD JOD KWD LYD OMR TND",
        4: "CLF UYW",
    }
    two = (
        "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN"
        " BZD CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP"
        " GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT"
        " LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN"
        " NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE"
        " SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES"
        " WST XCD XCG YER ZAR ZMW ZWG"
    )
    by_currency = dict.fromkeys(two.split(), 2)
    for units, codes in exceptions.items():
        by_currency.update(dict.fromkeys(codes.split(), units))
    return by_currency


MINOR_UNITS: Mapping[str, int] = MappingProxyType(_minor_units_by_currency())
"""Digits after the decimal point by currency code (ISO 4217, without metals and test codes)."""

_SMALLEST: Mapping[int, Decimal] = MappingProxyType({n: Decimal(1).scaleb(-n) for n in range(5)})

# Exact for the product of any two numbers a fact may hold, whatever context the caller has set.
_EXACT = Context(prec=60)


class UnknownCurrency(ValueError):
    """The code is not a currency of ISO 4217."""


def minor_units(currency: str) -> int:
    """Return the digits after the decimal point of a currency: GBP 2, JPY 0, KWD 3.

    Raises UnknownCurrency.
    """
    try:
        return MINOR_UNITS[currency]
    except KeyError:
        raise UnknownCurrency(f"{currency!r} is not an ISO 4217 currency code") from None


def smallest_amount(currency: str) -> Decimal:
    """Return one minor unit as an amount: GBP 0.01, JPY 1, KWD 0.001."""
    return _SMALLEST[minor_units(currency)]


def round_money(amount: Decimal, currency: str) -> Decimal:
    """Return the amount in the currency's minor units, halves away from zero."""
    return amount.quantize(smallest_amount(currency), ROUND_HALF_UP, _EXACT)


def extended_amount(quantity: Decimal, unit_price: Decimal, currency: str) -> Decimal:
    """Return quantity x unit price in the currency's minor units, halves away from zero."""
    return round_money(_EXACT.multiply(quantity, unit_price), currency)


def is_in_minor_units(amount: Decimal, currency: str) -> bool:
    """Return whether the amount has no fraction below the currency's minor unit."""
    return amount == round_money(amount, currency)
