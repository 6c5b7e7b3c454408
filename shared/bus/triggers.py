"""Register batch functions on subscriptions; the only module here that imports azure.functions.

    @subscription_trigger(app, topic="sale-completed", subscription="sales",
                          wiring=wiring.collaborators, announce=True)
    async def book_sales(deliveries, collaborators):
        return await handlers.book(deliveries, collaborators)

The decorated function stays what it is, so that tests may call it; what the host calls is a
function of the same name with the signature of the chosen settlement adapter. It takes a batch and
settles every message, itself or by leaving it to the host to complete.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, List, TypeVar  # noqa: UP035  the worker's indexing refuses builtin list[...]

import azure.functions as func

from shared.bus.collaborators import HasBus, Wiring, patiently
from shared.bus.consumer import consume
from shared.bus.delivery import Delivery
from shared.bus.message import received
from shared.bus.outcomes import Outcome
from shared.bus.settlement import (
    HostSettlement,
    ManagementSettlement,
    Settlement,
    settlement_kind,
)
from shared.bus.verdicts import Subscription
from shared.events import DocumentRejected
from shared.telemetry import detached

C = TypeVar("C", bound=HasBus)
SubscriptionHandler = Callable[[Sequence[Delivery], C], Awaitable[Sequence[Outcome]]]
InvalidHandler = Callable[[Sequence[DocumentRejected], C], Awaitable[None]]


def subscription_trigger(
    app: func.FunctionApp | func.Blueprint,
    *,
    topic: str,
    subscription: str,
    wiring: Wiring[C],
    announce: bool = False,
    note_invalid: InvalidHandler[C] | None = None,
    connection: str = "ServiceBusConnection",
) -> Callable[[SubscriptionHandler[C]], SubscriptionHandler[C]]:
    """Return a decorator that triggers its function with the valid deliveries of a subscription.

    `wiring` is called for every batch, so it hands out what it built once (`shared.bus.once`).
    `announce` publishes `document-rejected` for each message that goes to the dead-letter queue.
    `note_invalid` is told of messages that are no valid event, which are then completed: for
    subscriptions beside the one whose dead-letter queue owns them.
    `connection` names the app setting, or the prefix of settings, that leads to the bus.
    """
    source = Subscription(topic, subscription, announce)

    def register(handler: SubscriptionHandler[C]) -> SubscriptionHandler[C]:
        async def run(
            messages: Sequence[Any], settlement: Callable[[C], Settlement], context: Any
        ) -> None:
            with detached():
                collaborators = await patiently(wiring)
                await consume(
                    [received(each) for each in messages],
                    settlement(collaborators),
                    lambda deliveries: handler(deliveries, collaborators),
                    source=source,
                    publisher=collaborators.publisher,
                    retry_policy=collaborators.retry_policy,
                    clock=collaborators.clock,
                    invocation=context.trace_context.trace_parent or None,
                    note_invalid=note_invalid
                    and (lambda facts: note_invalid(facts, collaborators)),
                )

        signature, options = _ADAPTERS[settlement_kind(os.environ)]
        function = signature(run, source)
        function.__name__ = function.__qualname__ = handler.__name__
        function.__doc__ = handler.__doc__
        app.service_bus_topic_trigger(
            arg_name="messages",
            connection=connection,
            topic_name=topic,
            subscription_name=subscription,
            cardinality="many",
            **options,
        )(function)
        return handler

    return register


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
        client = collaborators.publisher.client
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
