"""One message at a time, completed by the host; a queue that answers on another queue."""

import asyncio
import json

import azure.functions as func

app = func.FunctionApp()


@app.service_bus_topic_trigger(
    arg_name="message", topic_name="sale-completed", subscription_name="sales", connection="Bus"
)
async def book(message: func.ServiceBusMessage, context: func.Context) -> None:
    seen = {
        "id": message.message_id,
        "delivery": message.delivery_count,
        "properties": message.application_properties,
        "trace": context.trace_context.trace_parent,
    }
    print("seen", json.dumps(seen), flush=True)
    wanted = json.loads(message.get_body())
    await asyncio.sleep(wanted.get("seconds", 0))
    if wanted.get("do") == "fail":
        raise ValueError("failing on purpose")


@app.service_bus_queue_trigger(arg_name="message", queue_name="questions", connection="Bus")
@app.service_bus_queue_output(arg_name="answer", queue_name="answers", connection="Bus")
def relay(message: func.ServiceBusMessage, answer: func.Out[str]) -> None:
    answer.set(message.get_body().decode() + "!")
