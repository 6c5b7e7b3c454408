"""The demonstration's day: nothing of it is lost between scenes, and its books can tell."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from infra.local.demo.books import compare_books, published_books
from infra.local.demo.day import BUSINESS_DAY, OFFLINE, PER_STORE, plan_day
from infra.local.till.baskets import STORES, TradingDay
from shared.events import InvalidEvent, Reason, decode

DAY = plan_day(7, lambda: datetime(2026, 3, 3, tzinfo=UTC))


def _ledger() -> dict[str, Any]:
    books = published_books(DAY.transactions)
    return {
        "by_currency": [
            {"company": company, "count": count, "PaymentAmount": str(books.amounts[company])}
            for company, count in books.documents.items()
        ]
    }


def test_every_transaction_of_the_day_belongs_to_exactly_one_scene() -> None:
    generated = TradingDay(7, STORES, BUSINESS_DAY, transactions_per_store=PER_STORE)
    keys = sorted(fact.natural_key() for fact in generated if fact.TOPIC != "store-day-closed")

    assert sorted(sale.natural_key() for sale in DAY.transactions) == keys


def test_the_offline_till_is_in_no_scene_of_the_day() -> None:
    live = [*DAY.morning, *DAY.noon, *DAY.afternoon, *DAY.evening]

    assert DAY.offline
    assert OFFLINE not in {(sale.key.store, sale.key.terminal) for sale in live}


@pytest.mark.parametrize("poison", DAY.poison, ids=lambda poison: poison.message_id)
def test_each_poison_is_what_it_claims_to_be(poison: Any) -> None:
    if poison.reason is Reason.UNKNOWN_COMPANY:
        place = decode(poison.body).data.place
        assert place is not None
        assert place[0] == "none"
        return
    with pytest.raises(InvalidEvent) as refused:
        decode(poison.body)
    assert refused.value.reason is poison.reason


def test_equal_books_show_no_difference() -> None:
    assert compare_books(DAY.transactions, _ledger()) == []


def test_a_document_too_many_is_named_with_its_company() -> None:
    ledger = _ledger()
    ledger["by_currency"][0]["count"] += 1

    (difference,) = compare_books(DAY.transactions, ledger)

    assert difference.startswith(ledger["by_currency"][0]["company"])


def test_a_cent_too_few_is_named_with_its_company() -> None:
    ledger = _ledger()
    row = ledger["by_currency"][-1]
    row["PaymentAmount"] = str(Decimal(row["PaymentAmount"]) - Decimal("0.01"))

    (difference,) = compare_books(DAY.transactions, ledger)

    assert difference.startswith(row["company"])


def test_a_missing_company_is_a_difference() -> None:
    without = replace(DAY, morning=(), noon=(), afternoon=(), evening=(), offline=())

    assert compare_books(without.transactions, _ledger())
