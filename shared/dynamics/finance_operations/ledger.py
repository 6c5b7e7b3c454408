"""Customer payments and ledger journals in Finance & Operations, a journal of its own for each.

Our key is the header's Description or IntegrationKey, which is not unique there; the lines have
keys of their own once the journal has its number.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import NAMESPACE_URL, uuid5

from shared.dynamics.finance_operations.concurrency import each
from shared.dynamics.finance_operations.custom_services import POST, CustomServices
from shared.dynamics.finance_operations.entities import Entity
from shared.dynamics.finance_operations.keys import PAYMENT_REFERENCE, REFERENCE, short_key
from shared.dynamics.finance_operations.numbered import Draft, Kind, NumberedDocuments
from shared.dynamics.ports.documents import Journal, JournalLine, Payment
from shared.dynamics.ports.posting import Posting

_POSTED = {POST: ("IsPosted", "Yes")}


def integration_key(journal: Journal) -> str:
    """Return U5 of company and key, as its 32 hexadecimal digits."""
    return uuid5(NAMESPACE_URL, f"{journal.company}/{journal.key}".casefold()).hex


PAYMENT_HEADER: Entity[Payment] = Entity(
    "CustomerPaymentJournalHeaders",
    ("dataAreaId", "JournalBatchNumber"),
    {
        "dataAreaId": lambda payment: payment.company,
        "Description": lambda payment: short_key(payment.key, REFERENCE),
    },
    more=("JournalName",),
    read=("IsPosted",),
    lengths={"Description": REFERENCE},
    used_by=("CustomerPayments.post",),
)

PAYMENT_LINES: Entity[Payment] = Entity(
    "CustomerPaymentJournalLines",
    ("dataAreaId", "JournalBatchNumber", "LineNumber"),
    {
        "AccountDisplayValue": lambda payment: payment.customer,
        "CreditAmount": lambda payment: payment.amount,
        "CurrencyCode": lambda payment: payment.currency,
        "TransactionDate": lambda payment: payment.day,
        "PaymentMethodName": lambda payment: payment.method,
        "PaymentReference": lambda payment: short_key(payment.key, PAYMENT_REFERENCE),
        "MarkedInvoice": lambda payment: payment.applies_to,
    },
    compared=("LineNumber", "AccountDisplayValue", "CreditAmount", "CurrencyCode"),
    lengths={"PaymentReference": PAYMENT_REFERENCE},
    used_by=("CustomerPayments.post",),
)

PAYMENT = Kind(
    PAYMENT_HEADER,
    PAYMENT_LINES,
    number="JournalBatchNumber",
    reference="Description",
    parent="JournalBatchNumber",
    ended=_POSTED,
)

JOURNAL_HEADER: Entity[Journal] = Entity(
    "LedgerJournalHeaders",
    ("dataAreaId", "JournalBatchNumber"),
    {
        "dataAreaId": lambda journal: journal.company,
        "JournalName": lambda journal: journal.name,
        "Description": lambda journal: (journal.text or journal.key)[:REFERENCE],
        "IntegrationKey": integration_key,
    },
    compared=("JournalName",),
    read=("IsPosted",),
    lengths={"Description": REFERENCE},
    used_by=("LedgerJournals.post",),
)

JOURNAL_LINES: Entity[JournalLine] = Entity(
    "LedgerJournalLines",
    ("dataAreaId", "JournalBatchNumber", "LineNumber"),
    {
        "LineNumber": lambda line: line.number,
        "AccountDisplayValue": lambda line: _account(line),
        "OffsetAccountDisplayValue": lambda line: line.offset_account,
        "DebitAmount": lambda line: line.amount if line.amount > 0 else None,
        "CreditAmount": lambda line: -line.amount if line.amount < 0 else None,
        "Text": lambda line: line.text,
    },
    more=("AccountType", "OffsetAccountType", "CurrencyCode", "TransDate", "Document"),
    compared=("LineNumber", "AccountDisplayValue", "DebitAmount", "CreditAmount"),
    symbols={"AccountType": ("Ledger",), "OffsetAccountType": ("Ledger",)},
    lengths={"Document": PAYMENT_REFERENCE},
    used_by=("LedgerJournals.post",),
)

JOURNAL = Kind(
    JOURNAL_HEADER,
    JOURNAL_LINES,
    number="JournalBatchNumber",
    reference="IntegrationKey",
    parent="JournalBatchNumber",
    ended=_POSTED,
)


def _account(line: JournalLine) -> str:
    """Account and dimensions as the format for integrating applications has them: in its order,
    with hyphens."""
    return "-".join((line.account, *(value for _, value in line.dimensions)))


class FinanceOperationsPayments:
    """The `CustomerPayments` port; posts the journal where the custom service `post` is set."""

    def __init__(
        self, documents: NumberedDocuments, custom_services: CustomServices, journal_name: str
    ) -> None:
        self._documents = documents
        self._action = POST if custom_services.has(POST) else ""
        self._journal_name = journal_name

    async def post(self, payments: Sequence[Payment]) -> Sequence[Posting]:
        return await each(self._post, payments)

    async def _post(self, payment: Payment) -> Posting:
        header = {**PAYMENT_HEADER.body(payment), "JournalName": self._journal_name}
        line = {"LineNumber": 1, **PAYMENT_LINES.body(payment)}
        return await self._documents.book(
            PAYMENT, Draft(payment.company, header, [line]), self._action
        )


class FinanceOperationsJournals:
    """The `LedgerJournals` port; posts the journal where the custom service `post` is set."""

    def __init__(self, documents: NumberedDocuments, custom_services: CustomServices) -> None:
        self._documents = documents
        self._action = POST if custom_services.has(POST) else ""

    async def post(self, journals: Sequence[Journal]) -> Sequence[Posting]:
        return await each(self._post, journals)

    async def _post(self, journal: Journal) -> Posting:
        same = {
            "AccountType": "Ledger",
            "CurrencyCode": journal.currency,
            "TransDate": journal.day,
            "Document": short_key(journal.key, PAYMENT_REFERENCE),
        }
        lines = [
            {
                **same,
                **JOURNAL_LINES.body(line),
                **({"OffsetAccountType": "Ledger"} if line.offset_account else {}),
            }
            for line in journal.lines
        ]
        draft = Draft(journal.company, JOURNAL_HEADER.body(journal), lines)
        return await self._documents.book(JOURNAL, draft, self._action)
