"""Register batch functions on subscriptions; the only module here that imports azure.functions.

    @subscription_trigger(app, topic="sale-completed", subscription="sales",
                          wiring=wiring.collaborators, announce=True, lanes=True)
    async def book_sales(deliveries, collaborators):
        return await handlers.book(deliveries, collaborators)

    parking_timer(app, subscriptions=("sales",), wiring=wiring.collaborators)

The decorated function stays what it is, so that tests may call it; what the host calls is a
function of the same name with the signature of the chosen settlement adapter. It takes a batch and
settles every message, itself or by leaving it to the host to complete.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, List, TypeVar  # noqa: UP035  indexing refuses builtin list[...]

import azure.functions as func

from shared.bus.collaborators import HasBus, Wiring, patiently
from shared.bus.consumer import SettlementFailed, consume
from shared.bus.delivery import Delivery
from shared.bus.message import Received, received
from shared.bus.outcomes import Outcome
from shared.bus.parking import Returning
from shared.bus.settlement import (
    HostSettlement,
    ManagementSettlement,
    Settlement,
    Unsettled,
    settlement_kind,
)
from shared.bus.topology import BACKFILL_SUFFIX
from shared.bus.verdicts import Subscription
from shared.events import DocumentRejected, Effect
from shared.telemetry import detached

C = TypeVar("C", bound=HasBus)
SubscriptionHandler = Callable[[Sequence[Delivery], C], Awaitable[Sequence[Outcome]]]
InvalidHandler = Callable[[Sequence[DocumentRejected], C], Awaitable[None]]

CONNECTION = "ServiceBusConnection"

PARKING_SCHEDULE = "*/10 * * * * *"
"""How soon released facts come back: a clerk who has created an item sees its sales follow."""


def subscription_trigger(
    app: func.FunctionApp | func.Blueprint,
    *,
    topic: str,
    subscription: str,
    wiring: Wiring[C],
    announce: bool = False,
    effect: Effect | None = None,
    note_invalid: InvalidHandler[C] | None = None,
    archive: bool = False,
    lanes: bool = False,
    connection: str = CONNECTION,
) -> Callable[[SubscriptionHandler[C]], SubscriptionHandler[C]]:
    """Return a decorator that triggers its function with the valid deliveries of a subscription.

    `wiring` is called for every batch, so it hands out what it built once (`shared.bus.once`).
    `announce` publishes `document-rejected` for each message that goes to the dead-letter queue,
    naming `effect` where the fact has several.
    `note_invalid` is told of messages that are no valid event, which are then completed: for
    subscriptions beside the one whose dead-letter queue owns them.
    `archive` keeps every valid fact before the function sees it: for the subscription that owns it.
    `lanes` registers a second function, `<name>_backfill` on `<subscription>-backfill`, which
    gives way to live deliveries.
    `connection` names the app setting, or the prefix of settings, that leads to the bus.
    """

    def register(handler: SubscriptionHandler[C]) -> SubscriptionHandler[C]:
        def on(name: str, function_name: str, *, late: bool) -> None:
            source = Subscription(topic, name, announce, effect)
            consumption = _Consumption(source, handler, wiring, note_invalid, archive, late)
            signature, options = _ADAPTERS[settlement_kind(os.environ)]
            function = signature(consumption.run, source)
            function.__name__ = function.__qualname__ = function_name
            function.__doc__ = handler.__doc__
            app.service_bus_topic_trigger(
                arg_name="messages",
                connection=connection,
                topic_name=topic,
                subscription_name=name,
                cardinality="many",
                **options,
            )(function)

        on(subscription, handler.__name__, late=False)
        if lanes:
            on(subscription + BACKFILL_SUFFIX, f"{handler.__name__}_backfill", late=True)
        return handler

    return register


async def left_to_owner(rejections: Sequence[DocumentRejected], collaborators: object) -> None:
    """A `note_invalid` for who need not note it: the owner of the topic dead-letters what is no
    valid event, and one dead letter for it is enough."""


def parking_timer(
    app: func.FunctionApp | func.Blueprint, *, subscriptions: Sequence[str], wiring: Wiring[C]
) -> None:
    """Register the timer that brings back what is parked by these subscriptions of a service.

    Their backfill subscriptions are included. Once per service: the first name is the function's.
    """
    returning = Returning([*subscriptions, *(each + BACKFILL_SUFFIX for each in subscriptions)])

    async def return_parked(collaborators: C) -> None:
        """Bring back parked facts whose wait is over."""
        await returning.run(collaborators.bus)

    return_parked.__name__ = f"return_parked_{subscriptions[0]}"
    service_timer(app, schedule=PARKING_SCHEDULE, wiring=wiring)(return_parked)


def service_timer(
    app: func.FunctionApp | func.Blueprint, *, schedule: str, wiring: Wiring[C]
) -> Callable[[Callable[[C], Awaitable[None]]], Callable[[C], Awaitable[None]]]:
    """Return a decorator that calls its function with the collaborators, time and again.

    `schedule` is an NCRONTAB expression of six fields, in UTC.
    """

    def register(work: Callable[[C], Awaitable[None]]) -> Callable[[C], Awaitable[None]]:
        async def function(timer: func.TimerRequest) -> None:
            with detached():
                await work(await patiently(wiring))

        function.__name__ = function.__qualname__ = work.__name__
        function.__doc__ = work.__doc__
        function.__annotations__ = {"timer": func.TimerRequest}
        app.timer_trigger(arg_name="timer", schedule=schedule)(function)
        return work

    return register


@dataclass(frozen=True, slots=True)
class _Consumption(Generic[C]):
    """What a function of a subscription does with a batch; `late` ones give way to the others."""

    source: Subscription
    handler: SubscriptionHandler[C]
    wiring: Wiring[C]
    note_invalid: InvalidHandler[C] | None
    archive: bool
    late: bool

    async def run(
        self, messages: Sequence[Any], settlement: Callable[[C], Settlement], context: Any
    ) -> None:
        with detached():
            collaborators = await patiently(self.wiring)
            batch = [received(each) for each in messages]
            settling = settlement(collaborators)
            invocation = context.trace_context.trace_parent or None
            lanes = collaborators.bus.lanes
            if not self.late:
                with lanes.live():
                    await self._consume(batch, settling, invocation, collaborators)
                return
            unsettled: list[Unsettled] = []
            async for part in lanes.parts(batch):
                try:
                    await self._consume(part, settling, invocation, collaborators)
                except SettlementFailed as error:
                    unsettled += error.unsettled
            if unsettled:
                raise SettlementFailed(unsettled)

    async def _consume(
        self,
        messages: Sequence[Received],
        settlement: Settlement,
        invocation: str | None,
        collaborators: C,
    ) -> None:
        note = self.note_invalid
        await consume(
            messages,
            settlement,
            lambda deliveries: self.handler(deliveries, collaborators),
            source=self.source,
            bus=collaborators.bus,
            invocation=invocation,
            note_invalid=note and (lambda facts: note(facts, collaborators)),
            archive=self.archive,
        )


def _settled_by_host(run: Any, source: Subscription) -> Callable[..., Awaitable[None]]:
    from azurefunctions.extensions.bindings.servicebus import (
        ServiceBusMessageActions,
        ServiceBusReceivedMessage,
    )

    async def function(messages, actions, context):  # type: ignore[no-untyped-def]
        await run(messages, lambda _: HostSettlement(actions), context)

    function.__annotations__ = {
        "messages": List[ServiceBusReceivedMessage],  # noqa: UP006
        "actions": ServiceBusMessageActions,
        "context": func.Context,
    }
    return function


def _settled_by_lock_token(run: Any, source: Subscription) -> Callable[..., Awaitable[None]]:
    kept: dict[Any, ManagementSettlement] = {}

    def settlement(collaborators: HasBus) -> Settlement:
        client = collaborators.bus.publisher.client
        if client not in kept:
            receiver = client.get_subscription_receiver(source.topic, source.name)
            kept[client] = ManagementSettlement(receiver)
        return kept[client]

    async def function(messages, context):  # type: ignore[no-untyped-def]
        await run(messages, settlement, context)

    function.__annotations__ = {
        "messages": List[func.ServiceBusMessage],  # noqa: UP006
        "context": func.Context,
    }
    return function


_ADAPTERS: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "host": (_settled_by_host, {"auto_complete_messages": True}),
    # Binary: from arrays of text the host drops empty bodies, which shifts the rest onto the wrong
    # messages, and it would replace whatever is not UTF-8.
    "management": (
        _settled_by_lock_token,
        {"auto_complete_messages": False, "data_type": "binary"},
    ),
}
