"""What a till computes: line amounts, taxes, shared discounts, cash rounding and change.

Everything is exact, in the minor units of the transaction's currency, halves away from zero.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal

from shared.events import (
    Discount,
    OriginalLine,
    ReturnLine,
    SaleCompleted,
    SaleLine,
    SaleReturned,
    TaxAmount,
    Tender,
    TransactionKey,
    extended_amount,
    round_money,
    smallest_amount,
)

_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Tax:
    """A tax a position is subject to."""

    code: str
    rate_percent: Decimal


@dataclass(frozen=True, slots=True)
class Position:
    """What the cashier enters for one line."""

    item: str
    quantity: Decimal
    unit_price: Decimal
    description: str = ""
    barcode: str | None = None
    unit: str = "EA"
    taxes: tuple[Tax, ...] = ()
    discounts: tuple[Discount, ...] = ()
    gift_card: str | None = None
    """Card that the position sells or adds to."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How a store prices: its currency and whether prices contain the taxes."""

    currency: str
    prices_include_tax: bool


Payment = Callable[[Decimal], tuple[Tender, ...]]
"""Returns the tenders, change included, that pay a total."""


def allocate(amount: Decimal, weights: Sequence[Decimal], currency: str) -> list[Decimal]:
    """Return the amount's shares in proportion to the weights; they add up exactly.

    Largest remainder: every share is rounded down to minor units, what is left goes one unit each
    to the largest remainders, the first of equals first. No share exceeds its weight as long as
    the amount does not exceed their sum. Raises ValueError when there is nothing to allocate to.
    """
    if amount == 0:
        return [_ZERO] * len(weights)
    unit = smallest_amount(currency)
    whole, units = sum(weights, _ZERO), int(amount / unit)
    if whole <= 0:
        raise ValueError("a discount needs lines that cost something")
    exact = [divmod(int(weight / unit) * units, int(whole / unit)) for weight in weights]
    left = units - sum(share for share, _ in exact)
    by_remainder = sorted(range(len(weights)), key=lambda index: -exact[index][1])
    favoured = set(by_remainder[:left])
    return [(share + (index in favoured)) * unit for index, (share, _) in enumerate(exact)]


def price_lines(
    positions: Sequence[Position], basket_discount: Decimal, terms: Terms
) -> tuple[SaleLine, ...]:
    """Return the lines, numbered from 1, with their shares of the basket discount and taxes."""
    prices = [
        extended_amount(position.quantity, position.unit_price, terms.currency)
        - sum((discount.amount for discount in position.discounts), _ZERO)
        for position in positions
    ]
    shares = allocate(basket_discount, prices, terms.currency)
    return tuple(
        _line(number, position, price, share, terms)
        for number, (position, price, share) in enumerate(
            zip(positions, prices, shares, strict=True), start=1
        )
    )


def _line(
    number: int, position: Position, price: Decimal, share: Decimal, terms: Terms
) -> SaleLine:
    paid = price - share
    taxes = _taxes(paid, position.taxes, terms)
    included = sum((tax.amount for tax in taxes), _ZERO) if terms.prices_include_tax else _ZERO
    return SaleLine(
        number=number,
        item=position.item,
        description=position.description,
        barcode=position.barcode,
        unit=position.unit,
        quantity=position.quantity,
        unit_price=position.unit_price,
        discounts=position.discounts,
        basket_discount=share,
        taxes=taxes,
        net_amount=paid - included,
        gift_card=position.gift_card,
    )


def _taxes(paid: Decimal, taxes: Sequence[Tax], terms: Terms) -> tuple[TaxAmount, ...]:
    if not taxes:
        return ()
    whole = Decimal(100)
    if terms.prices_include_tax:
        whole += sum((tax.rate_percent for tax in taxes), _ZERO)
    return tuple(
        TaxAmount(
            code=tax.code,
            rate_percent=tax.rate_percent,
            amount=round_money(paid * tax.rate_percent / whole, terms.currency),
        )
        for tax in taxes
    )


