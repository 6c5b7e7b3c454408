"""What passes through leaves no trace; what waits costs nobody else."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable

from infra.local.servicebus.broker import Namespace
from tests.unit.servicebus_broker.helpers import SECOND, message, one_queue, queue_of

PAYLOAD = message("a", ttl=10 * SECOND)


def send_and_complete(namespace: Namespace, now: int) -> None:
    queue = queue_of(namespace, "q")
    namespace.send("q", [PAYLOAD] * 4, now)
    completed, released, again, expiring = queue.receive(4, now)
    queue.complete(completed.lock_token, now)
    queue.release(released.lock_token, now)
    queue.abandon(again.lock_token, now)
    queue.renew(expiring.lock_token, now)
    queue.receive(2, now, settle_on_delivery=True)
    queue.release(expiring.lock_token, now)
    namespace.take_changes()


def held() -> int:
    gc.collect()  # what other tests have allocated decides when that happens by itself
    return tracemalloc.get_traced_memory()[0]


def growth(rounds: int, one: Callable[[int], None]) -> int:
    """Return the bytes held after twice that many rounds and not after the first half."""
    tracemalloc.start()
    try:
        for number in range(rounds):
            one(number)
        before = held()
        for number in range(rounds, 2 * rounds):
            one(number)
        return held() - before
    finally:
        tracemalloc.stop()


def test_memory_is_flat_however_many_messages_passed_or_expired() -> None:
    namespace, queue = one_queue(lock_duration=30 * SECOND)

    def one(number: int) -> None:
        now = number * 100
        send_and_complete(namespace, now)
        namespace.advance(now)

    grown = growth(1_500, one)

    assert queue.active_count == len(queue.peek(0, 10_000, 0)) <= 400
    assert grown < 100_000


def test_the_bookkeeping_of_messages_that_left_early_is_swept() -> None:
    namespace, queue = one_queue()
    longest = [message("stays")]
    namespace.send("q", longest, 0)

    def one(number: int) -> None:
        namespace.send("q", [message("goes", ttl=1)], number)
        namespace.advance(number + 1)
        namespace.take_changes()

    grown = growth(3_000, one)

    assert queue.active_count == 1
    assert grown < 100_000


def test_a_lock_settled_long_before_its_end_leaves_no_timer_behind() -> None:
    namespace, queue = one_queue()

    def one(_: int) -> None:
        namespace.send("q", [PAYLOAD], 0)
        (delivery,) = queue.receive(1, 0)
        queue.renew(delivery.lock_token, 0)
        queue.complete(delivery.lock_token, 0)
        namespace.take_changes()

    assert growth(2_500, one) < 100_000
