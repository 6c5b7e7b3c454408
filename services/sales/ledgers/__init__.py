"""Who keeps the books of a company's sales: one module per product; `opening` has the table.

finance-operations   every fact a retail transaction; statements are Dynamics' own
business-central     invoice or credit memo, posted; drawers and statements as ledger journals
commerce             order upload to the scale unit; headquarters make the statement
"""

from __future__ import annotations

from typing import Any, Protocol

from services.sales.journals import Entries
from services.sales.slips import DrawerSlip, Slip
from shared.booking import Plan
from shared.companies import Company
from shared.events import StoreDayClosed, TransactionKey

__all__ = ["SalesBook"]


class SalesBook(Protocol):
    """How one product keeps books. Pure but for the `post` of the plans; raises NotBookable.

    `late` facts go in the lane of what comes in bulk.
    """

    @property
    def keeps_statements(self) -> bool:
        """Whether it has no statements of its own, so that we sum up a store-day for it."""
        ...

    def sale(self, slip: Slip, company: Company, *, late: bool = False) -> Plan[Any]:
        """Return what a sale, a return or an aggregate of them becomes."""
        ...

    def statement(
        self, key: TransactionKey, number: str, entries: Entries, company: Company
    ) -> Plan[Any]:
        """Return what the sum of a store-day becomes; `key` is of any of its tickets."""
        ...

    def close(self, fact: StoreDayClosed, company: Company) -> Plan[Any] | None:
        """Return what follows for the ledger from a day being closed, None where nothing does."""
        ...

    def drawer(self, slip: DrawerSlip, company: Company) -> Plan[Any] | None:
        """Return what a movement or count becomes, None where there is nothing to book."""
        ...
