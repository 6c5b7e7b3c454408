"""Customer payments as lines of a payment journal, which a person or a job queue posts.

API v2.0 has no action that posts a payment journal. So a payment is found either as a line that is
not posted, by externalDocumentNumber, or as the ledger entries it was posted to, by documentNumber.
A payment reduces what is owed: its amount is negative. Journals are kept in the local currency.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from shared.dynamics.business_central import requests
from shared.dynamics.business_central.api import Api
from shared.dynamics.business_central.keys import DOCUMENT, EXTERNAL_DOCUMENT, short_key
from shared.dynamics.business_central.references import References
from shared.dynamics.business_central.sales_documents import find_document
from shared.dynamics.claims import Claims
from shared.dynamics.odata.errors import DynamicsError, MissingParent, Refused
from shared.dynamics.once import book_once
from shared.dynamics.ports.documents import Payment
from shared.dynamics.ports.posting import Failed, Posting
from shared.dynamics.service import Entity

READ = ("id", "documentNumber", "externalDocumentNumber", "customerNumber", "amount")


class BusinessCentralCustomerPayments:
    def __init__(self, api: Api, references: References, claims: Claims, journal: str) -> None:
        """`journal` is the code of the payment journal."""
        self._claims = claims
        self._api = api
        self._references = references
        self._journal = journal

    async def post(self, payments: Sequence[Payment]) -> Sequence[Posting]:
        """See the port. One after the other: lines of one journal draw their numbers in turn."""
        return [await self._claimed(payment) for payment in payments]

    async def _claimed(self, payment: Payment) -> Posting:
        try:
            async with self._claims.held(f"payment/{payment.company}/{payment.key}".casefold()):
                return await self._post(payment)
        except DynamicsError as error:
            return Failed(error)

    async def _post(self, payment: Payment) -> Posting:
        try:
            local = await self._api.companies.currency(payment.company)
            if payment.currency != local:
                raise Refused(
                    f"Payment {payment.key} is in {payment.currency}; payment journals of "
                    f"{payment.company} are in {local}."
                )
            journals = await self._api.company(payment.company, "customerPaymentJournals")
            journal = await self._references.journal(
                payment.company, "customerPaymentJournals", self._journal
            )
        except DynamicsError as error:
            return Failed(error)
        path = f"{requests.one(journals, journal)}/customerPayments"

        async def write() -> Entity:
            return await self._api.create(path, body(payment, await self._invoice(payment)))

        async def look_up() -> Entity | None:
            number = short_key(payment.key, EXTERNAL_DOCUMENT)
            where = requests.equal("externalDocumentNumber", number)
            line = await self._api.first(requests.rows(path, where=where, select=READ))
            return line or await self._posted(payment)

        return await book_once(
            write,
            look_up,
            key=lambda found: str(found["documentNumber"]),
            differences=lambda found: differences(payment, found),
            look_first=True,
        )

    async def _invoice(self, payment: Payment) -> str:
        if not payment.applies_to:
            return ""
        path = await self._api.company(payment.company, "salesInvoices")
        found = await find_document(self._api, path, payment.applies_to)
        if found is None or found["status"] == "Draft":
            raise MissingParent(f"There is no posted invoice {payment.applies_to}.")
        return str(found["id"])

    async def _posted(self, payment: Payment) -> Entity | None:
        """The payment as the ledger has it: the side that reduces the receivables."""
        path = await self._api.company(payment.company, "generalLedgerEntries")
        number = short_key(payment.key, DOCUMENT)
        where = requests.equal("documentNumber", number)
        select = ("documentNumber", "creditAmount", "debitAmount")
        credited = Decimal()
        found = False
        async for entry in self._api.rows(requests.rows(path, where=where, select=select)):
            found = True
            credited += Decimal(str(entry["creditAmount"]))
        if not found:
            return None
        return {"documentNumber": number, "customerNumber": payment.customer, "amount": -credited}


def body(payment: Payment, invoice_id: str = "") -> dict[str, object]:
    found: dict[str, object] = {
        "customerNumber": payment.customer,
        "postingDate": payment.day,
        "documentNumber": short_key(payment.key, DOCUMENT),
        "externalDocumentNumber": short_key(payment.key, EXTERNAL_DOCUMENT),
        "amount": -payment.amount,
        "description": f"{payment.method} {payment.key}".strip()[:100],
    }
    return found | ({"appliesToInvoiceId": invoice_id} if invoice_id else {})


def differences(payment: Payment, there: Entity) -> str:
    found = []
    if Decimal(str(there["amount"])) != -payment.amount:
        found.append(f"amount: {there['amount']} there, {-payment.amount} here")
    if str(there["customerNumber"]).casefold() != payment.customer.casefold():
        found.append(f"customerNumber: {there['customerNumber']} there, {payment.customer} here")
    return "; ".join(found)
