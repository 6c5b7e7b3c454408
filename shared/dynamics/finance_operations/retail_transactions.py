"""Retail transactions in Finance & Operations: one changeset each, many of them in one `$batch`.

Entity sets and keys: `RetailTransactions` {dataAreaId, OperatingUnitNumber, Terminal,
TransactionNumber}; its lines repeat that key and add their own fields (Microsoft: Commerce data
entities, `$metadata` of 10.0.4x). The key is ours, so Dynamics itself keeps a second document out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack

from opentelemetry.trace import Span

from shared.clock import Clock
from shared.dynamics.client import ODataClient
from shared.dynamics.finance_operations.worklist import IDENTITY_FIELDS, Step, Worklist
from shared.dynamics.odata.batch import Changeset
from shared.dynamics.odata.errors import DynamicsError, Refused
from shared.dynamics.odata.messages import Operation
from shared.dynamics.odata.requests import create, entity_path, read
from shared.dynamics.ports import Body, Failed, Posting, RetailTransaction
from shared.telemetry import current_traceparent, delivery_span, mark_failed

HEADERS = "RetailTransactions"
SALES_LINES = "RetailTransactionSalesLinesV2"
PAYMENT_LINES = "RetailTransactionPaymentLinesV2"
TAX_LINES = "RetailTransactionTaxLines"
DISCOUNT_LINES = "RetailTransactionDiscountLines"

ROUNDS = 3
"""Post-and-look-up rounds within one call; what is open after them is left to the next delivery."""


class FinanceOperationsRetailTransactions:
    """The `RetailTransactions` port on Finance & Operations. Keeps no state between calls."""

    def __init__(
        self,
        client: ODataClient,
        *,
        clock: Clock,
        batch_operations: int,
    ) -> None:
        self._client = client
        self._clock = clock
        self._batch_operations = batch_operations

    async def post(self, transactions: Sequence[RetailTransaction]) -> Sequence[Posting]:
        """See the port. At most ROUNDS times two `$batch` calls per full batch."""
        with ExitStack() as open_spans:
            spans = [open_spans.enter_context(_span(each)) for each in transactions]
            postings = await self._post_in_waves(transactions)
            for span, posting in zip(spans, postings, strict=True):
                if isinstance(posting, Failed):
                    # The type only: Dynamics' texts can name customers.
                    mark_failed(span, type(posting.error).__name__)
        return postings

    async def _post_in_waves(self, transactions: Sequence[RetailTransaction]) -> list[Posting]:
        postings: dict[int, Posting] = {}
        changesets: dict[int, Changeset] = {}
        for index, transaction in enumerate(transactions):
            try:
                changesets[index] = self._fitting_changeset(transaction)
            except Refused as refusal:
                postings[index] = Failed(refusal)
        for wave in _waves({index: transactions[index].key for index in changesets}):
            posted = await self._post_distinct(
                [transactions[index] for index in wave], [changesets[index] for index in wave]
            )
            postings.update(zip(wave, posted, strict=True))
        return [postings[index] for index in range(len(transactions))]

    def _fitting_changeset(self, transaction: RetailTransaction) -> Changeset:
        try:
            unit = changeset(transaction)
        except ValueError as error:
            raise Refused(str(error)) from error
        if (count := len(unit.operations)) > self._batch_operations:
            limit = self._batch_operations
            raise Refused(f"A transaction of {count} records exceeds the {limit} of a batch.")
        return unit

    async def _post_distinct(
        self, transactions: Sequence[RetailTransaction], changesets: Sequence[Changeset]
    ) -> list[Posting]:
        work = Worklist(
            transactions,
            [len(each.operations) for each in changesets],
            [document_key(transaction) for transaction in transactions],
            max_operations=self._batch_operations,
        )
        look_ups = [_look_up(transaction) for transaction in transactions]
        steps = (
            (Step.POST, changesets, work.posted),
            (Step.LOOK_UP, look_ups, work.looked_up),
        )
        try:
            for _ in range(ROUNDS):
                for step, items, take in steps:
                    for chunk in work.chunks(step):
                        answers = await self._client.batch([items[index] for index in chunk])
                        take(chunk, answers, self._clock())
                if not work:
                    break
        except DynamicsError as error:
            work.give_up(error)
        else:
            work.give_up()
        return [work.postings[index] for index in range(len(transactions))]


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
        )
    )


def document_key(transaction: RetailTransaction) -> str:
    """Return the key as it stands between the parentheses of the document's OData URL."""
    return entity_path("", _key(transaction))[1:-1]


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


def _look_up(transaction: RetailTransaction) -> Operation:
    return read(HEADERS, _key(transaction), IDENTITY_FIELDS)


def _key(transaction: RetailTransaction) -> dict[str, str]:
    return {
        "dataAreaId": transaction.company,
        "OperatingUnitNumber": transaction.operating_unit,
        "Terminal": transaction.terminal,
        "TransactionNumber": transaction.transaction_number,
    }


def _waves(keys: Mapping[int, tuple[str, ...]]) -> Iterator[list[int]]:
    """Yield the indexes such that no key occurs twice in a wave: almost always one wave.

    A second transaction under a key meets the first in Dynamics and is compared with it there.
    """
    rest = list(keys)
    while rest:
        first: dict[tuple[str, ...], int] = {}
        for index in rest:
            # Dynamics' keys do not tell upper from lower case.
            first.setdefault(tuple(part.casefold() for part in keys[index]), index)
        yield list(first.values())
        chosen = set(first.values())
        rest = [index for index in rest if index not in chosen]
