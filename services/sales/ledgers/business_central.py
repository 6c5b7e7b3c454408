"""Business Central keeps the books: posted invoices and credit memos, and ledger journals."""

from __future__ import annotations

from services.sales.invoices import sales_document
from services.sales.journals import Entries, drawer_journal, statement, tender_journal
from services.sales.ledgers.plans import day_plan, drawer_plan, sale_plan
from services.sales.slips import DrawerSlip, Slip
from shared.booking import Plan
from shared.companies import Company
from shared.dynamics.ports.documents import (
    DocumentKind,
    Journal,
    LedgerJournals,
    SalesDocument,
    SalesDocuments,
)
from shared.events import CashMoved, StoreDayClosed, TransactionKey

SYSTEM = "business-central"
ENTITY_SETS = {DocumentKind.INVOICE: "salesInvoices", DocumentKind.CREDIT_MEMO: "salesCreditMemos"}
JOURNALS = "generalLedgerEntries"


class BusinessCentralBook:
    """`late` is the port in the lane of what comes in bulk."""

    keeps_statements = True

    def __init__(
        self, documents: SalesDocuments, late: SalesDocuments, journals: LedgerJournals
    ) -> None:
        self._documents = documents
        self._late = late
        self._journals = journals

    def sale(self, slip: Slip, company: Company, *, late: bool = False) -> Plan[SalesDocument]:
        document = sales_document(slip, company, rounding_line=True)
        port = self._late if late else self._documents
        entity_set = ENTITY_SETS[document.kind]
        return sale_plan(slip, company, document, port.post, SYSTEM, entity_set)

    def statement(
        self, key: TransactionKey, number: str, entries: Entries, company: Company
    ) -> Plan[Journal]:
        journal = statement(key, number, entries, company)
        return Plan(
            document=journal,
            post=self._journals.post,
            system=SYSTEM,
            company=key.company,
            entity_set=JOURNALS,
            waits_for=lambda _: f"store/{key.company}/{key.store}",
        )

    def close(self, fact: StoreDayClosed, company: Company) -> Plan[Journal] | None:
        """Move what the invoices were paid with from the clearing account to each means' own."""
        if company.grain == "statement" or not company.accounts.get("clearing"):
            return None
        journal = tender_journal(fact, company)
        if not journal.lines:
            return None
        return day_plan(fact, journal, self._journals.post, SYSTEM, JOURNALS)

    def drawer(self, slip: DrawerSlip, company: Company) -> Plan[Journal] | None:
        if not isinstance(slip.fact, CashMoved):
            return None  # a count moves no money; what differs is found by the certificate
        journal = drawer_journal(slip, company)
        return drawer_plan(slip, journal, self._journals.post, SYSTEM, JOURNALS)
