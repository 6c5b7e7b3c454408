"""What services ask of an ERP, in business words; adapters below this package answer.

Retail transactions are all that a service needs so far. Stock, prices, customers and orders get
their ports with the first service that uses them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from shared.dynamics.odata.errors import DynamicsError

Body = Mapping[str, object]
"""Field name -> str, int, Decimal, date, datetime, bool or None."""


@dataclass(frozen=True)
class RetailTransaction:
    """One sale or return as Dynamics Commerce keeps it, not yet tied to a product's wire format.

    The four key parts name it; bodies hold every other field under Dynamics' own names, without the
    four. `traceparent` is the W3C trace context of the sale, under which its posting is recorded.
    """

    company: str
    operating_unit: str
    terminal: str
    transaction_number: str
    header: Body
    sales_lines: tuple[Body, ...] = ()
    payment_lines: tuple[Body, ...] = ()
    tax_lines: tuple[Body, ...] = ()
    discount_lines: tuple[Body, ...] = ()
    traceparent: str | None = field(default=None, compare=False)

    @property
    def key(self) -> tuple[str, str, str, str]:
        return (self.company, self.operating_unit, self.terminal, self.transaction_number)


@dataclass(frozen=True, slots=True)
class Booked:
    """The transaction is in Dynamics; `key` as in its OData URL.

    `already_there`: found and compared equal, by an earlier attempt of ours or another worker.
    """

    key: str
    already_there: bool


@dataclass(frozen=True, slots=True)
class Failed:
    """The transaction is not known to be in Dynamics; the error's type says what helps."""

    error: DynamicsError


Posting = Booked | Failed


class RetailTransactions(Protocol):
    """Posts retail transactions, each as a whole or not at all, each at most once."""

    async def post(self, transactions: Sequence[RetailTransaction]) -> Sequence[Posting]:
        """Return one posting per transaction, in the same order; raises for our bugs only.

        Safe to repeat and to call concurrently with the same transactions: a key is booked once,
        and a second transaction under it is compared with what is booked.
        """
        ...
