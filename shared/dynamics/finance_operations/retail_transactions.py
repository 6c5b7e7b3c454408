"""Retail transactions in Finance & Operations: one changeset each, many of them in one `$batch`.

Entity sets and keys: `RetailTransactions` {dataAreaId, OperatingUnitNumber, Terminal,
TransactionNumber}; its lines repeat that key and add their own fields (Microsoft: Commerce data
entities, `$metadata` of 10.0.4x). The key is ours, so Dynamics itself keeps a second document out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack

from opentelemetry.trace import Span

from shared.clock import Clock
from shared.dynamics.client import ODataClient
from shared.dynamics.finance_operations.changesets import Changesets
from shared.dynamics.finance_operations.comparing import differences
from shared.dynamics.finance_operations.worklist import Unit
from shared.dynamics.odata.batch import Changeset
from shared.dynamics.odata.errors import Refused
from shared.dynamics.odata.messages import Operation
from shared.dynamics.odata.requests import create, entity_path, read
from shared.dynamics.ports import Body, Failed, Posting, RetailTransaction
from shared.telemetry import current_traceparent, delivery_span, mark_failed

HEADERS = "RetailTransactions"
SALES_LINES = "RetailTransactionSalesLinesV2"
PAYMENT_LINES = "RetailTransactionPaymentLinesV2"
TAX_LINES = "RetailTransactionTaxLines"
DISCOUNT_LINES = "RetailTransactionDiscountLines"
INCOME_EXPENSE_LINES = "RetailTransactionIncomeExpenseLines"
LOYALTY_LINES = "RetailTransactionLoyaltyRewardPointsLines"

IDENTITY_FIELDS = ("ChannelReferenceId", "Currency", "GrossAmount", "NetAmount", "PaymentAmount")
"""Header fields in which a booked transaction must equal ours to be the same document."""


class FinanceOperationsRetailTransactions:
    """The `RetailTransactions` port on Finance & Operations. Keeps no state between calls."""

    def __init__(self, client: ODataClient, *, clock: Clock, batch_operations: int) -> None:
        self._changesets = Changesets(client, clock=clock, batch_operations=batch_operations)

    async def post(self, transactions: Sequence[RetailTransaction]) -> Sequence[Posting]:
        """See the port; Changesets says what it costs."""
        with ExitStack() as open_spans:
            spans = [open_spans.enter_context(_span(each)) for each in transactions]
            postings = await self._changesets.book([_unit(each) for each in transactions])
            for span, posting in zip(spans, postings, strict=True):
                if isinstance(posting, Failed):
                    # The type only: Dynamics' texts can name customers.
                    mark_failed(span, type(posting.error).__name__)
        return postings


def changeset(transaction: RetailTransaction) -> Changeset:
    """Return the header and all lines as one unit of work."""
    key = _key(transaction)

    def creates(entity_set: str, bodies: Sequence[Body]) -> Iterator[Operation]:
        return (create(entity_set, {**key, **body}) for body in bodies)

    return Changeset(
        (
            *creates(HEADERS, [transaction.header]),
            *creates(SALES_LINES, transaction.sales_lines),
            *creates(PAYMENT_LINES, transaction.payment_lines),
            *creates(TAX_LINES, transaction.tax_lines),
            *creates(DISCOUNT_LINES, transaction.discount_lines),
            *creates(INCOME_EXPENSE_LINES, transaction.income_expense_lines),
            *creates(LOYALTY_LINES, transaction.loyalty_lines),
        )
    )


def document_key(transaction: RetailTransaction) -> str:
    """Return the key as it stands between the parentheses of the document's OData URL."""
    return entity_path("", _key(transaction))[1:-1]


def _unit(transaction: RetailTransaction) -> Unit | Refused:
    try:
        creates = changeset(transaction)
    except ValueError as error:
        return Refused(str(error))
    return Unit(
        document_key(transaction),
        creates,
        read(HEADERS, _key(transaction), IDENTITY_FIELDS),
        lambda found: differences(IDENTITY_FIELDS, transaction.header, found),
    )


def _span(transaction: RetailTransaction) -> AbstractContextManager[Span]:
    """Open the sale's own share of the batch calls made below the current span."""
    current = current_traceparent()
    return delivery_span(
        f"POST {HEADERS}",
        parent=transaction.traceparent or current,
        links=[current],
        # No HTTP attributes: this is a part of a request, and the exporter would rename it after
        # the path.
        attributes={"tillbus.document": document_key(transaction)},
    )


def _key(transaction: RetailTransaction) -> dict[str, str]:
    return {
        "dataAreaId": transaction.company,
        "OperatingUnitNumber": transaction.operating_unit,
        "Terminal": transaction.terminal,
        "TransactionNumber": transaction.transaction_number,
    }
