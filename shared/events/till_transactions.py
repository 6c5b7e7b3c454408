"""Till transactions that are no sale: voids, training, and what happens to the drawer's money.

They use sequence numbers like sales do (ARTS/OMG POSLog: every transaction has one), so that a gap
in the numbers is always a fact that is missing.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from .basket import TenderType
from .facts import Fact
from .fields import Amount, Code, CompanyCode, Currency, Frozen, ShortText, UtcMoment
from .identity import TransactionKey
from .money import is_in_minor_units
from .personal import PERSONAL
from .reasons import Reason

RecordedKind = Literal[
    "training", "suspended", "resumed", "no-sale", "look-up", "sign-on", "sign-off", "counter-reset"
]
CashMovement = Literal[
    "float-entry", "float-removal", "safe-drop", "bank-drop", "paid-in", "paid-out"
]
"""float-entry and paid-in bring money into the drawer, the others take it out."""

MONEY_IN: frozenset[CashMovement] = frozenset({"float-entry", "paid-in"})


class TillTransaction(Fact):
    """What every transaction of a terminal has."""

    key: TransactionKey
    """The transaction's natural key. Source: till."""
    revision: int = Field(default=0, ge=0, le=9999)
    """0 as first published; a correction of the same transaction counts up. Source: till."""
    occurred_at: UtcMoment
    """When the transaction ended. Source: till clock."""
    cashier: Annotated[ShortText | None, PERSONAL] = None
    """Staff number. Source: till."""

    def natural_key(self) -> str:
        return str(self.key)

    @property
    def fact_revision(self) -> int:
        return self.revision

    @property
    def place(self) -> tuple[str, str]:
        return self.key.company, self.key.store


class SaleVoided(TillTransaction):
    """A basket was given up before it was paid: its number is used, nothing is booked.

    A sale that was completed is never voided: what is taken back is returned.
    """

    TYPE: ClassVar[str] = "com.tillbus.sale-voided.v1"
    TOPIC: ClassVar[str] = "sale-voided"

    currency: Currency
    """Currency of the amount. Source: store configuration."""
    amount: Amount
    """What the basket would have come to. Source: till."""
    reason: ShortText | None = None
    """Why it was given up. Source: cashier."""

    @model_validator(mode="after")
    def _in_minor_units(self) -> Self:
        _check_minor_units([(self.amount, self.currency)])
        return self


class TransactionRecorded(TillTransaction):
    """A transaction without goods or money: its number is used, nothing is booked."""

    TYPE: ClassVar[str] = "com.tillbus.transaction-recorded.v1"
    TOPIC: ClassVar[str] = "transaction-recorded"

    kind: RecordedKind
    """What the till did. Source: till."""
    last_before: int | None = Field(default=None, ge=0, le=2**53)
    """Of a counter-reset: the last number used before the counter began again at this
    transaction's; 0 if none was used that day. Source: till."""

    @model_validator(mode="after")
    def _resets_say_from_where(self) -> Self:
        if (self.kind == "counter-reset") != (self.last_before is not None):
            raise PydanticCustomError(
                Reason.INVALID_DATA.value, "last_before belongs to a counter-reset, and only to it"
            )
        return self


class CountedTender(Frozen):
    """What was counted of one means of payment."""

    type: TenderType
    """Means of payment. Source: till."""
    currency: Currency
    """Currency it was counted in. Source: till."""
    amount: Amount
    """What was counted. Source: cashier."""


class TenderDeclared(TillTransaction):
    """Somebody has counted what is in a drawer."""

    TYPE: ClassVar[str] = "com.tillbus.tender-declared.v1"
    TOPIC: ClassVar[str] = "tender-declared"

    shift: ShortText | None = None
    """Shift or drawer counted. Source: till."""
    tenders: tuple[CountedTender, ...] = Field(min_length=1, max_length=100)
    """One entry per means of payment and currency. Source: cashier."""

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        _check_minor_units((each.amount, each.currency) for each in self.tenders)
        if len({(each.type, each.currency) for each in self.tenders}) < len(self.tenders):
            raise PydanticCustomError(
                Reason.INVALID_DATA.value, "a means of payment is declared twice in one currency"
            )
        return self


class CashMoved(TillTransaction):
    """Money went into the drawer or out of it without a sale."""

    TYPE: ClassVar[str] = "com.tillbus.cash-moved.v1"
    TOPIC: ClassVar[str] = "cash-moved"

    kind: CashMovement
    """Where it came from or went. Source: till."""
    type: TenderType = "cash"
    """Means of payment. Source: till."""
    currency: Currency
    """Currency of the amount. Source: till."""
    amount: Amount
    """How much, never negative; a float may be zero. Source: till."""
    account: ShortText | None = None
    """Income or expense account of paid-in and paid-out. Source: store configuration."""
    bag: ShortText | None = None
    """Bag or deposit number of a drop. Source: cashier."""
    reason: ShortText | None = None
    """Why. Source: cashier."""

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        _check_minor_units([(self.amount, self.currency)])
        return self

    @property
    def drawer_amount(self) -> Decimal:
        """Return what it adds to the drawer: negative where money leaves it."""
        return self.amount if self.kind in MONEY_IN else -self.amount


class StoreDayOpened(Fact):
    """A store has begun its business day: from now on its certificate is awaited."""

    TYPE: ClassVar[str] = "com.tillbus.store-day-opened.v1"
    TOPIC: ClassVar[str] = "store-day-opened"

    company: CompanyCode
    """Legal entity the store belongs to. Source: store configuration."""
    store: Code
    """Store number. Source: store configuration."""
    business_day: date
    """The day opened, in the store's time zone. Source: till."""
    revision: int = Field(default=0, ge=0, le=9999)
    """0 as first published. Source: till."""
    opened_at: UtcMoment
    """When it was opened. Source: till clock."""
    terminals: tuple[Code, ...] = Field(default=(), max_length=1000)
    """Terminals that will trade, where the store knows. Source: store configuration."""

    @model_validator(mode="after")
    def _terminals_once(self) -> Self:
        if len(set(self.terminals)) < len(self.terminals):
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


def _check_minor_units(amounts: Iterable[tuple[Decimal, str]]) -> None:
    for amount, currency in amounts:
        if not is_in_minor_units(amount, currency):
            raise PydanticCustomError(
                Reason.AMOUNTS_DO_NOT_ADD_UP.value,
                "an amount has a fraction below the minor unit of {currency}",
                {"currency": currency},
            )
