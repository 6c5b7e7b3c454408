"""Putting books right by command: real bus, real store, the commands as an operator runs them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.servicebus.aio import ServiceBusClient

from infra.local.cli.output import Refused
from infra.local.cli.reemission import check_against_certificate, missing_documents, reemit
from infra.local.cli.reversals import Wish, give, reversal_order, waive, waiver
from infra.local.servicebus import LocalServiceBus
from services.completeness import handlers
from services.completeness.certificate import Verdict
from shared.bus import Publisher
from shared.bus.archiving import keep
from shared.erasure import OPERATORS
from shared.events import DocumentPosted, Fact, Reason, ReversalOrdered, decode, encode
from shared.store import DayFilter, Store
from tests.unit.completeness.conftest import (
    Collaborators,
    deliveries,
    document,
    rejection,
    sale,
)
from tests.unit.completeness.days import DAY, NOON, closing, transactions
from tests.unit.completeness.served import served
from tests.unit.completeness.test_half_booked import refusal, reversal

ROOT = Path(__file__).resolve().parents[3]
SETTLED = timedelta(minutes=90)
LATER = NOON + timedelta(hours=2)


@dataclass(frozen=True)
class Shop:
    """A store's books and the bus."""

    store: Store
    books: Collaborators
    client: ServiceBusClient

    async def told(self, *facts: Fact) -> None:
        """Witness facts as the triggers do: archived first, then in the ledger, then looked at."""
        delivered = deliveries(*facts)
        archived = [each for each in delivered if not isinstance(each.event.data, DocumentPosted)]
        await keep(self.store.archive, [(each, encode(each.event)) for each in archived], NOON)
        await handlers.witness(delivered, self.books)
        await handlers.evaluate(self.books)

    async def received(self, topic: str, subscription: str) -> list[Any]:
        """Return what waits in a subscription, and leave it there."""
        async with self.client.get_subscription_receiver(topic, subscription) as receiver:
            found: Sequence[Any] = await receiver.peek_messages(100)
            return list(found)


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    async with opened(tmp_path) as it:
        yield it


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Shop]:
    url = f"sqlite+aiosqlite:///{folder / 'store.db'}"
    async with (
        LocalServiceBus(ROOT / "infra/topology.json") as bus,
        await Store.open(url, lambda: NOON) as store,
        ServiceBusClient.from_connection_string(bus.connection_string) as client,
    ):
        books = Collaborators(store.ledger, lambda: NOON, store.certificates)
        yield Shop(store, books, client)


async def test_only_sales_that_are_missing_for_long_are_published_again_and_to_sales_alone(
    shop: Shop,
) -> None:
    booked, lost, refused = day = transactions(["1.00", "2.00", "3.00"])
    await Publisher(shop.client).publish([each.event for each in deliveries(sale(lost))])
    await shop.told(*map(sale, day), document(booked), _of_a_rule(rejection(refused)))
    await shop.told(closing(day))

    young = await missing_documents(shop.store, DAY, NOON, SETTLED)
    missing = await missing_documents(shop.store, DAY, LATER, SETTLED)
    await check_against_certificate(served(shop.books), DAY)
    await reemit(shop.store, shop.client, missing.ready, "olga", lambda: LATER)

    assert (list(young.ready), young.young) == ([], 1)
    assert [each.fact_id for each in missing.ready] == [lost.fact_id]
    assert (missing.young, missing.refused, missing.parked, missing.unknown) == (0, 1, 0, 0)
    first, again = await shop.received("sale-completed", "sales")
    assert str(first.message_id) == str(lost.fact_id)
    assert str(again.message_id).startswith(f"{lost.fact_id}#sales#reemitted-")
    assert decode(b"".join(again.body)) == decode(b"".join(first.body))
    for neighbour in ("inventory", "customers", "completeness", "sales-backfill"):
        waiting = await shop.received("sale-completed", neighbour)
        assert [str(each.message_id) for each in waiting] == (
            [] if neighbour == "sales-backfill" else [str(lost.fact_id)]
        )
    [entry] = await shop.store.audit.read(OPERATORS)
    assert (entry.act.actor, entry.act.action, entry.act.subject) == (
        "olga",
        "fact re-emitted",
        str(lost.fact_id),
    )


def _of_a_rule(rejected: Any) -> Any:
    return rejected.model_copy(update={"reason": Reason.REFUSED_BY_DYNAMICS})


async def test_nothing_of_a_day_that_balances_is_published_again(shop: Shop) -> None:
    day = transactions(["1.00"])
    await shop.told(*map(sale, day), *map(document, day), closing(day))

    with pytest.raises(Refused, match="balanced, nothing of it is published again"):
        await check_against_certificate(served(shop.books), DAY)


