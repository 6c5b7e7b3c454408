"""What a store publishes at the end of its business day."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import ClassVar, NoReturn, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from .basket import TenderType
from .facts import Fact
from .fields import Code, CompanyCode, Currency, Frozen, SignedAmount, UtcMoment
from .money import is_in_minor_units
from .reasons import Reason


class CounterReset(Frozen):
    """A terminal's counter began again during the day.

    Numbers already used that day may not come again: two transactions with one key are one fact.
    A counter that would repeat them goes on under another terminal code.
    """

    last_before: int = Field(ge=0, le=2**53)
    """Last number used before; 0 if none was. Source: till."""
    first_after: int = Field(ge=1, le=2**53)
    """First number used after. Source: till."""


class TerminalDay(Frozen):
    """One terminal's counters of the day."""

    terminal: Code
    """Till within the store. Source: till."""
    first_sequence: int = Field(ge=1)
    """First transaction number used. Source: till."""
    last_sequence: int = Field(ge=1)
    """Last transaction number used; every number between was used too, unless the counter was
    reset. Source: till."""
    resets: tuple[CounterReset, ...] = Field(default=(), max_length=100)
    """Where the counter began again, in order: the numbers are those of the runs between.
    Source: till."""
    sales: int = Field(ge=0)
    """Sales completed. Source: till."""
    returns: int = Field(ge=0)
    """Returns. Source: till."""

    @property
    def runs(self) -> tuple[tuple[int, int], ...]:
        """Return first and last number of every run of the counter, both included, in order.

        A run that ends one before it begins is empty: the counter was reset before it was used.
        """
        firsts = (self.first_sequence, *(reset.first_after for reset in self.resets))
        lasts = (*(reset.last_before for reset in self.resets), self.last_sequence)
        return tuple(zip(firsts, lasts, strict=True))

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        used = sorted(run for run in self.runs if run[0] <= run[1])
        if any(last < first - 1 for first, last in self.runs) or self.runs[-1] not in used:
            self._refuse("a terminal's last number is before its first")
        if any(later[0] <= earlier[1] for earlier, later in pairwise(used)):
            self._refuse("a terminal's counter came to a number already used that day")
        if sum(last - first + 1 for first, last in used) < self.sales + self.returns:
            self._refuse("terminal has more sales and returns than transaction numbers")
        return self

    def _refuse(self, sentence: str) -> NoReturn:
        raise PydanticCustomError(Reason.INVALID_DATA.value, "{text}", {"text": sentence})


class TenderTotal(Frozen):
    """What one means of payment brought in over the day."""

    type: TenderType
    """Means of payment. Source: till."""
    currency: Currency
    """Currency it was paid in. Source: till."""
    amount: SignedAmount
    """Payments less change less money paid out on returns, in that currency. Source: till."""


class StoreDayClosed(Fact):
    """The store has finished its business day and states what it should add up to."""

    TYPE: ClassVar[str] = "com.tillbus.store-day-closed.v1"
    TOPIC: ClassVar[str] = "store-day-closed"

    company: CompanyCode
    """Legal entity the store belongs to. Source: store configuration."""
    store: Code
    """Store number. Source: store configuration."""
    business_day: date
    """The day closed, in the store's time zone. Source: till."""
    revision: int = Field(default=0, ge=0, le=9999)
    """0 as first published; a corrected close counts up. Source: till."""
    closed_at: UtcMoment
    """When it was closed. Source: till clock."""
    terminals: tuple[TerminalDay, ...] = Field(max_length=1000)
    """Counters per terminal that traded; empty if none did. Source: till."""
    currency: Currency
    """Currency of the total. Source: store configuration."""
    total: SignedAmount
    """Sum of sales less returns, tax and rounding included. Source: till."""
    tender_totals: tuple[TenderTotal, ...] = Field(default=(), max_length=1000)
    """What should be in drawer and terminal settlements, by means and currency. Source: till."""

    @model_validator(mode="after")
    def _in_minor_units(self) -> Self:
        amounts = [(self.total, self.currency)]
        amounts += [(tender.amount, tender.currency) for tender in self.tender_totals]
        for amount, currency in amounts:
            if not is_in_minor_units(amount, currency):
                raise PydanticCustomError(
                    Reason.AMOUNTS_DO_NOT_ADD_UP.value,
                    "an amount has a fraction below the minor unit of {currency}",
                    {"currency": currency},
                )
        return self

    @model_validator(mode="after")
    def _terminals_once(self) -> Self:
        if len({day.terminal for day in self.terminals}) != len(self.terminals):
            raise PydanticCustomError(Reason.INVALID_DATA.value, "a terminal is listed twice")
        return self

    def natural_key(self) -> str:
        return f"{self.company}/{self.store}/{self.business_day}"

    @property
    def fact_revision(self) -> int:
        return self.revision

    @property
    def place(self) -> tuple[str, str]:
        return self.company, self.store

    @property
    def signed_amount(self) -> Decimal:
        return self.total
