"""A function on every subscription of the topology that notes when its messages reached it."""

import json
import os
import time
from pathlib import Path
from typing import List  # noqa: UP035  indexing refuses builtin list[...]

import azure.functions as func

app = func.FunctionApp()


def listen(topic: str, subscription: str) -> None:
    def function(messages: List[func.ServiceBusMessage]) -> None:  # noqa: UP006
        now = time.time()
        for message in messages:
            print(f"waited {now - float(message.get_body())}", flush=True)

    function.__name__ = f"{topic}_{subscription}".replace("-", "_")
    app.service_bus_topic_trigger(
        arg_name="messages",
        connection="ServiceBusConnection",
        topic_name=topic,
        subscription_name=subscription,
        cardinality="many",
        auto_complete_messages=True,
    )(function)


(namespace,) = json.loads(Path(os.environ["TOPOLOGY"]).read_text())["UserConfig"]["Namespaces"]
for each in namespace["Topics"]:
    for subscription in each["Subscriptions"]:
        listen(each["Name"], subscription["Name"])
