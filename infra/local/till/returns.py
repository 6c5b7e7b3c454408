"""What a till gives back: pieces of sold lines at what was paid for them, and exchanges.

However a sale is cut up into returns, they add up to it: every discount, the basket share, every
tax and the net amount. Shares are cumulative, so what is left over by rounding goes to the piece at
which the sum of the pieces reaches it, never to none and never to two.
"""

from __future__ import annotations

from collections.abc import Sequence
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
    TransactionKey,
    extended_amount,
    smallest_amount,
)

from .pricing import Payment, Position, Tax, Terms, price_lines, rounded_to

ROUNDING = "ROUNDING"
"""Discount code of what no unit price of six decimals can express."""
RETURNED_SHARE = "RETURNED-SHARE"
"""Discount code of the basket shares that come back with their lines."""

_ZERO = Decimal(0)
_SIX_DECIMALS = Decimal("0.000001")


class Refunds:
    """What has come back of one transaction's sold lines."""

    def __init__(self, sale: SaleCompleted | SaleReturned) -> None:
        self._sale = sale
        sold = sale.lines if isinstance(sale, SaleCompleted) else sale.exchanged_lines
        self._lines = {line.number: line for line in sold}
        self._returned = dict.fromkeys(self._lines, _ZERO)

    @property
    def numbers(self) -> list[int]:
        """Return the numbers of the lines of which something is left."""
        return [number for number in self._lines if self.left(number)]

    def left(self, number: int) -> Decimal:
        """Return how much of a line has not come back."""
        return self._lines[number].quantity - self._returned[number]

    def piece(
        self,
        number: int,
        quantity: Decimal | None = None,
        *,
        reason: str | None = None,
        gift_receipt: bool = False,
    ) -> ReturnLine:
        """Take back a quantity of a line, or what is left of it; return the line of the return.

        Raises ValueError for more than is left.
        """
        quantity = self.left(number) if quantity is None else quantity
        if not _ZERO < quantity <= self.left(number):
            raise ValueError(f"of line {number} only {self.left(number)} can come back")
        line, before = self._lines[number], self._returned[number]
        self._returned[number] = before + quantity
        terms = Terms(self._sale.currency, self._sale.prices_include_tax)
        shares = _Shares(line, terms).between(before, before + quantity)
        return ReturnLine(
            **{
                **dict(line),
                **shares,
                "quantity": quantity,
                "reason": reason,
                "original": OriginalLine(key=self._sale.key, line=number),
                "gift_receipt": gift_receipt,
            }
        )


class _Shares:
    """Divides a sold line's amounts by quantity, counted in minor units."""

    def __init__(self, line: SaleLine, terms: Terms) -> None:
        self._line = line
        self._terms = terms
        self._unit = smallest_amount(terms.currency)
        taxes = [self._units(tax.amount) for tax in line.taxes]
        self._reductions = [self._units(line.basket_discount)]
        self._reductions += [self._units(discount.amount) for discount in line.discounts]
        self._taxes, self._net = taxes, self._units(line.net_amount)
        self._paid = self._net + (sum(taxes) if terms.prices_include_tax else 0)

    def between(self, before: Decimal, after: Decimal) -> dict[str, object]:
        """Return the amounts that belong to the quantity from `before` to `after`."""
        extended = self._extended(after) - self._extended(before)
        pairs = zip(self._amounts(after), self._amounts(before), strict=True)
        net, basket, *rest = [(later - earlier) * self._unit for later, earlier in pairs]
        taxes, discounts = rest[: len(self._taxes)], rest[len(self._taxes) :]
        price, residue = self._price(after - before, extended * self._unit)
        granted = [
            discount.model_copy(update={"amount": amount})
            for discount, amount in zip(self._line.discounts, discounts, strict=True)
            if amount
        ]
        if residue:
            granted.append(Discount(code=ROUNDING, amount=residue))
        return {
            "unit_price": price,
            "net_amount": net,
            "basket_discount": basket,
            "discounts": tuple(granted),
            "taxes": tuple(
                tax.model_copy(update={"amount": amount})
                for tax, amount in zip(self._line.taxes, taxes, strict=True)
            ),
        }

    def _amounts(self, quantity: Decimal) -> list[int]:
        """Return net, basket share, taxes and discounts of the first `quantity` of the line."""
        paid, *reductions = _first(self._extended(quantity), [self._paid, *self._reductions])
        if self._terms.prices_include_tax:
            *taxes, net = _first(paid, [*self._taxes, self._net])
        else:
            net = paid
            taxes = [_rounded(tax, paid, self._paid) for tax in self._taxes]
        return [net, reductions[0], *taxes, *reductions[1:]]

    def _extended(self, quantity: Decimal) -> int:
        return self._units(extended_amount(quantity, self._line.unit_price, self._terms.currency))

    def _units(self, amount: Decimal) -> int:
        return int(amount / self._unit)

    def _price(self, quantity: Decimal, wanted: Decimal) -> tuple[Decimal, Decimal]:
        """Return the unit price whose rounded extension is wanted, and what is then too much."""

        def too_much(price: Decimal) -> Decimal:
            return extended_amount(quantity, price, self._terms.currency) - wanted

        nearest = (wanted / quantity).quantize(_SIX_DECIMALS, ROUND_HALF_UP)
        for price in (self._line.unit_price, nearest):
            if not too_much(price):
                return price, _ZERO
        above = (wanted / quantity).quantize(_SIX_DECIMALS, ROUND_CEILING)
        return above, too_much(above)


