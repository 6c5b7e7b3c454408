"""Sales and returns with a loyalty card, and what is archived of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Protocol

from services.customers.cards import LOYALTY_CARDS, Cards
from shared.companies import Company
from shared.events import Fact, SaleCompleted, SaleReturned, TransactionKey, encode, new_event
from shared.store.archive import Archive, ArchivedFact
from tests.unit.customers.collaborating import Collaborators
from tests.unit.customers.customers import COMPANY, NOW

CARD = "LC-1"


def key(sequence: int) -> TransactionKey:
    return TransactionKey(
        company=COMPANY,
        store="LONDON",
        business_day=date(2026, 3, 2),
        terminal="T1",
        sequence=sequence,
    )


def line(number: int, amount: str, quantity: str = "1", **changes: Any) -> dict[str, Any]:
    """One article; `amount` is paid for the whole line."""
    paid = Decimal(amount)
    return {
        "number": number,
        "item": "10010",
        "quantity": Decimal(quantity),
        "unit_price": (paid / Decimal(quantity)).quantize(Decimal("0.000001")),
        "net_amount": paid,
    } | changes


def back(sold: int, number: int, amount: str, quantity: str = "1", **changes: Any) -> Any:
    """So much of a line of the sale with the sequence `sold` comes back."""
    original = {"key": key(sold), "line": number}
    return line(changes.pop("at", number), amount, quantity, original=original, **changes)


def sale(sequence: int, lines: Sequence[Any], **changes: Any) -> SaleCompleted:
    return SaleCompleted.model_validate(_transaction(sequence, lines, changes))


def returned(sequence: int, lines: Sequence[Any], **changes: Any) -> SaleReturned:
    return SaleReturned.model_validate(_transaction(sequence, lines, changes))


def _transaction(sequence: int, lines: Sequence[Any], changes: dict[str, Any]) -> dict[str, Any]:
    exchanged = changes.get("exchanged_lines", ())
    total = sum((each["net_amount"] for each in lines), Decimal(0))
    total -= sum((each["net_amount"] for each in exchanged), Decimal(0))
    tender = {
        "type": "card",
        "currency": "GBP",
        "amount": total,
        "amount_in_sale_currency": total,
    }
    return {
        "key": key(sequence),
        "occurred_at": NOW,
        "currency": "GBP",
        "prices_include_tax": True,
        "lines": lines,
        "tenders": [tender],
        "total": total,
        "loyalty_card": CARD,
    } | changes


async def giving_points(rate: str = "1", **changes: Any) -> Collaborators:
    """Collaborators of a company that gives points, and knows the card."""
    settings = Company(currencies=("GBP",), points_per_unit=Decimal(rate), gift_cards="dataverse")
    all_ = Collaborators(companies={COMPANY: settings}, **changes)
    await Cards(LOYALTY_CARDS, all_.records, all_.clock).learn([(COMPANY, CARD)])
    return all_


class HasArchive(Protocol):
    @property
    def archive(self) -> Archive: ...


async def archive(all_: HasArchive, *facts: Fact) -> None:
    """Keep facts as completeness does before anybody handles them."""
    await all_.archive.keep(
        [
            ArchivedFact(
                fact_id=fact.event_id,
                fact_type=fact.TYPE,
                subject=fact.natural_key(),
                company=COMPANY,
                store="LONDON",
                business_day=date(2026, 3, 2),
                body=encode(new_event(fact, source="/tills/gbrt", time=NOW)),
                archived_at=NOW,
            )
            for fact in facts
        ]
    )
