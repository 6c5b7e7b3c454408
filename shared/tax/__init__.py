"""Tax law as dated configuration, and what of a sale or return contradicts it."""

from __future__ import annotations

from .check import check
from .country import CountryTax, EInvoiceRules, InvoiceRules, Rate
from .rates import InvalidTaxRates, TaxRates

__all__ = [
    "CountryTax",
    "EInvoiceRules",
    "InvalidTaxRates",
    "InvoiceRules",
    "Rate",
    "TaxRates",
    "check",
]
