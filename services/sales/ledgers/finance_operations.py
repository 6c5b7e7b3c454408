"""Finance & Operations keeps the books: every fact is a retail transaction."""

from __future__ import annotations

from services.sales.accounts import NotBookable
from services.sales.drawers import drawer_transaction
from services.sales.journals import Entries
from services.sales.ledgers.plans import drawer_plan, sale_plan
from services.sales.mapping import retail_transaction
from services.sales.slips import DrawerSlip, Slip
from shared.booking import Plan
from shared.companies import Company
from shared.dynamics import RetailTransaction, RetailTransactions
from shared.events import TransactionKey

SYSTEM = "finance-operations"
ENTITY_SET = "RetailTransactions"


class FinanceOperationsBook:
    """`late` is the port in the lane of what comes in bulk."""

    keeps_statements = False

    def __init__(self, transactions: RetailTransactions, late: RetailTransactions) -> None:
        self._transactions = transactions
        self._late = late

    def sale(self, slip: Slip, company: Company, *, late: bool = False) -> Plan[RetailTransaction]:
        transaction = retail_transaction(slip, company)
        port = self._late if late else self._transactions
        return sale_plan(slip, company, transaction, port.post, SYSTEM, ENTITY_SET)

    def statement(
        self, key: TransactionKey, number: str, entries: Entries, company: Company
    ) -> Plan[RetailTransaction]:
        raise NotBookable("Finance & Operations makes its statements of the transactions itself")

    def drawer(self, slip: DrawerSlip, company: Company) -> Plan[RetailTransaction]:
        transaction = drawer_transaction(slip, company)
        return drawer_plan(slip, transaction, self._transactions.post, SYSTEM, ENTITY_SET)
