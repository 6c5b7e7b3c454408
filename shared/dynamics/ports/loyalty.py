"""Points and gift cards: entries that are only ever added."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from shared.dynamics.ports.posting import Posting


class PointsKind(StrEnum):
    EARNED = "earned"
    REDEEMED = "redeemed"
    EARNING_REVERSED = "earning-reversed"
    ADJUSTED = "adjusted"


@dataclass(frozen=True, slots=True)
class PointsEntry:
    """`points` is signed: what is added to the balance. `key` names the entry for ever."""

    company: str
    key: str
    card: str
    kind: PointsKind
    points: Decimal
    reward: str
    at: datetime
    text: str = ""


class Loyalty(Protocol):
    async def record(self, entries: Sequence[PointsEntry]) -> Sequence[Posting]:
        """Add each once; one posting per entry, in the same order."""
        ...

    async def balance(self, company: str, card: str, reward: str) -> Decimal | None:
        """Return None for an unknown card. Raises DynamicsError."""
        ...


class CardMovement(StrEnum):
    ISSUED = "issued"
    ADDED = "added"
    REDEEMED = "redeemed"
    REFUNDED = "refunded"
    CASHED_OUT = "cashed-out"


@dataclass(frozen=True, slots=True)
class GiftCardEntry:
    """`amount` is signed: what is added to the card. `key` names the entry for ever."""

    company: str
    key: str
    card: str
    movement: CardMovement
    amount: Decimal
    currency: str
    at: datetime


class GiftCardBalances(Protocol):
    async def balance(self, company: str, card: str) -> Decimal | None:
        """Return None for an unknown card. Raises DynamicsError."""
        ...


class GiftCards(GiftCardBalances, Protocol):
    async def record(self, entries: Sequence[GiftCardEntry]) -> Sequence[Posting]:
        """As Loyalty.record."""
        ...
