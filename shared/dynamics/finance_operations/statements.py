"""Statements of a store-day: Dynamics' own way from retail transactions to its ledger.

OData has no action for it; the custom service `statement` does it where it is set. It is asked
again after an uncertain answer: what is posted already it leaves alone and says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from shared.dynamics.finance_operations.custom_services import STATEMENT, CustomServices
from shared.dynamics.finance_operations.retail_transactions import HEADERS
from shared.dynamics.odata.errors import DynamicsError, TryLater
from shared.dynamics.ports.posting import Booked, Failed, Posting
from shared.dynamics.service import Uncertain


@dataclass(frozen=True, slots=True)
class StoreStatement:
    """The statement of what a store's transactions of one business day have not in one yet."""

    company: str
    store: str
    day: date

    @property
    def number(self) -> str:
        return f"{self.store}/{self.day}"


class FinanceOperationsStatements:
    def __init__(self, custom_services: CustomServices) -> None:
        self._custom_services = custom_services

    @property
    def are_set_up(self) -> bool:
        return self._custom_services.has(STATEMENT)

    async def post(self, statements: Sequence[StoreStatement]) -> Sequence[Posting]:
        """Return one posting per statement, in the same order; `Booked.key` is its number."""
        return [await self._post(each) for each in statements]

    async def _post(self, statement: StoreStatement) -> Posting:
        try:
            answer = await self._custom_services.call(
                STATEMENT, document=HEADERS, company=statement.company, number=statement.number
            )
        except Uncertain as error:
            return Failed(TryLater(f"Dynamics gave no certain answer: {error}"))
        except DynamicsError as error:
            return Failed(error)
        number = str(answer.get("Number") or statement.number)
        return Booked(number, already_there=bool(answer.get("AlreadyDone")))
