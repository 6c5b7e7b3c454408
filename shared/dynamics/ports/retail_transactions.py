"""Sales and returns as the tills made them, line by line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from shared.dynamics.ports.posting import Body, Posting


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
    income_expense_lines: tuple[Body, ...] = ()
    loyalty_lines: tuple[Body, ...] = ()
    traceparent: str | None = field(default=None, compare=False)

    @property
    def key(self) -> tuple[str, str, str, str]:
        return (self.company, self.operating_unit, self.terminal, self.transaction_number)


class RetailTransactions(Protocol):
    """Posts retail transactions, each as a whole or not at all, each at most once."""

    async def post(self, transactions: Sequence[RetailTransaction]) -> Sequence[Posting]:
        """Return one posting per transaction, in the same order; raises for our bugs only.

        Safe to repeat and to call concurrently with the same transactions: a key is booked once,
        and a second transaction under it is compared with what is booked.
        """
        ...
