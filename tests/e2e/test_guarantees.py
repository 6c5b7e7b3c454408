"""What only the running whole can prove: that people see what is amiss, put it right by a command,
and can trust what they are shown. Every process is real, every command run as its user would."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from azure.servicebus import ServiceBusMessage

from infra.local.cli.stores import opened_store
from infra.local.demo.administrator import Administrator
from infra.local.demo.corner_shops import NEW_ARTICLE, YORK, shop_day
from infra.local.till.baskets import Store, TradingDay
from shared.clock import utc_now
from shared.erasure import find
from shared.events import (
    CustomerRegistered,
    LoyaltyEarned,
    SaleCompleted,
    StoreDayClosed,
    encode,
    new_event,
)
from tests.e2e.chain import Chain, becomes, eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

DAY = date(2026, 3, 2)
_stores = count(1)


def _store_day(seed: int = 1) -> tuple[SaleCompleted, StoreDayClosed]:
    """Return the one sale and the close of a store nobody used before."""
    store = Store("gbrt", f"G{next(_stores)}", ("T1",))
    sale, close = TradingDay(seed, [store], DAY, transactions_per_store=1)
    assert isinstance(sale, SaleCompleted)
    assert isinstance(close, StoreDayClosed)
    return sale, close


async def _certified(
    chain: Chain, sale: SaleCompleted, condition: Callable[[dict[str, Any]], object]
) -> dict[str, Any]:
    """Return the sale's certificate once it is as wanted."""

    async def found() -> dict[str, Any] | None:
        certificate = await chain.certificate(sale)
        return certificate if certificate and condition(certificate) else None

    certificate: dict[str, Any] = await eventually(found)
    return certificate


def _balances(certificate: dict[str, Any]) -> bool:
    return bool(certificate["verdict"] == "balanced")


# Parking


async def test_a_sale_of_an_article_nobody_has_entered_waits_by_its_name_while_others_flow(
    chain: Chain,
) -> None:
    waiting, close = shop_day(replace(YORK, number="Y1"), 1, DAY, 1)
    flowing, other_close = shop_day(replace(YORK, number="Y2", new=None), 1, DAY, 1)
    assert isinstance(waiting, SaleCompleted)
    assert isinstance(flowing, SaleCompleted)
    key = f"item/gbbc/{NEW_ARTICLE.item}"

    await chain.publish(waiting, close, flowing, other_close)
    await _certified(chain, flowing, _balances)
    parked = await eventually(lambda: chain.tillbus("parked", "list"))
    meanwhile = await _certified(chain, waiting, lambda found: found["verdict"] == "incomplete")
    entered = Administrator(chain.addresses, chain.platform.function_settings)
    await entered.enter_article(YORK.legal_entity, NEW_ARTICLE)

    async def let_go() -> bool:
        # Nothing waits while it is being tried, which happens now and then; ask again then.
        released = await chain.exit_code("parked", "release", key, "--by", "clerk")
        return released == 0 or _balances(await chain.certificate(waiting) or {"verdict": ""})

    await eventually(let_go)
    certificate = await _certified(chain, waiting, _balances)

    assert [(each["subscription"], each["key"], each["facts"]) for each in parked] == [
        ("sales", key, 1)
    ]
    assert NEW_ARTICLE.item in parked[0]["missing"]
    assert meanwhile["documents_posted"] == 0
    assert certificate["documents_posted"] == 1
    # That it is booked is announced before it is forgotten here.
    await becomes(lambda: chain.tillbus("parked", "list"), [])


# Half-booked


@pytest_asyncio.fixture(loop_scope="module")
async def half_booked(chain: Chain) -> AsyncIterator[SaleCompleted]:
    """A sale in the ledger whose goods the stock has refused, its day closed."""
    sale, close = _store_day()
    await eventually(chain.idle)  # what others have published must not meet the refusal
    await chain.inject(kind="refused-write", path="/onhand", count=1)
    await chain.publish(sale, close)
    await _certified(
        chain, sale, lambda certificate: certificate["half_booked"] and certificate["day_close"]
    )
    await eventually(chain.idle)  # a refusal is announced before its message is a dead letter
    yield sale
    await chain.clear_faults()


