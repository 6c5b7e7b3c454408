"""One sale from a till to the ledger, and what may happen on its way; every process real."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import date
from functools import partial
from itertools import count
from typing import Any

import pytest
from azure.servicebus import ServiceBusMessage
from azure.servicebus.exceptions import MessageSizeExceededError

from infra.local.cli.output import Refused
from infra.local.cli.traces import find_trace
from infra.local.till.baskets import Store, TradingDay
from shared.clock import utc_now
from shared.events import (
    MAX_BODY_BYTES,
    Reason,
    SaleCompleted,
    SaleReturned,
    StoreDayClosed,
    encode,
    new_event,
)
from tests.e2e.chain import Chain, becomes, eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

_days = count(1)


def _trading_day(
    transactions: int = 1,
) -> tuple[list[SaleCompleted | SaleReturned], StoreDayClosed]:
    """Return a store-day nobody used before: its transactions and its close."""
    day = date(2026, 1, 1).replace(day=next(_days))
    store = Store("gbrt", "E2E", ("T1",))
    *sales, close = TradingDay(1, [store], day, transactions_per_store=transactions)
    assert isinstance(close, StoreDayClosed)
    return [each for each in sales if isinstance(each, SaleCompleted | SaleReturned)], close


def _sale() -> SaleCompleted:
    (sale,), _ = _trading_day()
    assert isinstance(sale, SaleCompleted)
    return sale


async def test_a_sale_reaches_the_ledger_and_its_store_day_balances(chain: Chain) -> None:
    sales, close = _trading_day(5)

    await chain.publish(*sales, close)

    async def balanced() -> Any:
        certificate = await chain.certificate(sales[0])
        return certificate if certificate and certificate["verdict"] == "balanced" else None

    certificate = await eventually(balanced)
    booked = await chain.booked(*sales)
    assert certificate["documents_posted"] == len(booked) == 5
    assert {row["TransactionNumber"] for row in booked} == {
        f"{sale.key.business_day:%Y%m%d}-{sale.key.sequence}" for sale in sales
    }


async def test_a_sale_published_twice_is_booked_once(chain: Chain) -> None:
    sale = _sale()
    event = encode(new_event(sale, source="/tills/e2e", time=utc_now()))

    # Other message ids, so that the broker's duplicate detection does not do the work.
    for message_id in ("first", "second"):
        await chain.send_raw(sale.TOPIC, ServiceBusMessage(event, message_id=f"{message_id}"))
    await eventually(lambda: chain.booked(sale))
    await eventually(chain.idle)

    assert len(await chain.booked(sale)) == 1
    certificate = await chain.certificate(sale)
    assert certificate is not None
    assert (certificate["facts_seen"], certificate["documents_posted"]) == (1, 1)


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "throttle", "retry_after": 1, "path": r"\$batch"},
        {"kind": "drop-after-commit", "path": r"\$batch"},
        {"kind": "drop-before-commit", "path": r"\$batch"},
        {"kind": "outage", "retry_after": 1, "count": 2, "path": "/data"},
        {"kind": "deadlock"},
        {"kind": "slow", "delay": 1.0},
    ],
    ids=lambda fault: str(fault["kind"]),
)
async def test_trouble_in_dynamics_delays_a_sale_and_never_doubles_it(
    chain: Chain, fault: dict[str, Any]
) -> None:
    sale = _sale()
    await chain.inject(**fault)

    await chain.publish(sale)

    async def announced() -> bool:
        certificate = await chain.certificate(sale)
        return certificate is not None and certificate["documents_posted"] == 1

    await eventually(announced)
    await chain.clear_faults()
    assert len(await chain.booked(sale)) == 1
    assert [
        letter for letter in await chain.dead_letters("sales") if str(sale.key) in str(letter)
    ] == []


def _spoilt(sale: SaleCompleted) -> Iterator[tuple[Reason, bytes]]:
    """Yield what tills must never send, with the reason each must be dead-lettered for."""
    envelope = json.loads(encode(new_event(sale, source="/tills/e2e", time=utc_now())))
    data = envelope["data"]

    def document(**changes: Any) -> bytes:
        return json.dumps(envelope | changes).encode()

    yield Reason.INVALID_JSON, b"{"
    yield Reason.INVALID_JSON, document()[:-40]
    yield Reason.INVALID_JSON, b"\xff\xfe\x00"
    yield Reason.NOT_A_CLOUD_EVENT, b'"a sale"'
    yield Reason.UNKNOWN_TYPE, document(type="com.tillbus.sale-dreamt.v1")
    yield Reason.UNKNOWN_VERSION, document(type="com.tillbus.sale-completed.v99")
    yield Reason.INVALID_DATA, document(data={})
    yield Reason.AMOUNTS_DO_NOT_ADD_UP, document(data=data | {"total": str(sale.total + 1)})
    yield Reason.CARD_NUMBER, document(data=data | {"cashier": "5500 0000 0000 0004"})
    yield Reason.MISSING_ID, document(id="")
    yield Reason.ID_MISMATCH, document(id="00000000-0000-0000-0000-000000000000")


async def test_what_can_never_succeed_is_dead_lettered_at_once_with_its_reason(
    chain: Chain,
) -> None:
    spoilt = list(_spoilt(_sale()))
    messages = {f"spoilt-{number}": (reason, body) for number, (reason, body) in enumerate(spoilt)}
    without_id = ServiceBusMessage(b"no id either")

    for message_id, (_, body) in messages.items():
        await chain.send_raw("sale-completed", ServiceBusMessage(body, message_id=message_id))
    await chain.send_raw("sale-completed", without_id)
    after, unnumbered = _sale(), _sale()
    await chain.publish(after)
    await chain.send_raw(
        "sale-completed",
        ServiceBusMessage(encode(new_event(unnumbered, source="/tills/e2e", time=utc_now()))),
    )

    async def all_dead() -> Any:
        found = {letter.message_id: letter for letter in await chain.dead_letters("sales")}
        unnamed = found.keys() - messages.keys()
        return found if messages.keys() <= found.keys() and unnamed else None

    letters = await eventually(all_dead)
    assert {name: letters[name].reason for name in messages} == {
        name: str(reason) for name, (reason, _) in messages.items()
    }
    assert all(letter.description for letter in letters.values())
    assert all(letter.deliveries == 0 for letter in letters.values())
    card = next(name for name, (reason, _) in messages.items() if reason is Reason.CARD_NUMBER)
    assert "0004" not in letters[card].description
    assert await chain.dead_letters("completeness") == []
    # Nothing else was delayed by any of it, and a right sale needs no message id.
    for right in (after, unnumbered):
        await eventually(partial(chain.booked, right))


async def test_a_message_larger_than_the_bus_takes_is_refused_to_its_sender(chain: Chain) -> None:
    with pytest.raises(MessageSizeExceededError):
        await chain.send_raw("sale-completed", ServiceBusMessage(b"x" * 2 * MAX_BODY_BYTES))

    sale = _sale()
    await chain.publish(sale)
    await eventually(partial(chain.booked, sale))


async def test_a_sale_of_an_unknown_company_or_currency_is_refused_before_any_call(
    chain: Chain,
) -> None:
    sale = _sale()
    stranger = sale.model_copy(update={"key": sale.key.model_copy(update={"company": "none"})})
    foreign = SaleCompleted.model_validate_json(
        sale.model_dump_json().replace('"GBP"', '"CHF"').replace('"T1"', '"T9"')
    )

    await chain.publish(stranger, foreign)

    async def both() -> Any:
        reasons = {letter.reason for letter in await chain.dead_letters("sales")}
        return reasons >= {Reason.UNKNOWN_COMPANY, Reason.UNKNOWN_CURRENCY}

    await eventually(both)
    assert await chain.booked(stranger, foreign) == []


async def test_every_sale_has_one_connected_trace_and_each_log_line_appears_once(
    chain: Chain,
) -> None:
    await chain.send_raw("sale-completed", ServiceBusMessage(b"{"))
    report = await chain.tillbus("publish", "--sales", "21", "--seed", "11")
    assert report["by_topic"]["store-day-closed"] == 7
    published = report["by_topic"]["sale-completed"] + report["by_topic"].get("sale-returned", 0)

    async def balanced() -> Any:
        certificates = (await chain.tillbus("certify", "--day", "2026-03-02"))["certificates"]
        verdicts = {certificate["verdict"] for certificate in certificates}
        return certificates if len(certificates) == 7 and verdicts == {"balanced"} else None

    certificates = await eventually(balanced)
    keys = [
        "/".join(
            (
                each["company"],
                each["store"],
                each["business_day"],
                terminal["terminal"],
                str(sequence),
            )
        )
        for each in certificates
        for terminal in each["terminals"]
        for sequence in range(terminal["first"], terminal["last"] + 1)
    ]
    assert len(keys) == published == 21

    async def complete() -> Any:
        traces = [await _trace_or_none(chain, key) for key in keys]
        return traces if all(map(_is_whole, traces)) else None

    traces = await eventually(complete)
    for trace in traces:
        (root,) = trace["roots"]
        assert root["name"].startswith("publish sale-")
        assert root["role"] == "till"
    assert len({trace["operation_id"] for trace in traces}) == len(keys)

    async def disconnected() -> Any:
        answer = await chain.http.get(f"{chain.addresses.appinsights}/api/connected")
        return answer.json()["disconnected"]

    async def logs_of_the_dead_letter() -> Any:
        answer = await chain.http.get(f"{chain.addresses.appinsights}/api/logs")
        logs = answer.json()["logs"]
        return logs if any("dead-lettered" in line["message"] for line in logs) else None

    await becomes(disconnected, {})
    logs = await eventually(logs_of_the_dead_letter)
    lines = Counter((line["time"], line["message"], line["parent_id"]) for line in logs)
    assert [line for line, times in lines.items() if times > 1] == []


async def _trace_or_none(chain: Chain, key: str) -> dict[str, Any] | None:
    try:
        return await find_trace(chain.addresses, key)
    except Refused:
        return None


def _is_whole(trace: dict[str, Any] | None) -> bool:
    """Spans come in the order they end in: below the root, one is a root until its parent came."""
    wanted = {"POST RetailTransactions", "process document-posted"}
    return trace is not None and len(trace["roots"]) == 1 and wanted <= set(_names(trace))


def _names(trace: dict[str, Any]) -> Iterator[str]:
    for span in trace.get("roots") or trace["children"]:
        yield span["name"]
        yield from _names(span)
