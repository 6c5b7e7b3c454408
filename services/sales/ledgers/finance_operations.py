"""Finance & Operations keeps the books: every fact is a retail transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from services.sales.accounts import NotBookable
from services.sales.drawers import drawer_transaction
from services.sales.journals import Entries
from services.sales.ledgers.plans import day_plan, drawer_plan, sale_plan
from services.sales.mapping import retail_transaction
from services.sales.slips import DrawerSlip, Slip
from shared.booking import Plan
from shared.companies import Company
from shared.dynamics import Posting, RetailTransaction, RetailTransactions
from shared.dynamics.finance_operations.statements import StoreStatement
from shared.events import StoreDayClosed, TransactionKey

SYSTEM = "finance-operations"
ENTITY_SET = "RetailTransactions"
STATEMENTS = "Statements"
"""What a statement's number belongs to; OData has no set for them."""


class Statements(Protocol):
    """What makes statements; `are_set_up` where the environment has the custom service for it."""

    @property
    def are_set_up(self) -> bool: ...

    async def post(self, statements: Sequence[StoreStatement]) -> Sequence[Posting]: ...


class FinanceOperationsBook:
    """`late` is the port in the lane of what comes in bulk."""

    keeps_statements = False

    def __init__(
        self, transactions: RetailTransactions, late: RetailTransactions, statements: Statements
    ) -> None:
        self._transactions = transactions
        self._late = late
        self._statements = statements

    def sale(self, slip: Slip, company: Company, *, late: bool = False) -> Plan[RetailTransaction]:
        transaction = retail_transaction(slip, company)
        port = self._late if late else self._transactions
        return sale_plan(slip, company, transaction, port.post, SYSTEM, ENTITY_SET)

    def statement(
        self, key: TransactionKey, number: str, entries: Entries, company: Company
    ) -> Plan[RetailTransaction]:
        raise NotBookable("Finance & Operations makes its statements of the transactions itself")

    def close(self, fact: StoreDayClosed, company: Company) -> Plan[StoreStatement] | None:
        """Have Dynamics make the statement, where the company wants one and a service can."""
        if company.grain != "statement" or not self._statements.are_set_up:
            return None
        return day_plan(
            fact,
            StoreStatement(company.entity(fact.company), fact.store, fact.business_day),
            self._statements.post,
            SYSTEM,
            STATEMENTS,
        )

    def drawer(self, slip: DrawerSlip, company: Company) -> Plan[RetailTransaction]:
        transaction = drawer_transaction(slip, company)
        return drawer_plan(slip, transaction, self._transactions.post, SYSTEM, ENTITY_SET)
