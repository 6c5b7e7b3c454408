"""Subscriptions: handshake, half a minute of coalescing, expiry, and what kills one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from infra.local.dynamics import DynamicsSimulator, ManualClock
from shared.dynamics.business_central import business_central, requests
from shared.dynamics.business_central.webhooks import (
    Change,
    ChangeKind,
    handshake,
    parse_notifications,
)
from shared.dynamics.odata.errors import MissingParent, Refused
from tests.contract.dynamics_business_central.conftest import settings_for
from tests.contract.dynamics_business_central.documents import invoice

STATE = "a-secret-of-ours"
NOW = datetime.now(UTC).replace(microsecond=0)
URL = "http://receiver.test/changes"


class Receiver:
    """A notification URL that answers as told."""

    def __init__(self) -> None:
        self.status = 200
        self.changes: list[Change] = []

    async def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, str]:
        query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        token = handshake(query)
        if token is not None:
            return self.status, token
        if self.status == 200:
            self.changes += parse_notifications(body, STATE)
        return self.status, ""


async def advance(simulator: DynamicsSimulator, clock: ManualClock, time: timedelta) -> None:
    clock.advance(time)
    await simulator.settle()


async def test_changes_arrive_coalesced_until_the_subscription_ends() -> None:
    clock, receiver = ManualClock(NOW), Receiver()
    async with (
        DynamicsSimulator(clock=clock, senders={"http": receiver}) as simulator,
        business_central(settings_for(simulator), clock) as bc,
    ):
        subscriptions = bc.subscriptions
        made = await subscriptions.create("dert", "salesInvoices", URL, STATE)
        again = await subscriptions.create("dert", "salesInvoices", URL, STATE)
        assert made.id == again.id
        assert made.expires_at - clock() == timedelta(days=3)
        await bc.sales_documents.post([invoice("k1"), invoice("k2")])
        await advance(simulator, clock, timedelta(seconds=29))
        assert receiver.changes == []
        await advance(simulator, clock, timedelta(seconds=2))
        kinds = [(each.kind, each.entity_set) for each in receiver.changes]
        assert kinds == [(ChangeKind.CREATED, "salesInvoices")] * 2
        path = await bc.api.company("dert", "salesInvoices")
        row = await bc.api.get(requests.one(path, receiver.changes[0].row_id))
        assert row is not None
        assert row["status"] == "Open"

        await advance(simulator, clock, timedelta(days=2))
        renewed = await subscriptions.renew(made, STATE)
        assert renewed.expires_at - clock() == timedelta(days=3)
        await advance(simulator, clock, timedelta(days=3, seconds=1))
        assert await subscriptions.every() == []
        with pytest.raises(MissingParent):
            await subscriptions.renew(renewed, STATE)
        await subscriptions.delete(renewed)


async def test_a_receiver_that_answers_not_found_loses_its_subscription() -> None:
    clock, receiver = ManualClock(NOW), Receiver()
    async with (
        DynamicsSimulator(clock=clock, senders={"http": receiver}) as simulator,
        business_central(settings_for(simulator), clock) as bc,
    ):
        await bc.subscriptions.create("dert", "customers", URL, STATE)
        receiver.status = 503
        await bc.sales_documents.post([invoice("k1")])
        await bc.sales_documents.cancel(invoice().kind, "dert", "k1")
        path = await bc.api.company("dert", "customers")
        customer = await bc.api.first(requests.rows(path))
        assert customer is not None
        await bc.api.change(requests.one(path, customer["id"]), {"city": "Bonn"}, "*")
        await advance(simulator, clock, timedelta(seconds=31))
        assert len(await bc.subscriptions.every()) == 1
        receiver.status = 404
        await advance(simulator, clock, timedelta(hours=1))
        assert await bc.subscriptions.every() == []
        with pytest.raises(Refused):
            await bc.subscriptions.create("dert", "customers", URL, STATE)
        receiver.status = 200
        with pytest.raises(Refused):
            await bc.subscriptions.create("dert", "itemLedgerEntries", URL, STATE)
        assert "items" in await bc.subscriptions.supported("dert")