async def test_a_day_that_lacks_something_else_is_not_helped_by_publishing_again(
    shop: Shop,
) -> None:
    day = transactions(["1.00", "2.00", "3.00"])
    there = [day[0], day[2]]
    await shop.told(*map(sale, there), *map(document, there), closing(day))

    with pytest.raises(Refused, match="misses no document"):
        await check_against_certificate(served(shop.books), DAY)


async def test_the_booked_half_is_ordered_back_with_the_fact_from_the_archive(shop: Shop) -> None:
    it, other = transactions(["5.00", "7.00"])
    await shop.told(sale(it), sale(other), document(it), document(other), refusal(it))

    wish = Wish(it.fact_id, "ledger", "points cannot be booked", "olga")
    order = await reversal_order(shop.store, wish, lambda: LATER)
    await give(shop.store, Publisher(shop.client), order)

    for service in ("sales", "inventory", "customers"):
        [message] = await shop.received("reversal-ordered", service)
        ordered = decode(b"".join(message.body)).data
        assert isinstance(ordered, ReversalOrdered)
        assert (ordered.fact_id, ordered.effect) == (it.fact_id, "ledger")
        assert decode(json.dumps(ordered.event).encode()).data == sale(it)
    [entry] = await shop.store.audit.read(OPERATORS)
    assert (entry.act.action, entry.act.detail) == (
        "reversal ordered",
        "points cannot be booked",
    )


@pytest.mark.parametrize(
    ("number", "effect", "sentence"),
    [
        (0, "stock", "effect stock of fact .* is not booked; ledger is"),
        (1, "ledger", "nothing of fact .* is refused; to take it back anyway: --force"),
        (2, "ledger", "nobody has booked or refused anything of fact"),
        (3, "ledger", "effect ledger of fact .* is taken back already"),
        (4, "ledger", "is not in the archive"),
    ],
)
async def test_a_reversal_that_makes_no_sense_is_not_ordered(
    shop: Shop, number: int, effect: Any, sentence: str
) -> None:
    half, whole, unheard, taken_back, unknown = those = transactions(["5.00"] * 5)
    await shop.told(*map(sale, (half, whole, taken_back)))
    await shop.told(*map(document, (half, whole, taken_back, unknown)), refusal(half))
    await shop.told(refusal(taken_back), reversal(taken_back, "ledger", "-5.00"), refusal(unknown))

    wish = Wish(those[number].fact_id, effect, "a reason", "olga")
    with pytest.raises(Refused, match=sentence):
        await reversal_order(shop.store, wish, lambda: LATER)
    assert unheard.fact_id == those[2].fact_id


async def test_force_takes_back_what_is_whole(shop: Shop) -> None:
    [it] = transactions(["5.00"])
    await shop.told(sale(it), document(it))

    wish = Wish(it.fact_id, "ledger", "booked for the wrong company", "olga", force=True)
    order = await reversal_order(shop.store, wish, lambda: LATER)

    assert order.natural_key() == f"{it.fact_id}/ledger"


async def test_a_refused_effect_nobody_wants_is_waived_and_stays_on_the_certificate(
    shop: Shop,
) -> None:
    [it] = day = transactions(["5.00"])
    await shop.told(sale(it), document(it), refusal(it), closing(day))

    wish = Wish(it.fact_id, "points", "the shop has left the programme", "olga")
    await waive(shop.store, await waiver(shop.store, wish, lambda: LATER), "olga")
    [certificate] = await handlers.evaluate(shop.books)

    assert certificate.verdict is Verdict.BALANCED
    [waived] = certificate.waived
    assert (waived.effect, waived.why) == ("points", "the shop has left the programme")
    [entry] = await shop.store.audit.read(OPERATORS)
    assert (entry.act.actor, entry.act.action) == ("olga", "effect waived")
    with pytest.raises(Refused, match="is not refused"):
        await waiver(shop.store, wish, lambda: LATER)

    refused_again = refusal(it, rejected_at=LATER + timedelta(minutes=1))
    await shop.told(refused_again)
    assert len(await shop.store.ledger.half_booked(DayFilter(), 10)) == 1


async def test_money_is_never_waived(shop: Shop) -> None:
    [it] = transactions(["5.00"])
    await shop.told(sale(it), _of_a_rule(rejection(it)))

    with pytest.raises(Refused, match="effect ledger is money"):
        await waiver(shop.store, Wish(it.fact_id, "ledger", "never mind", "olga"), lambda: LATER)
