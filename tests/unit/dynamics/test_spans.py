"""Each sale's share of a batch call is in the sale's own trace."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from shared.telemetry import spans, within
from tests.unit.dynamics.fake_dynamics import FakeDynamics
from tests.unit.dynamics.test_retail_transactions import sale

FIRST = "00-11111111111111111111111111111111-aaaaaaaaaaaaaaaa-01"
SECOND = "00-22222222222222222222222222222222-bbbbbbbbbbbbbbbb-01"
BATCH = "00-33333333333333333333333333333333-cccccccccccccccc-01"


@pytest.fixture
def exporter(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(spans, "tracer", lambda: provider.get_tracer("test"))
    yield exporter
    provider.shutdown()


def _parent(span: ReadableSpan) -> str:
    assert span.parent is not None
    return f"00-{span.parent.trace_id:032x}-{span.parent.span_id:016x}-01"


async def test_each_sale_of_a_batch_has_a_client_span_below_its_own_delivery(
    exporter: InMemorySpanExporter,
) -> None:
    erp = FakeDynamics()
    erp.refusals["20260301-2"] = [(400, "Infolog: Error: Jane Doe has no site.")]
    with within(BATCH):
        await erp.port().post(
            [replace(sale(1), traceparent=FIRST), replace(sale(2), traceparent=SECOND)]
        )
    assert erp.calls == ["post"]
    booked, refused = exporter.get_finished_spans()[::-1]
    assert [_parent(booked), _parent(refused)] == [FIRST, SECOND]
    for span in (booked, refused):
        assert span.name == "POST RetailTransactions"
        assert span.kind is SpanKind.CLIENT
        [link] = span.links
        assert f"{link.context.trace_id:032x}" == "3" * 32, "joined to the call made for all"
    assert booked.status.is_ok
    assert refused.status.description == "Refused", "Dynamics' texts can name people"


async def test_a_sale_without_a_trace_joins_the_current_one(exporter: InMemorySpanExporter) -> None:
    with within(BATCH):
        await FakeDynamics().port().post([sale(1)])
    [span] = exporter.get_finished_spans()
    assert _parent(span) == BATCH
