"""A bare SDK receive-and-complete loop over a subscription, in a process of its own.

    python -m tests.bench.bare_receiver CONNECTION_STRING TOPIC SUBSCRIPTION COUNT

Prints the messages it completed and the seconds from the first batch to the last. No telemetry, no
decoding: what azure-servicebus itself can do on this bus. A batch is as large as the host takes.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from azure.servicebus.aio import ServiceBusClient

_HOST_JSON = Path(__file__).resolve().parents[2] / "host.json"
_IDLE_SECONDS = 5
# The SDK's wait for a frame, under the lock that settlements need too; as in the host.
_SOCKET_WAIT_SECONDS = 0.01


def batch_size() -> int:
    """Return how many messages the host hands to a function at most."""
    settings = json.loads(_HOST_JSON.read_text())["extensions"]["serviceBus"]
    return int(settings["maxMessageBatchSize"])


async def receive_and_complete(
    connection: str, topic: str, subscription: str, count: int
) -> tuple[int, float]:
    """Return messages completed (at least `count` unless there are fewer) and seconds taken."""
    size = batch_size()
    completed = 0
    async with (
        ServiceBusClient.from_connection_string(connection) as client,
        client.get_subscription_receiver(
            topic, subscription, socket_timeout=_SOCKET_WAIT_SECONDS
        ) as receiver,
    ):
        started = ended = time.perf_counter()
        while completed < count:
            messages = await receiver.receive_messages(size, _IDLE_SECONDS)
            if not messages:
                break
            # Side by side: one after the other costs a round trip each.
            await asyncio.gather(*map(receiver.complete_message, messages))
            completed += len(messages)
            ended = time.perf_counter()
    return completed, ended - started


async def in_its_own_process(
    connection: str, topic: str, subscription: str, count: int
) -> tuple[int, float]:
    """Run the loop as a child, so that nothing of the caller's slows it down."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", __name__, connection, topic, subscription, str(count)),
        stdout=asyncio.subprocess.PIPE,
    )
    printed, _ = await process.communicate()
    completed, seconds = printed.split()
    return int(completed), float(seconds)


def main(argv: Sequence[str]) -> int:
    connection, topic, subscription, count = argv
    completed, seconds = asyncio.run(
        receive_and_complete(connection, topic, subscription, int(count))
    )
    print(completed, seconds)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
