"""The wired service: settings from the environment, real store, real HTTP to Dynamics."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from infra.local.dynamics import DynamicsSimulator, Fault, FaultKind
from infra.local.till.baskets import TradingDay
from services.sales import handlers, wiring
from services.sales.slips import Slip
from shared.bus import Done, Later, Rejected
from shared.dynamics import finance_operations
from shared.dynamics.finance_operations import FinanceOperations
from shared.events import (
    BACKFILL,
    CashMoved,
    Reason,
    SaleCompleted,
    SaleReturned,
    StoreDayClosed,
    TenderDeclared,
)
from tests.contract.dynamics.conftest import inspect, settings_for
from tests.contract.sales.conftest import rows, worker
from tests.unit.sales.baskets import key, sales, simple_return, simple_sale
from tests.unit.sales.fakes import Collaborators, delivery


async def test_a_worker_started_from_settings_books_a_sale_and_its_return(
    simulator: DynamicsSimulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with worker(simulator, tmp_path / "s.db", monkeypatch) as wired:
        sold, returned = await handlers.book(
            [delivery(simple_sale()), delivery(simple_return())], wired
        )
    assert isinstance(sold, Done)
    assert isinstance(returned, Done)
    listing = await inspect(simulator, "transactions/list?company=usrt")
    amounts = {each["ChannelReferenceId"]: each["PaymentAmount"] for each in listing["value"]}
    assert amounts == {
        str(simple_sale().event_id): 12.1,
        str(simple_return().event_id): -12.1,
    }


async def test_a_restarted_worker_remembers_and_announces_word_for_word(
    simulator: DynamicsSimulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with worker(simulator, tmp_path / "s.db", monkeypatch) as wired:
        [first] = await handlers.book([delivery(simple_sale())], wired)
    calls = simulator.counts.listing()
    async with worker(simulator, tmp_path / "s.db", monkeypatch) as wired:
        [again] = await handlers.book([delivery(simple_sale())], wired)
    assert again == first
    assert simulator.counts.listing() == calls, "nothing was asked of Dynamics"


async def test_a_worker_with_an_empty_store_finds_what_is_booked(
    simulator: DynamicsSimulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator.faults.add(Fault(kind=FaultKind.DROP_AFTER_COMMIT))
    for store in ("one.db", "two.db"):
        async with worker(simulator, tmp_path / store, monkeypatch) as wired:
            [outcome] = await handlers.book([delivery(simple_sale())], wired)
        assert isinstance(outcome, Done)
        assert outcome.document is not None
        assert outcome.document.already_there
    assert (await inspect(simulator, "transactions"))["count"] == 1


async def test_two_workers_booking_the_same_sales_say_the_same(
    simulator: DynamicsSimulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliveries = [delivery(simple_sale(n)) for n in range(1, 41)]
    async with (
        worker(simulator, tmp_path / "s.db", monkeypatch) as one,
        worker(simulator, tmp_path / "s.db", monkeypatch) as two,
    ):
        ours, theirs = await asyncio.gather(
            handlers.book(deliveries, one), handlers.book(deliveries, two)
        )
    assert ours == theirs, "the store's first record is what both announce"
    assert (await inspect(simulator, "transactions"))["count"] == 40


async def test_throttled_sales_wait_as_long_as_dynamics_asks(
    simulator: DynamicsSimulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator.faults.add(Fault(kind=FaultKind.THROTTLE, retry_after=90))
    async with worker(simulator, tmp_path / "s.db", monkeypatch) as wired:
        before = wired.clock()
        [outcome] = await handlers.book([delivery(simple_sale())], wired)
    assert isinstance(outcome, Later)
    assert outcome.not_before is not None
    assert 85 < (outcome.not_before - before).total_seconds() < 95


async def test_a_company_that_is_not_configured_costs_no_call(
    simulator: DynamicsSimulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with worker(simulator, tmp_path / "s.db", monkeypatch) as wired:
        [outcome] = await handlers.book([delivery(simple_sale(company="zzrt"))], wired)
    assert isinstance(outcome, Rejected)
    assert outcome.reason is Reason.UNKNOWN_COMPANY
    assert simulator.counts.listing() == {}


async def test_a_setting_that_is_missing_is_named(
    simulator: DynamicsSimulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with worker(simulator, tmp_path / "s.db", monkeypatch):
        monkeypatch.delenv("COMPANIES")
        with pytest.raises(ValidationError, match="companies"):
            await wiring._build()


AT = datetime(2026, 3, 1, 11, tzinfo=UTC)


def _bare(finance: FinanceOperations) -> Collaborators:
    """Collaborators on a running simulator, without a database."""
    all_ = Collaborators(clock=lambda: datetime.now(UTC))
    all_.transactions = finance.transactions  # type: ignore[assignment]
    return all_


@settings(
    max_examples=15,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(sales(), min_size=1, max_size=6, unique_by=lambda sale: sale.key))
async def test_whatever_a_till_may_publish_dynamics_books_to_the_cent(
    simulator: DynamicsSimulator, facts: list[Any]
) -> None:
    async with httpx.AsyncClient() as http:
        await http.post(f"{simulator.api_url}/_simulator/reset")
    async with finance_operations(settings_for(simulator)) as finance:
        outcomes = await handlers.book([delivery(fact) for fact in facts], _bare(finance))
    assert [type(outcome) for outcome in outcomes] == [Done] * len(facts), outcomes
    booked = await inspect(simulator, "transactions")
    expected: dict[str, Decimal] = {}
    for fact in facts:
        expected[fact.currency] = expected.get(fact.currency, Decimal(0)) + fact.signed_amount
    assert {
        each["currency"]: Decimal(each["PaymentAmount"]) for each in booked["by_currency"]
    } == expected


async def test_a_trading_day_is_booked_as_the_tills_closed_it(
    simulator: DynamicsSimulator,
) -> None:
    facts = list(TradingDay(7, transactions_per_store=30))
    trade = [fact for fact in facts if isinstance(fact, SaleCompleted | SaleReturned)]
    closed = {
        (fact.company, fact.store): (fact.currency, fact.total)
        for fact in facts
        if isinstance(fact, StoreDayClosed)
    }
    async with finance_operations(settings_for(simulator)) as finance:
        outcomes = await handlers.book([delivery(fact) for fact in trade], _bare(finance))
    assert all(isinstance(outcome, Done) for outcome in outcomes)
    booked = await inspect(simulator, "transactions")
    assert booked["count"] == len(trade)
    assert {
        (each["company"], each["store"]): (each["currency"], Decimal(each["PaymentAmount"]))
        for each in booked["by_store_day"]
    } == closed


def _moved(sequence: int, kind: str, **changes: Any) -> CashMoved:
    body = {
        "key": key("usrt", sequence),
        "occurred_at": AT,
        "kind": kind,
        "currency": "USD",
        "amount": Decimal("50.00"),
    }
    return CashMoved.model_validate(body | changes)


async def test_drawers_are_retail_transactions_of_their_own_types_once(
    simulator: DynamicsSimulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = TenderDeclared.model_validate(
        {
            "key": key("usrt", 9),
            "occurred_at": AT,
            "shift": "7",
            "tenders": [
                {"type": "cash", "currency": "USD", "amount": Decimal("312.40")},
                {"type": "cash", "currency": "EUR", "amount": Decimal("20.00")},
            ],
        }
    )
    facts = [
        _moved(1, "float-entry"),
        _moved(2, "float-removal"),
        _moved(3, "safe-drop", bag="B-1"),
        _moved(4, "bank-drop"),
        _moved(5, "paid-in", account="4711"),
        _moved(6, "paid-out", account="4712"),
        counted,
    ]
    simulator.faults.add(Fault(kind=FaultKind.DROP_AFTER_COMMIT))
    async with worker(simulator, tmp_path / "s.db", monkeypatch) as wired:
        outcomes = await handlers.book_cash([delivery(fact) for fact in facts], wired)
    assert [type(each) for each in outcomes] == [Done] * 7, outcomes
    headers = await rows(simulator, "finance-operations", "RetailTransactions")
    assert [(each["TransactionType"], each["PaymentAmount"]) for each in headers] == [
        ("FloatEntry", 50),
        ("RemoveTender", -50),
        ("SafeDrop", -50),
        ("BankDrop", -50),
        ("IncomeExpense", 50),
        ("IncomeExpense", -50),
        ("TenderDeclaration", 312.4),
    ]
    lines = await rows(simulator, "finance-operations", "RetailTransactionIncomeExpenseLines")
    assert [(each["AccountNumber"], each["AccountType"], each["Amount"]) for each in lines] == [
        ("4711", "Income", -50),
        ("4712", "Expense", 50),
    ]


async def test_an_exchange_names_the_sale_it_takes_back_from_line_by_line(
    simulator: DynamicsSimulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    back = simple_return().lines[0].model_copy(update={"number": 2})
    exchange = simple_sale(19, exchanged_lines=[back], tenders=[], total=Decimal(0))
    async with worker(simulator, tmp_path / "s.db", monkeypatch) as wired:
        outcomes = await handlers.book([delivery(simple_sale(17)), delivery(exchange)], wired)
    assert [type(each) for each in outcomes] == [Done, Done], outcomes
    lines = await rows(simulator, "finance-operations", "RetailTransactionSalesLinesV2")
    assert [
        (each["TransactionNumber"], each["Quantity"], each.get("ReturnTransactionNumber", ""))
        for each in lines
    ] == [
        ("20260301-17", -2, ""),
        ("20260301-19", -2, ""),
        ("20260301-19", 2, "20260301-17"),
    ]


async def test_what_comes_late_in_bulk_goes_in_the_lane_of_bulk(
    simulator: DynamicsSimulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with worker(simulator, tmp_path / "s.db", monkeypatch) as wired:
        book = wired.books["finance-operations"]
        company = wired.companies["usrt"]
        live = book.sale(Slip.of(simple_sale()), company)
        late = book.sale(Slip.of(simple_sale()), company, late=True)
        assert live.document == late.document
        assert live.post != late.post
        [outcome] = await handlers.book([delivery(simple_sale(), lane=BACKFILL)], wired)
    assert isinstance(outcome, Done)


async def test_a_closed_day_is_stated_by_dynamics_where_a_custom_service_is_set(
    simulator: DynamicsSimulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    companies = {"usrt": {"currencies": ["USD"], "grain": "statement"}}
    services = json.dumps({"statement": "TillbusServices/TillbusPosting/statement"})
    closed = StoreDayClosed.model_validate(
        {
            "company": "usrt",
            "store": "S1",
            "business_day": key().business_day,
            "closed_at": AT,
            "terminals": [],
            "currency": "USD",
            "total": Decimal("12.10"),
        }
    )
    simulator.faults.add(Fault(kind=FaultKind.DROP_AFTER_COMMIT, path="statement$"))
    async with worker(
        simulator, tmp_path / "s.db", monkeypatch, companies, DYNAMICS_CUSTOM_SERVICES=services
    ) as wired:
        await handlers.book([delivery(simple_sale())], wired)
        [uncertain] = await handlers.close_days([delivery(closed)], wired)
        [outcome] = await handlers.close_days([delivery(closed)], wired)
    assert isinstance(uncertain, Later)
    assert isinstance(outcome, Done)
    assert outcome.document is not None
    assert outcome.document.already_there
    [header] = await rows(simulator, "finance-operations", "RetailTransactions")
    assert header["TransactionStatus"] == "Posted"
