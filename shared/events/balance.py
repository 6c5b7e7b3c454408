"""The money invariants of a sale or return: what must add up, checked in minor units."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import chain
from typing import Protocol

from .basket import Discount, ReturnLine, SaleLine, Tender
from .money import extended_amount, is_in_minor_units, smallest_amount

_ZERO = Decimal(0)

_SMALLEST_COIN = {"CLP": Decimal(10), "HUF": Decimal(5)}
"""Where it is worth more than two major units: cash is rounded by up to half of it."""


class Transaction(Protocol):
    """The amounts of a sale or return, all positive except `rounding`."""

    @property
    def currency(self) -> str: ...
    @property
    def prices_include_tax(self) -> bool: ...
    @property
    def lines(self) -> Sequence[SaleLine]: ...
    @property
    def exchanged_lines(self) -> Sequence[SaleLine]: ...
    @property
    def basket_discounts(self) -> Sequence[Discount]: ...
    @property
    def tenders(self) -> Sequence[Tender]: ...
    @property
    def rounding(self) -> Decimal: ...
    @property
    def total(self) -> Decimal: ...


def first_contradiction(transaction: Transaction) -> str | None:
    """Return a sentence about the first rule broken, naming the line; None when everything adds up.

    Rules, in this order:
    1. line numbers are unique, every amount is in its currency's minor units
    2. line: round(quantity x unit price) - discounts - basket share = net + taxes if prices include
       tax, else = net
    3. the lines' basket shares = the basket discounts; of exchanged lines only returned ones have
       shares, from the sale they come from
    4. |rounding| is less than one major unit, or at most half the smallest coin
    5. total = net and taxes of the lines - those of the exchanged lines + rounding
    6. tenders less change = total; a tender in the sale's own currency has one amount
    """
    return next(
        chain(
            _lines(transaction),
            _basket(transaction),
            _total(transaction),
            _tenders(transaction),
        ),
        None,
    )


def _lines(transaction: Transaction) -> Iterator[str]:
    unit = smallest_amount(transaction.currency)
    lines = (*transaction.lines, *transaction.exchanged_lines)
    if len({line.number for line in lines}) < len(lines):
        yield "two lines have the same line number"
    for line in lines:
        for name, amount in _line_amounts(line):
            if amount % unit:
                yield _fraction(f"line {line.number} {name}", amount, transaction.currency)
        extended = extended_amount(line.quantity, line.unit_price, transaction.currency)
        paid = extended - sum(_amounts(line.discounts), _ZERO) - line.basket_discount
        if transaction.prices_include_tax:
            if paid != line.gross_amount:
                yield (
                    f"line {line.number}: price less discounts is {paid},"
                    f" net and taxes are {line.gross_amount}"
                )
        elif paid != line.net_amount:
            yield (f"line {line.number}: price less discounts is {paid}, net is {line.net_amount}")


def _line_amounts(line: SaleLine) -> list[tuple[str, Decimal]]:
    named = [("net_amount", line.net_amount), ("basket_discount", line.basket_discount)]
    named += [("discount", discount.amount) for discount in line.discounts]
    named += [("tax", tax.amount) for tax in line.taxes]
    return named


def _amounts(discounts: Iterable[Discount]) -> Iterator[Decimal]:
    return (discount.amount for discount in discounts)


def _basket(transaction: Transaction) -> Iterator[str]:
    for discount in transaction.basket_discounts:
        if not is_in_minor_units(discount.amount, transaction.currency):
            yield _fraction("basket discount", discount.amount, transaction.currency)
    granted = sum(_amounts(transaction.basket_discounts), _ZERO)
    shared = sum((line.basket_discount for line in transaction.lines), _ZERO)
    if shared != granted:
        yield f"basket discounts are {granted}, the lines' shares of them {shared}"
    for line in transaction.exchanged_lines:
        if line.basket_discount and not isinstance(line, ReturnLine):
            yield f"line {line.number} was taken in exchange and shares a basket discount"


def _total(transaction: Transaction) -> Iterator[str]:
    for name, amount in (("rounding", transaction.rounding), ("total", transaction.total)):
        if not is_in_minor_units(amount, transaction.currency):
            yield _fraction(name, amount, transaction.currency)
    coin = _SMALLEST_COIN.get(transaction.currency, _ZERO)
    if 1 <= abs(transaction.rounding) > coin / 2:
        yield f"rounding of {transaction.rounding} is not less than one {transaction.currency}"
    lines = sum((line.gross_amount for line in transaction.lines), _ZERO)
    lines -= sum((line.gross_amount for line in transaction.exchanged_lines), _ZERO)
    if lines + transaction.rounding != transaction.total:
        where = "lines less exchanged lines" if transaction.exchanged_lines else "lines"
        yield (
            f"total is {transaction.total}, {where} are {lines} and rounding {transaction.rounding}"
        )


def _tenders(transaction: Transaction) -> Iterator[str]:
    for position, tender in enumerate(transaction.tenders, start=1):
        own = (tender.amount, tender.currency)
        in_sale = (tender.amount_in_sale_currency, transaction.currency)
        for amount, currency in (own, in_sale):
            if not is_in_minor_units(amount, currency):
                yield _fraction(f"tender {position}", amount, currency)
        if tender.currency == transaction.currency and own != in_sale:
            yield (
                f"tender {position} is {tender.amount} {tender.currency},"
                f" in the same currency {tender.amount_in_sale_currency}"
            )
    paid = sum(
        (
            -tender.amount_in_sale_currency if tender.is_change else tender.amount_in_sale_currency
            for tender in transaction.tenders
        ),
        _ZERO,
    )
    if paid != transaction.total:
        yield f"tenders less change are {paid}, total is {transaction.total}"


def _fraction(where: str, amount: Decimal, currency: str) -> str:
    return f"{where} of {amount} has a fraction below the minor unit of {currency}"