def ring_up(
    key: TransactionKey,
    occurred_at: datetime,
    positions: Sequence[Position],
    terms: Terms,
    payment: Payment,
    *,
    basket_discounts: tuple[Discount, ...] = (),
    rounding_step: Decimal | None = None,
    receipt: str | None = None,
    customer: str | None = None,
    cashier: str | None = None,
) -> SaleCompleted:
    """Return the completed sale; `rounding_step` is the smallest coin where cash is rounded."""
    granted = sum((discount.amount for discount in basket_discounts), _ZERO)
    lines = price_lines(positions, granted, terms)
    due = sum((line.gross_amount for line in lines), _ZERO)
    total = due if rounding_step is None else rounded_to(due, rounding_step)
    return SaleCompleted(
        key=key,
        occurred_at=occurred_at,
        currency=terms.currency,
        prices_include_tax=terms.prices_include_tax,
        lines=lines,
        basket_discounts=basket_discounts,
        tenders=payment(total),
        rounding=total - due,
        total=total,
        receipt=receipt,
        customer=customer,
        cashier=cashier,
    )


def take_back(
    key: TransactionKey,
    occurred_at: datetime,
    sale: SaleCompleted,
    numbers: Sequence[int],
    payment: Payment,
    *,
    reason: str | None = None,
    receipt: str | None = None,
    rounding_step: Decimal | None = None,
) -> SaleReturned:
    """Return the return of whole lines of a sale at what was paid for them."""
    lines = tuple(
        ReturnLine(
            **dict(line), reason=reason, original=OriginalLine(key=sale.key, line=line.number)
        )
        for line in sale.lines
        if line.number in numbers
    )
    shared = sum((line.basket_discount for line in lines), _ZERO)
    due = sum((line.gross_amount for line in lines), _ZERO)
    total = due if rounding_step is None else rounded_to(due, rounding_step)
    return SaleReturned(
        key=key,
        occurred_at=occurred_at,
        currency=sale.currency,
        prices_include_tax=sale.prices_include_tax,
        lines=lines,
        basket_discounts=(Discount(code="RETURNED-SHARE", amount=shared),) if shared else (),
        tenders=payment(total),
        rounding=total - due,
        total=total,
        receipt=receipt,
        customer=sale.customer,
    )


def rounded_to(amount: Decimal, step: Decimal) -> Decimal:
    """Return the multiple of `step` nearest to the amount, halves away from zero."""
    return (amount / step).quantize(Decimal(1), ROUND_HALF_UP) * step


def exactly(means: str, currency: str) -> Payment:
    """Return a payment of exactly the total by one means; none for a total of zero."""
    return lambda total: (_tender(means, currency, total),) if total else ()


def cash_and_change(currency: str, note: Decimal) -> Payment:
    """Return a payment in cash with as many notes of one value as it takes, and change."""

    def pay(total: Decimal) -> tuple[Tender, ...]:
        handed = (total / note).quantize(Decimal(1), ROUND_CEILING) * note
        change = handed - total
        paid = exactly("cash", currency)(handed)
        return (*paid, _tender("cash", currency, change, is_change=True)) if change else paid

    return pay


def foreign_cash(currency: str, foreign: str, rate: Decimal, note: Decimal) -> Payment:
    """Return a payment in foreign notes with change in the store's own currency.

    `rate` is units of the store's currency for one foreign unit.
    """

    def pay(total: Decimal) -> tuple[Tender, ...]:
        if not total:
            return ()
        handed = (total / rate / note).quantize(Decimal(1), ROUND_CEILING) * note
        worth = round_money(handed * rate, currency)
        if worth < total:  # the value of one note more covers what rounding took
            handed += note
            worth = round_money(handed * rate, currency)
        paid = Tender(
            type="cash",
            currency=foreign,
            amount=handed,
            amount_in_sale_currency=worth,
            exchange_rate=rate,
        )
        change = worth - total
        return (paid, _tender("cash", currency, change, is_change=True)) if change else (paid,)

    return pay


def first_then(means: str, limit: Decimal, currency: str, rest: Payment) -> Payment:
    """Return a payment of up to `limit` by one means, such as a gift card, the rest by another."""

    def pay(total: Decimal) -> tuple[Tender, ...]:
        covered = min(limit, total)
        return (*exactly(means, currency)(covered), *rest(total - covered))

    return pay


def _tender(means: str, currency: str, amount: Decimal, *, is_change: bool = False) -> Tender:
    return Tender.model_validate(
        {
            "type": means,
            "currency": currency,
            "amount": amount,
            "amount_in_sale_currency": amount,
            "is_change": is_change,
        }
    )