async def test_a_half_booked_sale_is_named_with_both_halves_and_repaired_by_a_replay(
    chain: Chain, half_booked: SaleCompleted
) -> None:
    store = half_booked.key.store
    before = await chain.certificate(half_booked)
    code, [listed] = await chain.answered("half-booked", "--store", store)

    replay = ("dlq", "replay", "--topic", "sale-completed", "--subscription", "inventory")
    replayed = await chain.answered(*replay, "--yes")
    await _certified(chain, half_booked, _balances)

    assert listed["fact_id"] == str(half_booked.event_id)
    assert [each["effect"] for each in listed["booked"]] == ["ledger"]
    assert [(each["effect"], each["reason"]) for each in listed["refused"]] == [
        ("stock", "refused-by-dynamics")
    ]
    assert code == 1
    assert before is not None
    assert before["verdict"] == "incomplete"
    assert (replayed[0], replayed[1]["replayed"]) == (0, 1)
    assert await chain.answered("half-booked", "--store", store) == (0, [])
    assert len(await chain.booked(half_booked)) == 1


async def test_a_half_booked_sale_is_taken_back_on_order_and_the_certificate_says_so(
    chain: Chain, half_booked: SaleCompleted
) -> None:
    order = ("reverse", str(half_booked.event_id), "--effect", "ledger", "--by", "olga")

    code = await chain.exit_code(*order, "--reason", "the goods cannot be booked", "--yes")
    certificate = await _certified(chain, half_booked, lambda found: bool(found["taken_back"]))

    assert code == 0
    assert certificate["half_booked"] == []
    assert [each["effect"] for each in certificate["taken_back"]] == ["ledger"]
    assert certificate["verdict"] == "differs"
    documents = [
        row
        for row in await chain.transactions()
        if row["OperatingUnitNumber"] == half_booked.key.store
    ]
    assert len(documents) == 2
    assert sum(Decimal(str(row["PaymentAmount"])) for row in documents) == 0
    # It is not taken back twice, whoever asks.
    assert await chain.exit_code(*order, "--reason", "once more", "--yes") == 1


# Erasure


async def test_a_customer_is_erased_from_store_archive_and_dead_letters_and_the_books_stay(
    chain: Chain,
) -> None:
    name, card = "Ottilie Unvergesslich", "LC-E2E-1"
    plain, close = _store_day()
    sale = plain.model_copy(update={"customer": "K-E2E", "loyalty_card": card})
    spoilt = json.loads(encode(new_event(sale, source="/tills/e2e", time=utc_now())))
    spoilt["data"]["total"] = str(sale.total + 1)
    registered = CustomerRegistered(
        company="gbrt",
        customer="K-E2E",
        source="till",
        version=0,
        changed_at=sale.occurred_at,
        name=name,
        loyalty_card=card,
    )
    points = LoyaltyEarned(
        transaction=sale.key,
        occurred_at=sale.occurred_at,
        card=card,
        customer="K-E2E",
        points=Decimal(10),
    )
    erase = ("erase", "gbrt", "K-E2E")

    await chain.send_raw(
        sale.TOPIC, ServiceBusMessage(json.dumps(spoilt).encode(), message_id="spoilt-e2e")
    )
    await chain.publish(registered, sale, close)
    await eventually(lambda: _contacts(chain, "K-E2E"))
    await chain.publish(points)
    await _certified(chain, sale, _balances)

    async with opened_store(chain.platform.data) as store:

        async def all_done() -> bool:
            # In this order: what ends up parked has left the bus only then.
            if not await chain.idle():
                return False
            known = await find(
                ["gbrt/K-E2E"],
                archive=store.archive,
                parking=store.parking,
                records=store.records,
            )
            return len(known.archived) == 3 and not known.parked

        await eventually(all_done)
    known = await chain.tillbus(*erase)
    assert name in _everything_in(chain)
    erased = await chain.tillbus(*erase, "--yes", "--by", "ada")
    left = await chain.tillbus(*erase)

    assert (known["archived"], known["erased"]) == (3, False)
    assert known["dead_letters"] == {"sale-completed/sales": 1}
    assert known["records"] >= 2
    assert (erased["erased"], erased["dead_letters_left"]) == (True, 0)
    assert (left["archived"], left["records"], left["dead_letters"]) == (0, 0, {})
    everything = _everything_in(chain)
    assert [trace for trace in (name, card) if trace in everything] == []
    assert "spoilt-e2e" not in {each.message_id for each in await chain.dead_letters("sales")}
    certificate = await chain.certificate(sale)
    assert certificate is not None
    assert certificate["verdict"] == "balanced"


