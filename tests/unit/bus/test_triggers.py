"""What is registered with Azure Functions, and what the registered functions do."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import azure.functions as func
import pytest
from azure.functions.decorators.function_app import Function

from shared.bus import BusCollaborators, Delivery, Done, Outcome, Parked
from shared.bus.lanes import PART, PATIENCE_SECONDS
from shared.bus.triggers import PARKING_SCHEDULE, parking_timer, subscription_trigger
from shared.events import encode
from shared.store.parking import MemoryParking
from tests.unit.bus.samples import NOW, MemoryBus, sale_event
from tests.unit.bus.test_lanes import VirtualTime


@dataclass(frozen=True)
class Wired:
    bus: BusCollaborators


class World:
    """A service of one handler in memory, on the host's settlement; its clock stands still."""

    def __init__(self) -> None:
        self.time = VirtualTime()
        self.memory_bus = MemoryBus()
        self.parking = MemoryParking()
        collaborators = self.memory_bus.collaborators(parking=self.parking)
        self.wired = Wired(replace(collaborators, lanes=self.time.lanes))
        self.calls: list[int] = []
        self.outcome: Outcome = Done()
        self.app = func.FunctionApp()

        @subscription_trigger(
            self.app,
            topic="sale-completed",
            subscription="sales",
            wiring=lambda: self.wired,
            lanes=True,
        )
        async def book_sales(
            deliveries: Sequence[Delivery], collaborators: Wired
        ) -> Sequence[Outcome]:
            """Book sales."""
            assert collaborators is self.wired
            self.calls.append(len(deliveries))
            return [self.outcome for _ in deliveries]

        parking_timer(self.app, subscriptions=("sales",), wiring=lambda: self.wired)
        self.functions: Mapping[str, Function] = {
            str(each.get_function_name()): each for each in self.app.get_functions()
        }

    def function(self, name: str) -> Callable[..., Awaitable[None]]:
        called: Callable[..., Awaitable[None]] = self.functions[name].get_user_function()
        return called

    def binding(self, name: str) -> dict[str, Any]:
        (binding,) = map(json.loads, self.functions[name].get_raw_bindings())
        return dict(binding)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    pytest.importorskip("azurefunctions.extensions.bindings.servicebus")
    monkeypatch.setenv("SETTLEMENT", "host")
    return World()


@dataclass(frozen=True)
class Native:
    """A message as the typed binding hands it over."""

    body: bytes
    message_id: str
    application_properties: Mapping[bytes, Any]
    delivery_count: int = 1
    lock_token: str = "lock"


class Context:
    class trace_context:  # noqa: N801  the worker's name
        trace_parent = ""


def natives(count: int) -> list[Native]:
    events = [sale_event(n) for n in range(1, count + 1)]
    return [Native(encode(each), str(each.id), {}) for each in events]


def test_both_lanes_and_the_timer_are_registered(world: World) -> None:
    assert world.binding("book_sales")["subscriptionName"] == "sales"
    assert world.binding("book_sales_backfill")["subscriptionName"] == "sales-backfill"
    assert world.binding("book_sales_backfill")["topicName"] == "sale-completed"
    assert world.binding("return_parked_sales")["schedule"] == PARKING_SCHEDULE


async def test_a_batch_of_late_facts_is_handled_in_parts(world: World) -> None:
    await world.function("book_sales_backfill")(natives(2 * PART + 1), None, Context())

    assert world.calls == [PART, PART, 1]


async def test_late_facts_wait_for_live_ones(world: World) -> None:
    with world.time.lanes.live():
        await world.function("book_sales_backfill")(natives(1), None, Context())

    assert world.time.now - 1000.0 + 0.001 >= PATIENCE_SECONDS


async def test_live_facts_wait_for_nobody_and_are_seen_by_the_late_ones(world: World) -> None:
    await world.function("book_sales")(natives(2 * PART), None, Context())
    assert world.time.now == 1000.0

    await world.function("book_sales_backfill")(natives(1), None, Context())

    assert world.calls == [2 * PART, 1]
    assert world.time.now > 1000.0


async def test_the_timer_returns_parked_facts_of_both_lanes(world: World) -> None:
    world.outcome = Parked("item/gbrt/1", "no item 1")
    await world.function("book_sales")(natives(1), None, Context())
    await world.function("book_sales_backfill")(natives(2)[1:], None, Context())
    await world.parking.release(["item/gbrt/1"], NOW)

    await world.function("return_parked_sales")(None)

    sent = [each.application_properties or {} for each in world.memory_bus.sent("sale-completed")]
    assert {each["retry-for"] for each in sent} == {"sales", "sales-backfill"}
