"""One fact of every topic, as a chain with stores in several products publishes them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from shared.events import (
    CashMoved,
    CustomerRegistered,
    CustomerUpdated,
    Fact,
    FeedbackGiven,
    GiftCardRedeemed,
    GiftCardSold,
    InventoryAdjusted,
    LoyaltyEarned,
    LoyaltyRedeemed,
    OrderCancelled,
    OrderChanged,
    OrderPlaced,
    PaymentCaptured,
    SaleCompleted,
    SaleReturned,
    SaleVoided,
    StockCounted,
    StoreDayClosed,
    StoreDayOpened,
    TenderDeclared,
    TransactionKey,
    TransactionRecorded,
)

DAY = date(2026, 3, 2)
AT = datetime(2026, 3, 2, 10, tzinfo=UTC)
CENT = Decimal("0.01")


def key(company: str, sequence: int, store: str = "S1") -> TransactionKey:
    return TransactionKey(
        company=company, store=store, business_day=DAY, terminal="T1", sequence=sequence
    )


def _transaction(
    company: str, sequence: int, currency: str, item: str, unit: str, changes: dict[str, Any]
) -> dict[str, Any]:
    """Two pieces at 6.00, 20 % in the price, paid by card."""
    line = {
        "number": 1,
        "item": item,
        "unit": unit,
        "quantity": Decimal(2),
        "unit_price": Decimal("6.00"),
        "net_amount": Decimal("10.00"),
        "taxes": [{"code": "STANDARD", "rate_percent": Decimal(20), "amount": Decimal("2.00")}],
    }
    paid = {
        "type": "card",
        "currency": currency,
        "amount": Decimal("12.00"),
        "amount_in_sale_currency": Decimal("12.00"),
    }
    return {
        "key": key(company, sequence),
        "occurred_at": AT,
        "currency": currency,
        "prices_include_tax": True,
        "lines": [line | changes],
        "tenders": [paid],
        "total": Decimal("12.00"),
    }


def sale(
    company: str, sequence: int, currency: str, item: str = "20117", unit: str = "ea"
) -> SaleCompleted:
    return SaleCompleted.model_validate(_transaction(company, sequence, currency, item, unit, {}))


def taken_back(company: str, sequence: int, currency: str, sold: int) -> SaleReturned:
    original = {"original": {"key": key(company, sold), "line": 1}}
    return SaleReturned.model_validate(
        _transaction(company, sequence, currency, "20117", "ea", original)
    )


def closed(
    company: str, currency: str, total: str, *, last: int = 1, sales: int = 1, returns: int = 0
) -> StoreDayClosed:
    terminal = {
        "terminal": "T1",
        "first_sequence": 1,
        "last_sequence": last,
        "sales": sales,
        "returns": returns,
    }
    return StoreDayClosed.model_validate(
        {
            "company": company,
            "store": "S1",
            "business_day": DAY,
            "closed_at": AT,
            "terminals": [terminal],
            "currency": currency,
            "total": Decimal(total),
        }
    )


def tills() -> list[Fact]:
    """What the tills of a company on Finance & Operations publish on one day."""

    def slip(sequence: int, **more: Any) -> dict[str, Any]:
        return {"key": key("usrt", sequence), "occurred_at": AT, **more}

    def entry(number: int, **more: Any) -> dict[str, Any]:
        return {"transaction": key("usrt", 1), "entry": number, "occurred_at": AT, **more}

    cash = {"type": "cash", "currency": "USD", "amount": Decimal("50.00")}
    card, money = "GC-2026-7", {"currency": "USD", "amount": Decimal("20.00")}
    return [
        StoreDayOpened(
            company="usrt", store="S1", business_day=DAY, opened_at=AT, terminals=("T1",)
        ),
        sale("usrt", 1, "USD"),
        taken_back("usrt", 2, "USD", 1),
        SaleVoided.model_validate(slip(3, currency="USD", amount=Decimal("9.00"))),
        TransactionRecorded.model_validate(slip(4, kind="no-sale")),
        TenderDeclared.model_validate(slip(5, tenders=[cash])),
        CashMoved.model_validate(slip(6, kind="safe-drop", **cash)),
        GiftCardSold.model_validate(entry(1, card=card, **money)),
        GiftCardRedeemed.model_validate(entry(2, card=card, **money | {"amount": Decimal(5)})),
        LoyaltyEarned.model_validate(entry(3, card="LC-7", points=Decimal(30))),
        LoyaltyRedeemed.model_validate(entry(4, card="LC-7", points=Decimal(10))),
        closed("usrt", "USD", "0", last=6, returns=1),
    ]


def back_office(now: datetime) -> list[Fact]:
    """What the shop behind the tills publishes; counts that are too old are refused."""
    place = {"company": "usrt", "store": "W1", "observed_at": now}
    line = {"number": 1, "item": "20223", "unit": "ea", "quantity": Decimal(3)}
    person = {
        "company": "usrt",
        "customer": "K-7",
        "source": "till",
        "changed_at": AT,
        "name": "Ada Example",
        "city": "Boston",
        "loyalty_card": "LC-7",
    }
    return [
        InventoryAdjusted.model_validate(
            {**place, "document": "R-1", "kind": "received", "lines": [line]}
        ),
        StockCounted.model_validate(
            {**place, "document": "C-1", "lines": [line | {"item": "20331"}]}
        ),
        CustomerRegistered.model_validate({**person, "version": 1}),
        CustomerUpdated.model_validate({**person, "version": 2, "city": "Salem"}),
        FeedbackGiven.model_validate(
            {
                "company": "usrt",
                "feedback": "F-1",
                "customer": "K-7",
                "given_at": AT,
                "rating": 9,
                "text": "Friendly.",
            }
        ),
    ]


def web_shop(company: str, currency: str, customer: str, item: str, unit: str) -> list[Fact]:
    """Two orders: one is changed and paid, the other cancelled."""

    def content(order: str, total: str) -> dict[str, Any]:
        line = {"number": 1, "item": item, "unit": unit, "quantity": "1", "unit_price": total}
        return {
            "company": company,
            "order": order,
            "customer": customer,
            "currency": currency,
            "prices_include_tax": True,
            "lines": [line],
            "total": total,
        }

    payment = {"payment": "P-1", "method": "card", "amount": "15.00", "captured_at": AT}
    named = {"company": company, "order": "W-1", "customer": customer, "currency": currency}
    return [
        OrderChanged.model_validate({**content("W-1", "15.00"), "version": 1, "changed_at": AT}),
        PaymentCaptured.model_validate({**named, **payment}),
        OrderPlaced.model_validate({**content("W-1", "10.00"), "placed_at": AT}),
        OrderPlaced.model_validate({**content("W-2", "30.00"), "placed_at": AT}),
        OrderCancelled.model_validate({"company": company, "order": "W-2", "cancelled_at": AT}),
    ]