async def _contacts(chain: Chain, customer: str) -> list[Any]:
    page = "entities?product=dataverse&set=contacts"
    contacts = (await chain.simulator(page))["value"]
    return [each for each in contacts if each["tillbus_number"] == customer]


def _everything_in(chain: Chain) -> str:
    """Return every value in the store as text."""
    with sqlite3.connect(chain.platform.data / "store.sqlite") as store:
        store.text_factory = bytes
        tables = store.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        values = [
            value
            for (table,) in tables
            for row in store.execute(f'SELECT * FROM "{table.decode()}"')
            for value in row
        ]
    return "\n".join(value.decode() if isinstance(value, bytes) else str(value) for value in values)


# What people are shown can be trusted


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sold(chain: Chain) -> SaleCompleted:
    """The one sale of a store-day that balances, and has since it was closed: a certificate is
    issued of a closed day only, so none of this one says anything else."""
    sale, close = _store_day()
    await chain.publish(sale)
    await _certified(chain, sale, lambda certificate: certificate["documents_posted"] == 1)
    await eventually(chain.idle)
    await chain.publish(close)
    await _certified(chain, sale, _balances)
    return sale


async def test_the_audit_log_has_every_booking_and_act_and_shows_any_change(
    chain: Chain, sold: SaleCompleted, tmp_path: Path
) -> None:
    await chain.exit_code("erase", "gbrt", "NOBODY", "--yes", "--by", "ada")

    (code, verified), booked, acts = await asyncio.gather(
        chain.answered("audit", "verify"),
        chain.tillbus("audit", "show", "ledger", "--limit", "1000"),
        chain.tillbus("audit", "show", "operators", "--limit", "1000"),
    )
    changed = _changed_copy(
        chain,
        tmp_path / "changed.sqlite",
        "UPDATE audit SET actor = 'somebody else' WHERE chain = 'operators' AND number = 1",
    )
    broken_code, broken = await chain.answered("audit", "verify", "--store-url", changed)

    assert {"ledger", "operators"} <= {each["chain"] for each in verified["chains"]}
    assert [each for each in verified["chains"] if each["broken_at"]] == []
    assert str(sold.key) in {each["subject"] for each in booked}
    assert "ada" in {each["actor"] for each in acts}
    assert [
        (each["chain"], each["broken_at"]) for each in broken["chains"] if each["broken_at"]
    ] == [("operators", 1)]
    assert (code, broken_code) == (0, 1)


async def test_certificates_are_chained_exported_and_verified_by_one_command(
    chain: Chain, sold: SaleCompleted, tmp_path: Path
) -> None:
    store = sold.key.store
    await _certified(chain, sold, lambda certificate: bool(certificate["issued"]))

    exported, forgery = tmp_path / "certificate.json", tmp_path / "forgery.json"
    changed = _changed_copy(
        chain,
        tmp_path / "changed.sqlite",
        f"UPDATE certificates SET verdict = 'differs' WHERE store = '{store}'",
    )
    verify = ("certificate", "verify")
    export = ("certificate", "export", "gbrt", store, str(DAY), "--format", "json")
    verified, _, (rewritten_code, rewritten) = await asyncio.gather(
        chain.tillbus(*verify, "--store", store),
        chain.exit_code(*export, "--out", str(exported)),
        chain.answered(*verify, "--store", store, "--store-url", changed, "--chain-only"),
    )
    forgery.write_text(exported.read_text().replace(str(sold.total), "999.99"))
    (code, from_file), (forged_code, forged) = await asyncio.gather(
        chain.answered(*verify, "--files", str(exported)),
        chain.answered(*verify, "--files", str(forgery)),
    )

    assert (verified["certificates"], verified["chains"], verified["holds"]) == (1, 1, True)
    assert list(verified["heads"]) == [f"gbrt/{store}"]
    assert (code, from_file["holds"]) == (0, True)
    assert (forged_code, rewritten_code) == (1, 1)
    assert "its content is not what was hashed" in forged["breaks"][0]
    assert store in rewritten["breaks"][0]


def _changed_copy(chain: Chain, copy: Path, statement: str) -> str:
    """Return the URL of a copy of the store that somebody with all rights has changed."""
    with (
        sqlite3.connect(chain.platform.data / "store.sqlite") as store,
        sqlite3.connect(copy) as changed,
    ):
        store.backup(changed)
        guards = changed.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for (guard,) in guards:
            changed.execute(f'DROP TRIGGER "{guard}"')
        assert changed.execute(statement).rowcount == 1
    return f"sqlite+aiosqlite:///{copy}"
