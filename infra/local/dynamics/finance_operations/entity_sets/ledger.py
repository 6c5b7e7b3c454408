"""General and customer payment journals."""

from __future__ import annotations

from infra.local.dynamics.finance_operations import types
from infra.local.dynamics.odata.entities import DATE, DECIMAL, TEXT, EntitySet, field_table

from .common import COMPANY


def _headers(name: str, entity: str, label: str) -> EntitySet:
    return EntitySet(
        f"{name}s",
        name,
        entity,
        label,
        ("dataAreaId", "JournalBatchNumber"),
        field_table(
            (
                TEXT,
                """dataAreaId JournalBatchNumber JournalName Description IntegrationKey
                AccountingCurrency""",
            ),
            (DECIMAL, "JournalTotalDebit JournalTotalCredit"),
            (types.NO_YES, "IsPosted"),
        ),
        related=COMPANY,
    )


LEDGER_JOURNALS = _headers(
    "LedgerJournalHeader", "LedgerJournalHeaderEntity", "Ledger journal table (LedgerJournalTable)"
)
PAYMENT_JOURNALS = _headers(
    "CustomerPaymentJournalHeader",
    "CustomerPaymentJournalHeaderEntity",
    "Customer payment journals (LedgerJournalTable)",
)

_LINE_TEXTS = """dataAreaId JournalBatchNumber AccountDisplayValue OffsetAccountDisplayValue
CurrencyCode Voucher PaymentReference PostingProfile DefaultDimensionDisplayValue"""
_LINE_TYPES = (types.ACCOUNT_TYPE, "AccountType OffsetAccountType")

LEDGER_LINES = EntitySet(
    "LedgerJournalLines",
    "LedgerJournalLine",
    "LedgerJournalLineEntity",
    "Journal lines (LedgerJournalTrans)",
    ("dataAreaId", "JournalBatchNumber", "LineNumber"),
    field_table(
        (TEXT, f"{_LINE_TEXTS} Document Text Company OffsetCompany Invoice"),
        (DECIMAL, "LineNumber DebitAmount CreditAmount ExchRate"),
        (DATE, "TransDate DocumentDate DueDate"),
        _LINE_TYPES,
    ),
    parent=LEDGER_JOURNALS,
    related={**COMPANY, "CurrencyCode": "Currencies"},
)

PAYMENT_LINES = EntitySet(
    "CustomerPaymentJournalLines",
    "CustomerPaymentJournalLine",
    "CustomerPaymentJournalLineEntity",
    "Customer payment journal lines (LedgerJournalTrans)",
    ("dataAreaId", "JournalBatchNumber", "LineNumber"),
    field_table(
        (
            TEXT,
            f"""{_LINE_TEXTS} TransactionText PaymentMethodName PaymentId MarkedInvoice
            MarkedInvoiceCompany DocumentNumber""",
        ),
        (DECIMAL, "LineNumber DebitAmount CreditAmount ExchangeRate"),
        (DATE, "TransactionDate"),
        _LINE_TYPES,
    ),
    parent=PAYMENT_JOURNALS,
    related={**COMPANY, "CurrencyCode": "Currencies", "AccountDisplayValue": "Customers"},
)

SETS = (LEDGER_JOURNALS, LEDGER_LINES, PAYMENT_JOURNALS, PAYMENT_LINES)
