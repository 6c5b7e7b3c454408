"""How a Service Bus invocation ends for its messages (azure-functions.md 1.2, 1.3)."""

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from azure.servicebus.exceptions import MessageLockLostError, ServiceBusConnectionError

from infra.local.functions.errors import InvocationFailed
from infra.local.functions.host_json import ServiceBusOptions
from infra.local.functions.locks import LockedMessages
from infra.local.functions.protos import TypedData
from infra.local.functions.triggers.service_bus import BatchListener, Dispatch, SingleListener
from shared.clock import utc_now
from tests.unit.functions.fakes import (
    TRACE,
    Body,
    FakeInvoker,
    MemorySource,
    function,
    received,
    trigger,
)


async def _fails(_value: TypedData) -> None:
    raise InvocationFailed("ValueError: no")


class Bench:
    """One function on a memory source, with everything a test looks at."""

    def __init__(
        self,
        *messages: Any,
        body: Body | None = None,
        abandon_after_stop: bool = False,
        options: dict[str, Any] | None = None,
        **trigger_changes: Any,
    ) -> None:
        self.source = MemorySource(messages)
        self.locks = LockedMessages()
        self.invoker = FakeInvoker(body)
        self.stopping = asyncio.Event()
        given = trigger(**trigger_changes)
        self.dispatch = Dispatch(
            function(given),
            given,
            self.source,
            self.invoker,  # type: ignore[arg-type]
            self.locks,
            ServiceBusOptions(**(options or {})),
            utc_now,
            abandon_after_stop=abandon_after_stop,
        )

    async def run(self, until: Callable[[], bool]) -> None:
        """Run the trigger's own listener until the condition holds, then stop it."""
        kind = BatchListener if self.dispatch._trigger.many else SingleListener
        running = asyncio.ensure_future(kind(self.dispatch).run(self.stopping))
        try:
            await eventually(until)
        finally:
            self.stopping.set()
            await running


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - the condition is not an event
            await asyncio.sleep(0.002)


@pytest.mark.parametrize("many", [False, True])
@pytest.mark.parametrize(
    ("auto_complete", "body", "expected"),
    [
        (True, None, "complete"),
        (False, None, None),
        (True, _fails, "abandon"),
        (False, _fails, "abandon"),
    ],
)
async def test_unsettled_message_ends_as_the_matrix_says(
    many: bool, auto_complete: bool, body: Body | None, expected: str | None
) -> None:
    bench = Bench(body=body, many=many, auto_complete=auto_complete)

    await bench.dispatch.dispatch([received("m-1")], bench.stopping)

    assert bench.source.settled == ([(expected, "m-1")] if expected else [])
    assert len(bench.locks) == 0


async def test_failed_batch_abandons_only_what_the_app_had_not_settled() -> None:
    first, second = received("m-1"), received("m-2")

    async def dead_letters_the_first_then_fails(_value: TypedData) -> None:
        locked = bench.locks.find(str(first.lock_token))
        assert locked is not None
        await locked.settle(lambda source: source.dead_letter(first, "poison", "not a sale"))
        raise InvocationFailed("ValueError: no")

    bench = Bench(body=dead_letters_the_first_then_fails, many=True, auto_complete=False)

    await bench.dispatch.dispatch([first, second], bench.stopping)

    assert bench.source.settled == [
        ("dead-letter poison: not a sale", "m-1"),
        ("abandon", "m-2"),
    ]


