"""A batch function that settles every message itself, through ServiceBusMessageActions."""

import json
import typing

import azure.functions as func
from azurefunctions.extensions.bindings.servicebus import (
    ServiceBusMessageActions,
    ServiceBusReceivedMessage,
)

app = func.FunctionApp()


@app.service_bus_topic_trigger(
    arg_name="messages",
    topic_name="%TOPIC%",
    subscription_name="sales",
    connection="Bus",
    cardinality="many",
)
async def settle(
    messages: typing.List[ServiceBusReceivedMessage],  # noqa: UP006 - the worker rejects list[...]
    actions: ServiceBusMessageActions,
) -> None:
    failing = False
    for message in messages:
        wanted = json.loads(b"".join(message.body))
        seen = {
            "id": message.message_id,
            "batch": len(messages),
            "delivery": message.delivery_count,
            "sequence": message.sequence_number,
            "store": message.application_properties[b"store"].decode(),
        }
        print("seen", json.dumps(seen), flush=True)
        match wanted.get("do"):
            case "dead-letter":
                actions.deadletter(message, "refused", "not a sale")
            case "fail":
                failing = True
            case "settle-twice":
                actions.complete(message)
                actions.complete(message)
            case _:
                actions.complete(message)
    if failing:
        raise ValueError("failing on purpose")
