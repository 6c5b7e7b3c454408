"""Publishing from the till: nothing lost, nothing out of order, a bus that restarts waited out."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import NonRecordingSpan, SpanKind

from infra.local.till.baskets import STORES, TradingDay
from infra.local.till.publish import BATCH, publish
from shared.bus import PublishFailed, Unsent
from shared.events import Event, Fact
from shared.telemetry import spans, traceparent_of

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


class FakeTime:
    """A clock that moves when someone sleeps."""

    def __init__(self) -> None:
        self.now = START
        self.pauses: list[float] = []

    def __call__(self) -> datetime:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += timedelta(seconds=seconds)


class FlakyBus:
    """Accepts every second event of a call while it is failing, all of them afterwards."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.accepted: list[Event[Any]] = []

    async def publish(self, events: Iterable[Event[Any]]) -> None:
        sent = list(events)
        if self.failures == 0:
            self.accepted += sent
            return
        self.failures -= 1
        self.accepted += sent[1::2]
        raise PublishFailed(
            [Unsent(event.data.TOPIC, str(event.id), "connection reset") for event in sent[::2]]
        )


def a_day(count: int) -> list[Fact]:
    return list(TradingDay(1, STORES[:1], transactions_per_store=count))


async def test_every_fact_is_published_once_in_order() -> None:
    facts, bus = a_day(2 * BATCH), FlakyBus()
    seen: list[int] = []

    published = await publish(facts, bus, progress=seen.append)

    assert [event.data for event in bus.accepted] == facts
    assert published.facts == sum(published.by_topic.values()) == 2 * BATCH + 1
    assert seen == [BATCH, 2 * BATCH, 2 * BATCH + 1]
    assert {event.source for event in bus.accepted} == {"/tills/gbrt/LONDON"}


async def test_restarting_bus_is_waited_out_and_only_the_unconfirmed_are_sent_again() -> None:
    facts, bus, time = a_day(20), FlakyBus(failures=6), FakeTime()

    published = await publish(facts, bus, clock=time, sleep=time.sleep)

    ids = [event.id for event in bus.accepted]
    assert sorted(ids) == sorted(fact.event_id for fact in facts)
    assert published.repeated_sends == 6
    assert time.pauses == [0.25, 0.5, 1.0, 2.0, 4.0, 5.0]


async def test_bus_that_stays_away_is_reported_with_what_is_unconfirmed() -> None:
    bus, time = FlakyBus(failures=10**6), FakeTime()

    with pytest.raises(PublishFailed) as failed:
        await publish(a_day(1), bus, clock=time, sleep=time.sleep, patience=timedelta(seconds=30))

    assert len(failed.value.unsent) == 1
    assert timedelta(seconds=30) <= time.now - START < timedelta(seconds=40)


@pytest.mark.parametrize("rate", [0.5, 20, 400])
async def test_rate_is_kept(rate: float) -> None:
    facts, bus, time = a_day(40), FlakyBus(), FakeTime()

    await publish(facts, bus, rate_per_second=rate, clock=time, sleep=time.sleep)

    for number, event in enumerate(bus.accepted):
        due = START + timedelta(seconds=number / rate)
        assert abs(event.time - due) <= timedelta(seconds=0.051)


async def test_each_fact_starts_a_trace_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(spans, "tracer", lambda: provider.get_tracer("test"))
    bus = FlakyBus(failures=1)

    await publish(a_day(10), bus, sleep=FakeTime().sleep)

    started = exporter.get_finished_spans()
    assert {span.kind for span in started} == {SpanKind.PRODUCER}
    assert {span.parent for span in started} == {None}
    assert {event.traceparent for event in bus.accepted} == {
        traceparent_of(NonRecordingSpan(span.context)) for span in started
    }
    assert len({span.context.trace_id for span in started}) == 11