async def test_lock_lost_on_completing_is_one_logged_error_and_no_abandon(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench = Bench(auto_complete=True)
    bench.source.error = MessageLockLostError(message="gone")

    with caplog.at_level(logging.ERROR):
        await bench.dispatch.dispatch([received("m-1")], bench.stopping)

    assert [record.getMessage() for record in caplog.records] == [
        "book_sales: the lock of message m-1 was lost before the host could complete it."
    ]
    assert bench.source.settled == []


async def test_lock_lost_while_the_app_settles_leaves_nothing_for_the_host_to_do() -> None:
    message = received("m-1")

    async def loses_its_lock(_value: TypedData) -> None:
        locked = bench.locks.find(str(message.lock_token))
        assert locked is not None
        bench.source.error = MessageLockLostError(message="gone")
        with pytest.raises(MessageLockLostError):
            await locked.settle(lambda source: source.complete(message))
        bench.source.error = None
        raise InvocationFailed("SettlementError: lock lost")

    bench = Bench(body=loses_its_lock, auto_complete=False)

    await bench.dispatch.dispatch([message], bench.stopping)

    assert bench.source.settled == []


async def test_unreachable_bus_at_the_end_is_logged_and_the_trigger_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench = Bench(auto_complete=True)
    bench.source.error = ServiceBusConnectionError(message="connection refused")

    with caplog.at_level(logging.ERROR):
        await bench.dispatch.dispatch([received("m-1")], bench.stopping)

    assert "comes back when its lock ends" in caplog.text


async def test_trigger_setting_wins_over_host_json() -> None:
    bench = Bench(auto_complete=False, options={"auto_complete_messages": True})
    await bench.dispatch.dispatch([received()], bench.stopping)
    assert bench.source.settled == []

    bench = Bench(auto_complete=None, options={"auto_complete_messages": False})
    await bench.dispatch.dispatch([received()], bench.stopping)
    assert bench.source.settled == []


async def test_single_message_runs_in_the_trace_of_its_sender() -> None:
    bench = Bench()
    await bench.dispatch.dispatch([received(properties={"traceparent": TRACE})], bench.stopping)
    await bench.dispatch.dispatch([received(properties={"Diagnostic-Id": TRACE})], bench.stopping)
    await bench.dispatch.dispatch([received(properties={"traceparent": "junk"})], bench.stopping)

    assert bench.invoker.trace_parents[:2] == [TRACE, TRACE]
    assert bench.invoker.trace_parents[2] != "junk"


async def test_batch_starts_a_trace_of_its_own() -> None:
    bench = Bench(many=True)

    await bench.dispatch.dispatch([received(properties={"traceparent": TRACE})], bench.stopping)

    assert bench.invoker.trace_parents[0].split("-")[1] != TRACE.split("-")[1]


async def test_backlog_is_taken_in_full_batches_one_at_a_time() -> None:
    messages = [received(f"m-{number}") for number in range(7)]
    bench = Bench(*messages, many=True, options={"max_message_batch_size": 3})

    await bench.run(lambda: len(bench.source.settled) == 7)

    assert bench.invoker.invocations == 3
    assert bench.invoker.most_running == 1
    assert bench.source.closed


async def test_minimum_batch_size_waits_for_more_until_the_longest_wait() -> None:
    options = {"min_message_batch_size": 5, "max_batch_wait_time": timedelta(seconds=0.2)}
    bench = Bench(received("m-1"), many=True, options=options)
    started = asyncio.get_running_loop().time()

    await bench.run(lambda: bench.invoker.invocations == 1)

    assert asyncio.get_running_loop().time() - started >= 0.2


async def test_single_dispatch_runs_as_many_calls_at_once_as_allowed() -> None:
    release = asyncio.Event()

    async def waits(_value: TypedData) -> None:
        await release.wait()

    bench = Bench(
        *[received(f"m-{number}") for number in range(9)],
        body=waits,
        options={"max_concurrent_calls": 4},
    )

    async def let_them_go() -> None:
        await eventually(lambda: bench.invoker.running == 4)
        release.set()

    releasing = asyncio.ensure_future(let_them_go())
    await bench.run(lambda: len(bench.source.settled) == 9)
    await releasing

    assert bench.invoker.most_running == 4


async def test_single_dispatch_is_ready_to_settle_while_a_message_is_in_flight() -> None:
    release = asyncio.Event()

    async def waits(_value: TypedData) -> None:
        await release.wait()

    bench = Bench(received("m-1"), body=waits)

    async def look_and_let_go() -> None:
        await eventually(lambda: bench.invoker.running == 1)
        before = len(bench.source.alone)
        await eventually(lambda: len(bench.source.alone) > before + 1)
        assert bench.source.alone[0]
        assert not any(bench.source.alone[before + 1 :])
        release.set()

    looking = asyncio.ensure_future(look_and_let_go())
    await bench.run(lambda: len(bench.source.settled) == 1)
    await looking


async def test_a_batch_is_waited_for_alone_and_filled_ready_to_end() -> None:
    bench = Bench(received("m-1"), many=True)

    await bench.run(lambda: bench.invoker.invocations == 1)

    assert bench.source.alone[:2] == [True, False]


async def test_long_single_invocation_keeps_its_lock_and_a_batch_does_not() -> None:
    async def until_renewed(_value: TypedData) -> None:
        await eventually(lambda: single.source.renewals >= 1)

    async def takes_longer_than_the_lock(_value: TypedData) -> None:
        await asyncio.sleep(0.15)

    short_lock = timedelta(seconds=0.1)
    single = Bench(body=until_renewed)
    await single.dispatch.dispatch_renewing(received(locked_for=short_lock), single.stopping)
    batch = Bench(received(locked_for=short_lock), body=takes_longer_than_the_lock, many=True)
    await batch.run(lambda: batch.invoker.invocations == 1)

    assert single.source.renewals >= 1
    assert batch.source.renewals == 0


async def test_no_renewal_when_host_json_says_so() -> None:
    async def takes_a_while(_value: TypedData) -> None:
        await asyncio.sleep(0.1)

    bench = Bench(body=takes_a_while, options={"max_auto_lock_renewal_duration": timedelta(0)})

    await bench.dispatch.dispatch_renewing(
        received(locked_for=timedelta(seconds=0.1)), bench.stopping
    )

    assert bench.source.renewals == 0


@pytest.mark.parametrize(
    ("switch", "many", "expected"),
    [(False, False, "complete"), (True, False, "abandon"), (True, True, "complete")],
)
async def test_success_after_a_stop_is_settled_unless_the_switch_says_abandon(
    switch: bool, many: bool, expected: str
) -> None:
    async def stop_begins(_value: TypedData) -> None:
        bench.stopping.set()

    bench = Bench(body=stop_begins, many=many, abandon_after_stop=switch)

    await bench.dispatch.dispatch([received("m-1")], bench.stopping)

    assert bench.source.settled == [(expected, "m-1")]


async def test_stop_takes_no_more_messages_and_finishes_those_in_flight() -> None:
    async def stop_begins(_value: TypedData) -> None:
        bench.stopping.set()
        await asyncio.sleep(0.02)

    bench = Bench(
        *[received(f"m-{number}") for number in range(4)],
        body=stop_begins,
        many=True,
        options={"max_message_batch_size": 2},
    )

    await bench.run(bench.stopping.is_set)

    assert [message_id for _, message_id in bench.source.settled] == ["m-0", "m-1"]
    assert len(bench.source.waiting) == 2
