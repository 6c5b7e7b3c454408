"""Who a fact is: the natural key of a till transaction and the ids derived from it."""

from __future__ import annotations

import re
from datetime import date
from uuid import NAMESPACE_URL, UUID, uuid5

from pydantic import Field

from .fields import Code, CompanyCode, Frozen

_NAMESPACE = uuid5(NAMESPACE_URL, "https://tillbus.com/facts")
_VERSION = re.compile(r"\.v[0-9]+$")


def fact_id(type_: str, natural_key: str, revision: int = 0) -> UUID:
    """Return the id of a fact: a UUIDv5 (RFC 9562), the same whoever computes it and when.

    The version at the end of `type_` does not count: a till that publishes a sale again after an
    update is still recognised as having published it before.
    """
    return uuid5(_NAMESPACE, f"{_VERSION.sub('', type_)}|{natural_key}|{revision}")


class TransactionKey(Frozen):
    """The natural key of a till transaction (ARTS/OMG POSLog).

    Counters restart, so all parts count.
    """

    company: CompanyCode
    """Legal entity the store belongs to. Source: store configuration (Dynamics: dataAreaId)."""
    store: Code
    """Store number. Source: store configuration (Dynamics: OperatingUnitNumber)."""
    business_day: date
    """Trading day the transaction counts for, in the store's time zone. Source: till."""
    terminal: Code
    """Till within the store. Source: till."""
    sequence: int = Field(ge=1, le=2**53)
    """Transaction number of the terminal on that business day, from 1. Source: till."""

    def __str__(self) -> str:
        return f"{self.company}/{self.store}/{self.business_day}/{self.terminal}/{self.sequence}"

    @classmethod
    def parse(cls, text: str) -> TransactionKey:
        """Return the key written by `str(key)`; raises ValueError for anything else."""
        parts = text.split("/")
        if len(parts) != 5:
            raise ValueError("a transaction key is company/store/business_day/terminal/sequence")
        company, store, day, terminal, sequence = parts
        key = cls(
            company=company,
            store=store,
            business_day=date.fromisoformat(day),
            terminal=terminal,
            sequence=int(sequence),
        )
        if str(key) != text:
            raise ValueError("a transaction key has one spelling only")
        return key
