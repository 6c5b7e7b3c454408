"""Sales of a store-day, and what happens to its drawers, as lines of a ledger journal. Pure.

    tenders    debit    account of the means of payment; money paid out and change credit
    revenue    credit   `revenue/<tax code>`, else `revenue`; goods that come back debit
    gift cards credit   `gift-card`, where it is set: they are owed, not earned
    tax        credit   `tax/<tax code>`, else `tax`
    rounding   credit   `rounding`

Every ticket balances by itself, for its lines, rounding and tenders add up; so does any sum of
them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from services.sales.accounts import NotBookable, account
from services.sales.slips import DrawerSlip, Sale, directed
from shared.companies import Company
from shared.dynamics.ports.documents import Journal, JournalLine
from shared.events import CashMoved, SaleCompleted, StoreDayClosed, TransactionKey

Entries = dict[tuple[str, str], Decimal]
"""Signed amount, debit positive, by account and what is said about it."""

_OTHER_SIDE: Mapping[str, str] = {
    "float-entry": "float",
    "float-removal": "float",
    "safe-drop": "safe",
    "bank-drop": "bank",
    "paid-in": "paid-in",
    "paid-out": "paid-out",
}
"""Purpose of the account a drawer's money comes from or goes to."""


def ticket_entries(sale: Sale, company: Company) -> Entries:
    """Return what a ticket adds to its day's statement; they come to zero.

    Raises NotBookable where an account is not set, or the ledger cannot hold the currency.
    """
    if sale.currency != company.currencies[0]:
        raise NotBookable(f"journals are in {company.currencies[0]}, not in {sale.currency}")
    return summed(_ticket(sale, company))


def summed(entries: Iterable[tuple[str, str, Decimal]]) -> Entries:
    """Return the sums by account and text, in their order."""
    found: Entries = {}
    for on, text, amount in entries:
        found[on, text] = found.get((on, text), Decimal(0)) + amount
    return dict(sorted(found.items()))


def _ticket(sale: Sale, company: Company) -> Iterator[tuple[str, str, Decimal]]:
    money = 1 if isinstance(sale, SaleCompleted) else -1
    for tender in sale.tenders:
        sign = -money if tender.is_change else money
        yield account(company, tender.type), tender.type, sign * tender.amount_in_sale_currency
    for line, leaves in directed(sale):
        sign = -1 if leaves else 1
        code = line.taxes[0].code if line.taxes else ""
        if line.gift_card and company.accounts.get("gift-card"):
            yield company.accounts["gift-card"], "Gift cards sold", sign * line.net_amount
        else:
            on = account(company, f"revenue/{code}", "revenue")
            yield on, f"Revenue {code}".strip(), sign * line.net_amount
        for tax in line.taxes:
            yield account(company, f"tax/{tax.code}", "tax"), f"Tax {tax.code}", sign * tax.amount
    if sale.rounding:
        yield account(company, "rounding"), "Cash rounding", -money * sale.rounding


def tender_journal(fact: StoreDayClosed, company: Company) -> Journal:
    """Return what a day's payments move from the clearing account. Raises NotBookable.

    Invoices say what was sold, not what it was paid with: the customer's payment method settles
    them on one clearing account, and the store's own totals part that into cash, cards and so on.
    What was bought on account was not paid: it stays with its customer.
    """
    own = company.currencies[0]
    entries: list[tuple[str, str, Decimal]] = []
    for each in fact.tender_totals:
        if not each.amount or each.type == "account":
            continue
        if each.currency != own:
            raise NotBookable(f"journals are in {own}; {each.type} was taken in {each.currency}")
        entries.append((account(company, each.type), each.type, each.amount))
        entries.append((account(company, "clearing"), "Clearing", -each.amount))
    where = _Where(fact.company, fact.store, fact.business_day)
    text = f"{fact.store} {fact.business_day:%Y%m%d}-T{fact.revision}"
    return _journal(where, text.replace(" ", "/"), text, summed(entries), company)


def statement(key: TransactionKey, number: str, entries: Entries, company: Company) -> Journal:
    """Return the journal of a store-day; `key` is of any of its tickets."""
    return _journal(
        _Where(key.company, key.store, key.business_day),
        f"{key.store}/{number}",
        f"{key.store} {number}",
        entries,
        company,
    )


def drawer_journal(slip: DrawerSlip, company: Company) -> Journal:
    """Return the journal of a drawer's movement. Raises NotBookable."""
    fact = slip.fact
    if not isinstance(fact, CashMoved):
        raise NotBookable("a count moves no money")
    if fact.currency != company.currencies[0]:
        raise NotBookable(f"journals are in {company.currencies[0]}, not in {fact.currency}")
    other = fact.account or account(company, _OTHER_SIDE[fact.kind])
    amount = slip.sign * fact.drawer_amount
    entries = summed(
        [(account(company, fact.type), fact.kind, amount), (other, fact.kind, -amount)]
    )
    where = _Where(fact.key.company, fact.key.store, fact.key.business_day)
    return _journal(where, slip.document_key, f"{where.store} {fact.kind}", entries, company)


class _Where(NamedTuple):
    company: str
    store: str
    day: date


def _journal(where: _Where, key: str, text: str, entries: Entries, company: Company) -> Journal:
    named = ((company.store_dimension, where.store),) if company.store_dimension else ()
    moved = ((on, said, amount) for (on, said), amount in entries.items() if amount)
    lines = [
        JournalLine(number, on, amount, text=said, dimensions=named)
        for number, (on, said, amount) in enumerate(moved, start=1)
    ]
    return Journal(
        company=company.entity(where.company),
        key=key,
        name=company.journal,
        day=where.day,
        currency=company.currencies[0],
        lines=tuple(lines),
        text=text,
    )
