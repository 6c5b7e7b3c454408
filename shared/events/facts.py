"""What every fact has in common."""

from __future__ import annotations

from abc import abstractmethod
from decimal import Decimal
from typing import ClassVar
from uuid import UUID

from .fields import Frozen
from .identity import TransactionKey, fact_id


class Fact(Frozen):
    """Something that has happened, as published on the bus."""

    TYPE: ClassVar[str]
    """CloudEvents type: com.tillbus.<fact>.v<version>."""
    TOPIC: ClassVar[str]
    """Service Bus topic it is published to."""

    @abstractmethod
    def natural_key(self) -> str:
        """Return the key that names this fact among all of its type; the event's subject."""

    @property
    def fact_revision(self) -> int:
        """Return 0, or the number of the correction this fact is."""
        return 0

    @property
    def event_id(self) -> UUID:
        """Return the deterministic id this fact is published under."""
        return fact_id(self.TYPE, self.natural_key(), self.fact_revision)

    @property
    def place(self) -> tuple[str, str] | None:
        """Return company and store where the fact belongs to one, for routing."""
        return None

    @property
    def signed_amount(self) -> Decimal:
        """Return the money it is about, in its currency: negative where it is paid out, 0 for none.

        Of sales, returns and closes it is what they add to the store's takings.
        """
        return Decimal(0)


def transaction_of(fact: Fact) -> TransactionKey | None:
    """Return the till transaction a fact is, or came about in; None where there is none."""
    key = getattr(fact, "key", None) or getattr(fact, "transaction", None)
    return key if isinstance(key, TransactionKey) else None
