"""A process to be killed: sends and completes without pause, saying on stdout what was committed.

Lines: `sent NAME`, `completing NAME` before the settlement is committed, `completed NAME` after.
"""

from __future__ import annotations

import asyncio
import os
import sys
from itertools import count
from pathlib import Path

from infra.local.servicebus.broker import Namespace
from infra.local.servicebus.settings import NamespaceConfig, QueueConfig
from infra.local.servicebus.storage import SqliteStorage
from tests.unit.servicebus_broker.helpers import message, name_of, queue_of

CONFIG = NamespaceConfig(queues=(QueueConfig("q", requires_duplicate_detection=True),))


def say(text: str) -> None:
    os.write(1, f"{text}\n".encode())


async def work(worker: str, namespace: Namespace, storage: SqliteStorage) -> None:
    queue = queue_of(namespace, "q")
    for number in count():
        sent = [f"{worker}-{number}-{part}" for part in "abc"]
        namespace.send("q", [message(name) for name in sent], 0)
        await storage.commit(namespace.take_changes())
        for name in sent:
            say(f"sent {name}")
        deliveries = queue.receive(2, 0)
        for delivery in deliveries:
            say(f"completing {name_of(delivery)}")
            queue.complete(delivery.lock_token, 0)
        await storage.commit(namespace.take_changes())
        for delivery in deliveries:
            say(f"completed {name_of(delivery)}")


async def main(path: Path, run: str) -> None:
    storage = SqliteStorage(path)
    namespace = Namespace(CONFIG)
    namespace.restore(storage.load())
    async with asyncio.TaskGroup() as group:
        for worker in range(5):
            group.create_task(work(f"{run}-{worker}", namespace, storage))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
