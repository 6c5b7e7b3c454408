"""Points a sale earns, and what its returns take back of them. Pure.

    points of a sale    = floor(what was paid for its goods x points per unit)
    points of its lines = the sale's, shared out by what was paid: the running sum is rounded down
    points of a return  = the line's, shared out by quantity in the same way

Sharing by the running sum conserves: the lines' points add up to the sale's, and returns of all of
a line, in whatever parts and order, to the line's. More than was sold is never counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from math import floor
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from shared.events import ReturnLine, SaleCompleted, SaleLine, SaleReturned, TransactionKey

EARNINGS: Final = "earned-points"
"""Kind of the records; their key is the sale's. They say nothing of whose the points are: that is
in the archived sale, where it can be erased."""

Sale = SaleCompleted | SaleReturned


class EarnedLine(BaseModel):
    model_config = ConfigDict(frozen=True)

    quantity: Decimal
    points: int


class Taken(BaseModel):
    """What one return has taken back of one line."""

    model_config = ConfigDict(frozen=True)

    by: str
    line: int
    quantity: Decimal
    points: int


class Earning(BaseModel):
    """The points of one sale, by line, and what has been taken back. `fact_id` is the sale's.

    `reversed_by` is the reversal that took back what was left, `left` how much that was.
    `given_back` are takings that were reversed, by the reversal.
    """

    model_config = ConfigDict(frozen=True)

    fact_id: str
    points: int
    lines: dict[int, EarnedLine]
    taken: tuple[Taken, ...] = ()
    given_back: dict[str, tuple[Taken, ...]] = Field(default_factory=dict)
    reversed_by: str = ""
    left: int = 0

    @property
    def remaining(self) -> int:
        """The points that nobody has taken back."""
        return 0 if self.reversed_by else self.points - sum(each.points for each in self.taken)

    def taken_by(self, fact_id: str) -> int:
        """Return how many points a return has taken back."""
        return sum(each.points for each in self.taken if each.by == fact_id)

    def take_back(self, fact_id: str, lines: Iterable[tuple[int, Decimal]]) -> Earning:
        """Return the earning once a return has taken back (line, quantity); once for each return.

        After a reversal there is nothing to take.
        """
        if self.reversed_by or any(each.by == fact_id for each in self.taken):
            return self
        taken = list(self.taken)
        for number, quantity in lines:
            line = self.lines.get(number)
            if line is None:
                continue
            earlier = [each for each in taken if each.line == number]
            before = sum((each.quantity for each in earlier), Decimal(0))
            after = min(before + quantity, line.quantity)
            due = _share(line.points, after, line.quantity) - sum(each.points for each in earlier)
            back = Taken(by=fact_id, line=number, quantity=after - before, points=max(due, 0))
            taken.append(back)
        return self.model_copy(update={"taken": tuple(taken)})

    def give_back(self, fact_id: str, reversal: str) -> Earning:
        """Return the earning once what a return took is given back."""
        if reversal in self.given_back:
            return self
        given = tuple(each for each in self.taken if each.by == fact_id)
        kept = tuple(each for each in self.taken if each.by != fact_id)
        return self.model_copy(
            update={"taken": kept, "given_back": {**self.given_back, reversal: given}}
        )

    def reverse(self, reversal: str) -> Earning:
        """Return the earning once all that is left is taken back."""
        if self.reversed_by:
            return self
        return self.model_copy(update={"reversed_by": reversal, "left": self.remaining})


def earning(sale: Sale, fact_id: str, points_per_unit: Decimal) -> Earning | None:
    """Return what a sale or exchange earns; None where nobody earns points.

    Gift cards earn when they pay, not when they are bought. Goods that came back in the same
    transaction without naming their sale are taken off what was paid; those that name it take back
    what they earned there.
    """
    if not points_per_unit or not sale.loyalty_card:
        return None
    lines = [line for line in sold_lines(sale) if line.gift_card is None]
    if not lines:
        return None
    unnamed = (line for line in returned_lines(sale) if line.original is None)
    given = sum((line.gross_amount for line in unnamed), Decimal(0))
    amounts = [line.gross_amount for line in lines]
    paid = max(sum(amounts, Decimal(0)) - given, Decimal(0))
    points = floor(Fraction(paid) * Fraction(points_per_unit))
    shares = shared_out(points, amounts)
    return Earning(
        fact_id=fact_id,
        points=points,
        lines={
            line.number: EarnedLine(quantity=line.quantity, points=share)
            for line, share in zip(lines, shares, strict=True)
        },
    )


def sold_lines(sale: Sale) -> Sequence[SaleLine]:
    """Return what the customer took."""
    return sale.lines if isinstance(sale, SaleCompleted) else sale.exchanged_lines


def returned_lines(sale: Sale) -> Sequence[ReturnLine]:
    """Return what came back."""
    return sale.exchanged_lines if isinstance(sale, SaleCompleted) else sale.lines


def returned_of(sale: Sale) -> Mapping[TransactionKey, list[tuple[int, Decimal]]]:
    """Return what came back of each sale that is named: (line, quantity)."""
    by_sale: dict[TransactionKey, list[tuple[int, Decimal]]] = {}
    for line in returned_lines(sale):
        if line.original is not None:
            part = (line.original.line, line.quantity)
            by_sale.setdefault(line.original.key, []).append(part)
    return by_sale


def shared_out(points: int, amounts: Sequence[Decimal]) -> list[int]:
    """Return whole shares in proportion to the amounts, none of them negative.

    They add up to `points`, unless all amounts are nothing, which earns nothing.
    """
    whole, running, before, shares = sum(amounts, Decimal(0)), Decimal(0), 0, []
    for amount in amounts:
        running += amount
        until = _share(points, running, whole)
        shares.append(until - before)
        before = until
    return shares


def _share(points: int, part: Decimal, whole: Decimal) -> int:
    return floor(Fraction(points) * Fraction(part) / Fraction(whole)) if whole else 0
