"""Many of everything: `python -m tests.bench.servicebus_many`.

A thousand sessions, fifty subscriptions with SQL rules, and hundreds of buses in one process. CPU
time of the broker alone (no sockets) for the first two, best of several rounds.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence

import psutil  # type: ignore[import-untyped]

from infra.local.servicebus import LocalServiceBus
from infra.local.servicebus.amqp import encode_message
from infra.local.servicebus.amqp.message import Properties
from infra.local.servicebus.broker import Namespace, Queue
from infra.local.servicebus.filters import SqlFilterConfig
from infra.local.servicebus.settings import (
    NamespaceConfig,
    QueueConfig,
    RuleConfig,
    SubscriptionConfig,
    TopicConfig,
)
from tests.bench.servicebus_peer import BODY, best_of, config

ROUNDS = 5
MESSAGES = 500
SUBSCRIPTIONS = 50
SESSIONS = 1_000
BUSES = (1, 100, 300)


def cpu_us(work: Callable[[], None], count: int) -> float:
    began = time.process_time()
    work()
    return (time.process_time() - began) / count * 1e6


def fan_out(subscriptions: int, expression: str | None) -> float:
    """Return CPU us per message sent to a topic, with an SQL rule on every subscription or the
    rule that takes everything (None)."""
    rules = () if expression is None else (RuleConfig("r", SqlFilterConfig(expression)),)
    topic = TopicConfig(
        "t",
        subscriptions=tuple(
            SubscriptionConfig(f"s{number}", rules=rules) for number in range(subscriptions)
        ),
    )
    namespace = Namespace(NamespaceConfig(topics=(topic,)))
    messages = [
        encode_message(
            properties=Properties(message_id=f"id-{number}", subject="sale"),
            application_properties={"store": f"s{number % 10}", "amount": number, "type": "sale"},
            data=BODY,
        )
        for number in range(MESSAGES)
    ]

    def send() -> None:
        for at, each in enumerate(messages):
            namespace.send("t", [each], at)
            namespace.take_changes()

    return cpu_us(send, MESSAGES)


def filters() -> None:
    none = best_of(ROUNDS, lambda: fan_out(0, None))
    print(f"topic without subscriptions {none:6.1f} us per message")
    copies = best_of(ROUNDS, lambda: fan_out(SUBSCRIPTIONS, None)) - none
    print(f"a copy for each of {SUBSCRIPTIONS} {copies / SUBSCRIPTIONS:6.2f} us per copy")
    for expression in (
        "store = 'none'",
        "sys.Label = 'other'",
        "type = 'sale' AND amount > 100000 AND store LIKE 's%' AND store NOT IN ('x', 'y')",
    ):
        spent = best_of(ROUNDS, lambda rule=expression: fan_out(SUBSCRIPTIONS, rule)) - none  # type: ignore[misc]
        print(f"filter {spent / SUBSCRIPTIONS:6.2f} us each of {SUBSCRIPTIONS}: {expression}")


def through_sessions(sessions: int) -> float:
    """Return CPU us per message of a session queue: sent, received from its session, completed."""
    namespace = Namespace(NamespaceConfig(queues=(QueueConfig("q", requires_session=True),)))
    queue = namespace.entity("q")
    assert isinstance(queue, Queue)
    assert queue.sessions is not None
    held = queue.sessions
    assert queue.sessions is not None
    held = queue.sessions
    names = [f"session-{number}" for number in range(sessions)]
    per_session = max(SESSIONS // sessions, 1)
    messages = [
        encode_message(properties=Properties(message_id="m", group_id=name), data=BODY)
        for name in names
    ]

    def work() -> None:
        for each in messages:
            namespace.send("q", [each] * per_session, 0)
            namespace.take_changes()
        for _ in names:
            lock = held.accept(None, 0)
            assert lock is not None
            for delivery in queue.receive(per_session, 0, session=lock):
                queue.complete(delivery.lock_token, 0)
            held.release(lock, 0)
            namespace.take_changes()

    return cpu_us(work, sessions * per_session)


def sessions() -> None:
    # The next available session is found among all that wait: 100 times as many cost little more.
    for count in (1, SESSIONS, 100 * SESSIONS):
        spent = best_of(ROUNDS, lambda many=count: through_sessions(many))  # type: ignore[misc]
        print(f"{count:>7,} sessions with messages {spent:6.1f} us per message")


async def many_buses(count: int) -> None:
    process, document = psutil.Process(), config(q={})
    before, began = process.memory_info().rss, time.perf_counter()
    cpu = time.process_time()
    buses = [LocalServiceBus(document) for _ in range(count)]
    for bus in buses:
        await bus.__aenter__()
    took, cpu = time.perf_counter() - began, time.process_time() - cpu
    grown = process.memory_info().rss - before
    print(
        f"{count:>4} buses in one process: {took / count * 1e3:5.2f} ms each"
        f" ({cpu / count * 1e3:.2f} of CPU), {grown / count / 1e3:6.0f} KB each,"
        f" {threading.active_count()} thread"
    )
    for bus in buses:
        await bus.__aexit__(None, None, None)


def main(_argv: Sequence[str] | None = None) -> int:
    """Return 0."""
    for count in BUSES:
        asyncio.run(many_buses(count))
    filters()
    sessions()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