def _first(amount: int, parts: Sequence[int]) -> list[int]:
    """Return what of each part belongs to the first `amount` of their sum.

    A part's share is rounded, what it leaves is shared out to the parts after it. As the amount
    grows no share ever shrinks, because none grows faster than what it is taken from.
    """
    shares, whole = [], sum(parts)
    for part in parts:
        shares.append(_rounded(part, amount, whole))
        amount -= shares[-1]
        whole -= part
    return shares


def _rounded(part: int, amount: int, whole: int) -> int:
    """Return part x amount / whole, halves up; 0 of nothing."""
    return (2 * part * amount + whole) // (2 * whole) if whole else 0


@dataclass(frozen=True, slots=True)
class Slip:
    """What stands above the lines of a transaction."""

    key: TransactionKey
    occurred_at: datetime
    terms: Terms
    payment: Payment
    rounding_step: Decimal | None = None
    """Smallest coin, where cash is rounded."""
    receipt: str | None = None
    customer: str | None = None
    cashier: str | None = None

    def paying(self, amount: Decimal) -> dict[str, object]:
        """Return the fields of a transaction in which this amount is paid, cash rounded."""
        step = self.rounding_step
        total = amount if step is None else rounded_to(amount, step)
        return {
            "key": self.key,
            "occurred_at": self.occurred_at,
            "currency": self.terms.currency,
            "prices_include_tax": self.terms.prices_include_tax,
            "tenders": self.payment(total),
            "rounding": total - amount,
            "total": total,
            "receipt": self.receipt,
            "customer": self.customer,
            "cashier": self.cashier,
        }


def refund(slip: Slip, back: Sequence[ReturnLine]) -> SaleReturned:
    """Return the return of these lines, of one sale or several, renumbered from 1."""
    return _return(slip, back, ())


def exchange(
    slip: Slip,
    back: Sequence[ReturnLine],
    taken: Sequence[Position],
    basket_discounts: tuple[Discount, ...] = (),
) -> SaleCompleted | SaleReturned:
    """Return the one transaction of an exchange: a sale if what is taken is worth no less.

    Only the difference is paid, by the customer or to the customer; nothing if there is none.
    """
    granted = sum((discount.amount for discount in basket_discounts), _ZERO)
    goods = price_lines(taken, granted, slip.terms)
    owed = _worth(goods) - _worth(back)
    if owed < 0:
        return _return(slip, back, [_with_own_discount(line, basket_discounts) for line in goods])
    return SaleCompleted.model_validate(
        {
            **slip.paying(owed),
            "lines": goods,
            "basket_discounts": basket_discounts,
            "exchanged_lines": _numbered(back, after=len(goods)),
        }
    )


def _return(slip: Slip, back: Sequence[ReturnLine], goods: Sequence[SaleLine]) -> SaleReturned:
    shared = sum((line.basket_discount for line in back), _ZERO)
    return SaleReturned.model_validate(
        {
            **slip.paying(_worth(back) - _worth(goods)),
            "lines": _numbered(back, after=0),
            "basket_discounts": (Discount(code=RETURNED_SHARE, amount=shared),) if shared else (),
            "exchanged_lines": _numbered(goods, after=len(back)),
        }
    )


def _worth(lines: Sequence[SaleLine]) -> Decimal:
    return sum((line.gross_amount for line in lines), _ZERO)


def alike(line: SaleLine) -> Position:
    """Return the same goods at the same price, without its discounts, to be sold anew."""
    return Position(
        item=line.item,
        quantity=line.quantity,
        unit_price=line.unit_price,
        description=line.description,
        barcode=line.barcode,
        unit=line.unit,
        taxes=tuple(Tax(tax.code, tax.rate_percent) for tax in line.taxes),
    )


def _with_own_discount(line: SaleLine, granted: tuple[Discount, ...]) -> SaleLine:
    """Return the line with its basket share as a discount of its own: a return has no basket."""
    if not line.basket_discount:
        return line
    code = granted[0].code if len(granted) == 1 else "BASKET"
    own = Discount(code=code, amount=line.basket_discount)
    return line.model_copy(update={"discounts": (*line.discounts, own), "basket_discount": _ZERO})


def _numbered(lines: Sequence[SaleLine], *, after: int) -> tuple[SaleLine, ...]:
    return tuple(
        line.model_copy(update={"number": number})
        for number, line in enumerate(lines, start=after + 1)
    )
