"""Functions that do nothing, so that only the host is measured: one per way of settling."""

import asyncio
import typing

import azure.functions as func
from azurefunctions.extensions.bindings.servicebus import (
    ServiceBusMessageActions,
    ServiceBusReceivedMessage,
)

app = func.FunctionApp()
_Messages = typing.List[ServiceBusReceivedMessage]  # noqa: UP006 - the worker rejects list[...]
_TRIGGER: dict[str, typing.Any] = {
    "topic_name": "sale-completed",
    "subscription_name": "sales",
    "connection": "BUS",
}


@app.service_bus_topic_trigger(arg_name="messages", cardinality="many", **_TRIGGER)
async def batch_completed_by_host(messages: _Messages) -> None:
    """The host completes all of them when this returns."""


@app.service_bus_topic_trigger(
    arg_name="messages", cardinality="many", auto_complete_messages=False, **_TRIGGER
)
async def batch_settled_by_app(messages: _Messages, actions: ServiceBusMessageActions) -> None:
    """The app completes each, eight at a time, off its loop."""
    limit = asyncio.Semaphore(8)

    async def settle(message: ServiceBusReceivedMessage) -> None:
        async with limit:
            await asyncio.to_thread(actions.complete, message)

    await asyncio.gather(*(settle(message) for message in messages))


@app.service_bus_topic_trigger(arg_name="message", **_TRIGGER)
async def single_completed_by_host(message: func.ServiceBusMessage) -> None:
    """The host completes it when this returns."""
