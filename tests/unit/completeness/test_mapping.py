from __future__ import annotations

import json
import logging
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from services.completeness.certify import certify
from services.completeness.function_app import WITNESSED
from services.completeness.mapping import ENTRIES, entries
from shared.events import (
    FACTS,
    CashMoved,
    CountedTender,
    Fact,
    SaleCompleted,
    SaleReturned,
    SaleVoided,
    TaxInvoice,
    Tender,
    TenderDeclared,
    TransactionRecorded,
    decode,
    new_event,
    personal_fields,
)
from shared.store import Entries, TenderAmount

from .conftest import sale
from .days import DAY, NOON, transactions
from .test_half_booked import reversal
from .till_days import key, witnessed

ROOT = Path(__file__).resolve().parents[3]
PERSON = "somebody"
[IT] = transactions(["10.00"])


def _facts_about_somebody() -> list[Fact]:
    """Return every kind of till transaction with somebody in each personal field."""
    invoice = TaxInvoice(
        number="1",
        seller_name="us",
        seller_tax_number="1",
        buyer_name=PERSON,
        buyer_address=PERSON,
        buyer_tax_number=PERSON,
    )
    someone = {"cashier": PERSON, "customer": PERSON, "loyalty_card": PERSON}
    bought = sale(IT).model_copy(update={**someone, "tax_invoice": invoice})
    at: dict[str, Any] = {"occurred_at": NOON, "cashier": PERSON}
    counted = CountedTender(type="cash", currency="USD", amount=Decimal(1))
    return [
        bought,
        SaleVoided(key=key("T1", 2), currency="USD", amount=Decimal(1), reason=PERSON, **at),
        TransactionRecorded(key=key("T1", 3), kind="no-sale", **at),
        TenderDeclared(key=key("T1", 4), tenders=(counted,), **at),
        CashMoved(
            key=key("T1", 5),
            kind="paid-out",
            currency="USD",
            amount=Decimal(1),
            reason=PERSON,
            bag=PERSON,
            account=PERSON,
            **at,
        ),
    ]


def test_nothing_of_a_person_reaches_ledger_or_certificate() -> None:
    facts = _facts_about_somebody()
    marked = {name for fact in facts for name in personal_fields(type(fact))}
    assert {"cashier", "customer", "loyalty_card"} <= marked

    told = witnessed(facts)

    assert len(told.facts) == len(facts)
    assert PERSON not in repr(told)
    assert PERSON not in certify(DAY, told).canonical()


def _tender(amount: str, type_: str = "cash", currency: str = "USD", **more: Any) -> Tender:
    return Tender.model_validate(
        {"type": type_, "currency": currency, "amount": amount, "amount_in_sale_currency": amount}
        | more
    )


@pytest.mark.parametrize(
    ("kind", "sign"), [(SaleCompleted, 1), (SaleReturned, -1)], ids=["sale", "return"]
)
def test_what_was_paid_is_summed_by_means_and_currency_with_change_off(
    kind: type[SaleCompleted | SaleReturned], sign: int
) -> None:
    tenders = (
        _tender("20.00"),
        _tender("5.00"),
        _tender("3.00", is_change=True),
        _tender("7.00", currency="EUR"),
        _tender("9.00", "card"),
    )
    same = {name: getattr(sale(IT), name) for name in SaleCompleted.model_fields}
    fact = kind.model_construct(**same | {"tenders": tenders})

    [seen] = witnessed([fact]).facts

    assert seen.tenders == (
        TenderAmount("card", "USD", sign * Decimal("9.00")),
        TenderAmount("cash", "EUR", sign * Decimal("7.00")),
        TenderAmount("cash", "USD", sign * Decimal("22.00")),
    )


def test_a_reversal_that_does_not_say_what_it_reverses_is_told_to_the_developers(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.ERROR, "tillbus.completeness")
    unreadable = reversal(IT, "ledger").model_copy(update={"subject": "something else"})

    told = entries([new_event(unreadable, source="/services/sales", time=NOON)], NOON)

    assert told == Entries()
    assert "does not say in its subject what it reverses" in caplog.text


def test_every_sample_of_a_fact_that_is_witnessed_becomes_an_entry() -> None:
    samples = sorted((ROOT / "tests/unit/events/samples").glob("*.json"))
    events = [decode(path.read_bytes()) for path in samples]
    wanted = [event for event in events if type(event.data) in ENTRIES]

    for event in wanted:
        assert entries([event], NOON) != Entries(), event.type
    assert {type(event.data) for event in wanted} == set(ENTRIES)


def test_what_is_witnessed_is_what_the_topology_gives_and_each_topic_has_an_owner() -> None:
    [namespace] = json.loads((ROOT / "infra/topology.json").read_text())["UserConfig"]["Namespaces"]
    readers = {
        topic["Name"]: {each["Name"] for each in topic["Subscriptions"]}
        for topic in namespace["Topics"]
    }
    mine = {topic: names for topic, names in readers.items() if "completeness" in names}
    by_topic = {each.topic: each for each in WITNESSED}

    assert by_topic.keys() == mine.keys() == {kind.TOPIC for kind in ENTRIES}
    assert {topic for topic, each in by_topic.items() if each.beside_its_owner} == {
        topic for topic, names in mine.items() if names != {"completeness"}
    }
    assert len({each.function for each in WITNESSED}) == len(WITNESSED)
    assert set(ENTRIES) <= set(FACTS.values())
