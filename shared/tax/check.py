"""What of a sale or return contradicts the tax law of its country.

The till has charged the tax and printed it: nothing is recomputed, amounts are only held against
the law. Three questions, in this order: is the rate in force, is the tax rounded as the law says,
is the receipt the tax invoice the law asks for.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Context, Decimal
from itertools import chain

from shared.events import (
    Reason,
    ReturnLine,
    SaleCompleted,
    SaleLine,
    SaleReturned,
    round_money,
    smallest_amount,
)

from .country import CountryTax
from .invoices import missing_of_invoice
from .rates import TaxRates

Sale = SaleCompleted | SaleReturned
Finding = tuple[Reason, str]

# Exact enough to round any quotient of amounts and rates a fact may hold as if it were not cut.
_EXACT = Context(prec=60)


def check(sale: Sale, country: str, rates: TaxRates) -> Finding | None:
    """Return the first contradiction to the tax law of `country` (ISO 3166-1), None where none is.

    A country of which nothing is configured, or an empty one, is not checked. The finding's
    sentence names lines and fields, never what stands in them of a person.
    """
    law = rates.country(country)
    if law is None:
        return None
    lines = (*sale.lines, *sale.exchanged_lines)
    in_force = rates.percents(country, sale.key.business_day)
    findings: Iterator[Finding] = chain(
        _rates(lines, sale, law, in_force),
        _rounding(lines, sale, law),
        ((Reason.TAX_INVOICE_INCOMPLETE, text) for text in missing_of_invoice(sale, law)),
    )
    return next(findings, None)


def _rates(
    lines: tuple[SaleLine, ...], sale: Sale, law: CountryTax, in_force: frozenset[Decimal]
) -> Iterator[Finding]:
    for line in lines if law.complete else ():
        for tax in line.taxes:
            if tax.rate_percent in in_force or _when_sold(tax.rate_percent, line, sale, law):
                continue
            known = ", ".join(f"{percent:f}" for percent in sorted(in_force))
            text = (
                f"line {line.number}: {tax.rate_percent:f} % ({tax.code}) was not in force in"
                f" {law.name} on {sale.key.business_day}; in force: {known}"
            )
            yield Reason.TAX_RATE_NOT_IN_FORCE, text


def _when_sold(percent: Decimal, line: SaleLine, sale: Sale, law: CountryTax) -> bool:
    """Whether goods that come back may have been sold at this rate."""
    if not isinstance(line, ReturnLine):
        return False
    if line.original is None:
        return percent in law.percents_before(sale.key.business_day)
    return percent in law.percents(line.original.key.business_day)


def _rounding(lines: tuple[SaleLine, ...], sale: Sale, law: CountryTax) -> Iterator[Finding]:
    unit = smallest_amount(sale.currency)
    for line in lines:
        tolerated = _tolerated_units(line, law) * unit
        for code, amount, exact in _exact_taxes(line, sale.prices_include_tax):
            rounded = round_money(exact, sale.currency)
            if abs(amount - rounded) > tolerated:
                text = f"line {line.number}: tax {code} is {amount}, its rate gives {rounded}"
                yield Reason.TAX_WRONGLY_ROUNDED, text


def _tolerated_units(line: SaleLine, law: CountryTax) -> int:
    """Return how many minor units a tax may be off.

    What comes back is not taxed anew: the tax that was charged is shared out over the returns of
    its line, so that they add up to it, and a share is rounded once more.
    """
    if isinstance(line, ReturnLine):
        return 2
    return 0 if law.rounding == "each-line" else 1


def _exact_taxes(
    line: SaleLine, prices_include_tax: bool
) -> Iterator[tuple[str, Decimal, Decimal]]:
    """Yield code, amount and unrounded amount of each tax of a line."""
    if not line.taxes:
        return
    base, whole = line.net_amount, Decimal(100)
    if prices_include_tax:
        base = line.gross_amount
        whole += sum((tax.rate_percent for tax in line.taxes), Decimal(0))
    for tax in line.taxes:
        exact = _EXACT.divide(_EXACT.multiply(base, tax.rate_percent), whole)
        yield tax.code, tax.amount, exact
