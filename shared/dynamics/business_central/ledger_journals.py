"""General journals: a batch of its own for each of ours, posted as a whole.

    the ledger has entries of our document number -- compared, done
    a deep insert makes batch and lines together, the batch's code is unique; then it is posted
    an empty batch under our code and still no entries: its lines are written, then it is posted

Posting moves the lines to the ledger in one transaction and leaves the batch, whose code goes on
keeping a second one out. Amounts are in the local currency, for a journal line has no other. That
a deep insert takes dimensions below lines below a batch is not documented: confirm it on a tenant.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from shared.dynamics.business_central import requests
from shared.dynamics.business_central.api import Api
from shared.dynamics.business_central.batch import together
from shared.dynamics.business_central.keys import DOCUMENT, EXTERNAL_DOCUMENT, JOURNAL, short_key
from shared.dynamics.odata.errors import Conflict, DynamicsError, Refused
from shared.dynamics.once import book_once
from shared.dynamics.ports.documents import Journal, JournalLine
from shared.dynamics.ports.posting import Failed, Posting
from shared.dynamics.service import Entity

_SPACING = 10_000
LINES = "journalLines"
DIMENSIONS = "dimensionSetLines"


class BusinessCentralLedgerJournals:
    def __init__(self, api: Api) -> None:
        self._api = api

    async def post(self, journals: Sequence[Journal]) -> Sequence[Posting]:
        """See the port. `Booked.key` is the document number in the ledger."""
        return [await self._post(journal) for journal in journals]

    async def _post(self, journal: Journal) -> Posting:
        try:
            local = await self._api.companies.currency(journal.company)
            if journal.currency != local:
                raise Refused(
                    f"Journal {journal.key} is in {journal.currency}; journals of "
                    f"{journal.company} are in {local}."
                )
            path = await self._api.company(journal.company, "journals")
            entries = await self._api.company(journal.company, "generalLedgerEntries")
        except DynamicsError as error:
            return Failed(error)

        async def write() -> Entity:
            await self._post_batch(path, entries, journal)
            return await self._posted(entries, journal) or {"documentNumber": number(journal)}

        async def look_up() -> Entity | None:
            return await self._posted(entries, journal)

        return await book_once(
            write,
            look_up,
            key=lambda found: str(found["documentNumber"]),
            differences=lambda found: differences(journal, found),
            look_first=True,
        )

    async def _posted(self, path: str, journal: Journal) -> Entity | None:
        """The document's debits and credits in the ledger, None where it is not there."""
        where = requests.equal("documentNumber", number(journal))
        select = ("documentNumber", "debitAmount", "creditAmount")
        debit, count = Decimal(), 0
        async for entry in self._api.rows(requests.rows(path, where=where, select=select)):
            debit += Decimal(str(entry["debitAmount"]))
            count += 1
        return {"documentNumber": number(journal), "debitAmount": debit} if count else None

    async def _post_batch(self, path: str, entries: str, journal: Journal) -> None:
        batch = await self._batch(path, journal)
        if batch is None:
            batch = await self._api.create(path, body(journal))
        elif not (lines := batch.get(LINES)):
            # Posted a moment ago, or emptied by hand: only the ledger can tell.
            if await self._posted(entries, journal) is not None:
                return
            below = f"{requests.one(path, batch['id'])}/{LINES}"
            await together(
                self._api, [requests.create(below, line(each, journal)) for each in journal.lines]
            )
        elif different := _unlike(journal, lines):
            raise Conflict(f"Journal {batch['code']} holds other lines: {different}")
        await self._api.act(requests.one(path, batch["id"]), "post")

    async def _batch(self, path: str, journal: Journal) -> Entity | None:
        where = requests.equal("code", short_key(journal.key, JOURNAL))
        expand = f"{LINES}($select=lineNumber,documentNumber,accountNumber,amount)"
        return await self._api.first(
            requests.rows(path, where=where, select=("id", "code"), expand=expand)
        )


def number(journal: Journal) -> str:
    return short_key(journal.key, DOCUMENT)


def body(journal: Journal) -> dict[str, object]:
    """Return batch and lines for one deep insert."""
    found: dict[str, object] = {
        "code": short_key(journal.key, JOURNAL),
        "displayName": (journal.text or journal.key)[:100],
        LINES: [line(each, journal) for each in journal.lines],
    }
    if journal.name:
        found["templateDisplayName"] = journal.name
    return found


def line(ours: JournalLine, journal: Journal) -> dict[str, object]:
    found: dict[str, object] = {
        "lineNumber": ours.number * _SPACING,
        "accountType": "G_x002F_L_x0020_Account",
        "accountNumber": ours.account,
        "postingDate": journal.day,
        "documentNumber": number(journal),
        "externalDocumentNumber": short_key(journal.key, EXTERNAL_DOCUMENT),
        "amount": ours.amount,
        "description": (ours.text or journal.text)[:100],
    }
    if ours.offset_account:
        found["balanceAccountType"] = "G_x002F_L_x0020_Account"
        found["balancingAccountNumber"] = ours.offset_account
    if ours.dimensions:
        found[DIMENSIONS] = [{"code": code, "valueCode": value} for code, value in ours.dimensions]
    return found


def differences(journal: Journal, there: Entity) -> str:
    ours = sum((abs(each.amount) for each in journal.lines if each.offset_account), Decimal())
    ours += sum(
        (each.amount for each in journal.lines if not each.offset_account and each.amount > 0),
        Decimal(),
    )
    theirs = there.get("debitAmount", ours)
    return "" if theirs == ours else f"debitAmount: {theirs} there, {ours} here"


def _unlike(journal: Journal, lines: Sequence[Entity]) -> str:
    ours = sorted((each.account, each.amount) for each in journal.lines)
    theirs = sorted((str(each["accountNumber"]), Decimal(str(each["amount"]))) for each in lines)
    if any(each["documentNumber"] != number(journal) for each in lines):
        return "their document number is another one"
    return (
        "" if ours == theirs else f"{len(theirs)} lines there, {len(ours)} here, or their amounts"
    )
