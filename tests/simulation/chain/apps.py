"""The deployed function apps in simulated workers: their own triggers, timers and wiring, above our
bus, store and network."""

from __future__ import annotations

import asyncio
import json
import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from importlib import import_module, reload
from pkgutil import resolve_name
from typing import Any
from unittest.mock import patch

import azure.functions as func

from infra.local.dynamics.inventory_visibility.configuration import ENVIRONMENT_ID
from shared.bus import BusCollaborators, Publisher, RetryPolicy
from shared.bus.lanes import LiveFirst
from shared.clock import Clock
from shared.service import Opened
from tests.simulation.chain.bus import SimulatedBus
from tests.simulation.chain.dynamics import URLS
from tests.simulation.chain.hazards import Process, current
from tests.simulation.chain.invariants import PLACES
from tests.simulation.chain.stores import SimulatedStore
from tests.simulation.chain.virtual import now

SERVICES = ("sales", "inventory", "customers", "orders", "completeness")

COMPANIES: Mapping[str, Mapping[str, object]] = {
    "gbrt": {"currencies": ["GBP"], "site": PLACES["gbrt"]},
    "kwrt": {"currencies": ["KWD"], "site": PLACES["kwrt"], "grain": "statement"},
}

SETTINGS: Mapping[str, str] = {
    "COMPANIES": json.dumps(COMPANIES),
    **URLS,
    "INVENTORY_VISIBILITY_ENVIRONMENT_ID": ENVIRONMENT_ID,
    "DYNAMICS_CUSTOM_SERVICES": json.dumps(
        {
            operation: f"TillbusServices/TillbusPosting/{operation}"
            for operation in ("post", "cancel", "invoice", "balance")
        }
    ),
    "DYNAMICS_CUSTOMER_GROUP": "10",
    "SETTLEMENT": "host",
}

MOST_SKEW = timedelta(minutes=3)
"""How far a worker's clock may be off."""


@dataclass(frozen=True)
class Subscribed:
    """A function on a subscription."""

    topic: str
    subscription: str
    function: Callable[..., Awaitable[None]]

    @property
    def address(self) -> str:
        return f"{self.topic}/Subscriptions/{self.subscription}"


@dataclass(frozen=True)
class Timed:
    """A function on a timer; `schedule` is its NCRONTAB expression."""

    schedule: str
    function: Callable[..., Awaitable[None]]


@dataclass(frozen=True)
class App:
    """One service's functions."""

    name: str
    subscribed: tuple[Subscribed, ...]
    timed: tuple[Timed, ...]


class PerProcess:
    """Stands for a wiring's `collaborators`: each simulated process builds its own, once."""

    def __init__(self, build: Callable[[], Awaitable[Any]]) -> None:
        self._build = build

    async def __call__(self) -> Any:
        process = current.get()
        assert process is not None, "only a worker's functions are wired"
        return await process.once(self._build)


READ_ONCE = (
    "services.sales.wiring.CompaniesSettings",
    "services.inventory.wiring.InventorySettings",
    "services.customers.wiring.CustomersSettings",
    "services.orders.wiring.CompaniesSettings",
    "shared.dynamics.DynamicsSettings",
    "shared.dynamics.dataverse.DataverseSettings",
    "shared.dynamics.inventory_visibility.InventoryVisibilitySettings",
)
"""The environment stands still, and workers start forty times a run: what they read of it is kept.
None of them can be changed."""


@contextmanager
def apps() -> Iterator[list[App]]:
    """Give the function apps, indexed anew with a wiring for each process; then as they were."""
    with ExitStack() as stack:
        stack.enter_context(patch.dict(os.environ, SETTINGS))
        for settings in READ_ONCE:
            stack.enter_context(patch(settings, cache(resolve_name(settings))))
        found = []
        for name in SERVICES:
            wiring = import_module(f"services.{name}.wiring")
            module = import_module(f"services.{name}.function_app")
            stack.callback(reload, module)
            stack.enter_context(patch.object(wiring, "collaborators", PerProcess(wiring._build)))
            found.append(_indexed(name, reload(module).app))
        yield found


def _indexed(name: str, blueprint: Any) -> App:
    app = func.FunctionApp()
    app.register_functions(blueprint)
    subscribed: list[Subscribed] = []
    timed: list[Timed] = []
    for function in app.get_functions():
        trigger: Any = function.get_trigger()
        if trigger.get_binding_name() == "serviceBusTrigger":
            topic, subscription = trigger.topic_name, trigger.subscription_name
            subscribed.append(Subscribed(topic, subscription, function.get_user_function()))
        elif trigger.get_binding_name() == "timerTrigger":
            timed.append(Timed(trigger.schedule, function.get_user_function()))
    return App(name, tuple(subscribed), tuple(timed))


@dataclass
class Platform:
    """What the services of one run share."""

    bus: SimulatedBus
    store: SimulatedStore
    seed: int

    @contextmanager
    def beneath(self) -> Iterator[None]:
        """Let services that are wired meanwhile find this bus and this store."""
        with ExitStack() as stack:
            for name in SERVICES:
                stack.enter_context(patch(f"services.{name}.wiring.opened", self._opened))
            yield

    @asynccontextmanager
    async def _opened(self, name: str, clock: Clock = now) -> AsyncIterator[Any]:
        process = current.get()
        assert process is not None
        chance = random.Random(f"{self.seed}/{process.name}")
        skew = MOST_SKEW * chance.uniform(-1, 1)

        def skewed() -> datetime:
            return now() + skew

        bus = BusCollaborators(
            publisher=Publisher(self.bus.client(), clock=skewed),
            clock=skewed,
            retry_policy=RetryPolicy(chance=chance.random),
            parking=self.store.parking,
            archive=self.store.archive,
            lanes=LiveFirst(asyncio.get_running_loop().time),
        )
        yield Opened(bus, self.store)  # type: ignore[arg-type]


__all__ = ["App", "Platform", "Process", "Subscribed", "Timed", "apps"]
