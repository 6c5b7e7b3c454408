"""The money invariants of a sale or return: what must add up, checked in minor units."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import chain
from typing import TYPE_CHECKING, Protocol

from .money import is_in_minor_units, round_money

if TYPE_CHECKING:
    from .sale import Discount, SaleLine, Tender

_ZERO = Decimal(0)


class Transaction(Protocol):
    """The amounts of a sale or return, all positive except `rounding`."""

    @property
    def currency(self) -> str: ...
    @property
    def prices_include_tax(self) -> bool: ...
    @property
    def lines(self) -> Sequence[SaleLine]: ...
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
       tax, else = net; and never below zero
    3. the lines' basket shares = the basket discounts
    4. |rounding| is less than one major unit
    5. total = sum of net and taxes + rounding
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
    currency = transaction.currency
    numbers = Counter(line.number for line in transaction.lines)
    for line in transaction.lines:
        if numbers[line.number] > 1:
            yield f"line number {line.number} is used {numbers[line.number]} times"
        where = f"line {line.number}"
        discounts = [discount.amount for discount in line.discounts]
        taxes = [tax.amount for tax in line.taxes]
        for name, amount in chain(
            [("net_amount", line.net_amount), ("basket_discount", line.basket_discount)],
            (("discount", amount) for amount in discounts),
            (("tax", amount) for amount in taxes),
        ):
            yield from _fraction(f"{where} {name}", amount, currency)
        extended = round_money(line.quantity * line.unit_price, currency)
        paid = extended - sum(discounts, _ZERO) - line.basket_discount
        if paid < 0:
            yield f"{where}: discounts exceed the price of {extended} by {-paid}"
        if transaction.prices_include_tax:
            if paid != line.gross_amount:
                yield (
                    f"{where}: price less discounts is {paid},"
                    f" net and taxes are {line.gross_amount}"
                )
        elif paid != line.net_amount:
            yield f"{where}: price less discounts is {paid}, net is {line.net_amount}"


def _basket(transaction: Transaction) -> Iterator[str]:
    for discount in transaction.basket_discounts:
        yield from _fraction("basket discount", discount.amount, transaction.currency)
    granted = sum((discount.amount for discount in transaction.basket_discounts), _ZERO)
    shared = sum((line.basket_discount for line in transaction.lines), _ZERO)
    if shared != granted:
        yield f"basket discounts are {granted}, the lines' shares of them {shared}"


def _total(transaction: Transaction) -> Iterator[str]:
    yield from _fraction("rounding", transaction.rounding, transaction.currency)
    yield from _fraction("total", transaction.total, transaction.currency)
    if abs(transaction.rounding) >= 1:
        yield f"rounding of {transaction.rounding} is not less than one {transaction.currency}"
    lines = sum((line.gross_amount for line in transaction.lines), _ZERO)
    if lines + transaction.rounding != transaction.total:
        yield (
            f"total is {transaction.total}, lines are {lines} and rounding {transaction.rounding}"
        )


def _tenders(transaction: Transaction) -> Iterator[str]:
    for position, tender in enumerate(transaction.tenders, start=1):
        where = f"tender {position}"
        yield from _fraction(where, tender.amount, tender.currency)
        yield from _fraction(where, tender.amount_in_sale_currency, transaction.currency)
        if (
            tender.currency == transaction.currency
            and tender.amount != tender.amount_in_sale_currency
        ):
            yield (
                f"{where} is {tender.amount} {tender.currency},"
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


def _fraction(where: str, amount: Decimal, currency: str) -> Iterator[str]:
    if not is_in_minor_units(amount, currency):
        yield f"{where} of {amount} has a fraction below the minor unit of {currency}"
