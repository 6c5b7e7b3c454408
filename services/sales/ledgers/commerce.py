"""A Commerce Scale Unit takes the sales: order upload with tenders, for headquarters to post."""

from __future__ import annotations

from services.sales.accounts import NotBookable
from services.sales.invoices import sales_document
from services.sales.journals import Entries
from services.sales.ledgers.plans import sale_plan
from services.sales.slips import DrawerSlip, Slip
from shared.booking import Plan
from shared.companies import Company
from shared.dynamics.ports.documents import SalesDocument, SalesDocuments
from shared.events import CashMoved, StoreDayClosed, TransactionKey

SYSTEM = "commerce"
ENTITY_SET = "SalesOrders"


class CommerceBook:
    """`late` is the port in the lane of what comes in bulk."""

    keeps_statements = False

    def __init__(self, documents: SalesDocuments, late: SalesDocuments) -> None:
        self._documents = documents
        self._late = late

    def sale(self, slip: Slip, company: Company, *, late: bool = False) -> Plan[SalesDocument]:
        document = sales_document(slip, company)
        port = self._late if late else self._documents
        return sale_plan(slip, company, document, port.post, SYSTEM, ENTITY_SET)

    def statement(
        self, key: TransactionKey, number: str, entries: Entries, company: Company
    ) -> Plan[SalesDocument]:
        raise NotBookable("headquarters make the statements of a scale unit's orders")

    def close(self, fact: StoreDayClosed, company: Company) -> None:
        return None

    def drawer(self, slip: DrawerSlip, company: Company) -> None:
        if isinstance(slip.fact, CashMoved):
            raise NotBookable("a scale unit takes movements of drawers from its own tills only")
