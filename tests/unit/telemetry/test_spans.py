"""One trace for each sale, also in batches; read from what the SDK would export."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from shared.telemetry import (
    current_traceparent,
    delivery_span,
    detached,
    process_spans,
    spans,
    traceparent_of,
    within,
)

FIRST = "00-11111111111111111111111111111111-aaaaaaaaaaaaaaaa-01"
SECOND = "00-22222222222222222222222222222222-bbbbbbbbbbbbbbbb-01"
HOST = "00-33333333333333333333333333333333-cccccccccccccccc-01"


@dataclass(frozen=True)
class Message:
    traceparent: str | None
    message_id: str = "id"
    delivery_count: int = 0


class Exported:
    def __init__(self, exporter: InMemorySpanExporter) -> None:
        self._exporter = exporter

    def named(self, name: str) -> list[ReadableSpan]:
        return [span for span in self._exporter.get_finished_spans() if span.name == name]

    def one(self, name: str) -> ReadableSpan:
        (span,) = self.named(name)
        return span


@pytest.fixture
def exported(monkeypatch: pytest.MonkeyPatch) -> Iterator[Exported]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(spans, "tracer", lambda: provider.get_tracer("test"))
    yield Exported(exporter)
    provider.shutdown()


def parent_of(span: ReadableSpan) -> str:
    assert span.parent is not None
    return f"00-{span.parent.trace_id:032x}-{span.parent.span_id:016x}-01"


def linked(span: ReadableSpan) -> list[str]:
    return [f"00-{x.context.trace_id:032x}-{x.context.span_id:016x}-01" for x in span.links]


def test_a_lone_message_is_processed_inside_its_own_trace(exported: Exported) -> None:
    with process_spans("sale-completed", "sales", [Message(FIRST)], invocation=HOST) as (span,):
        assert current_traceparent() == traceparent_of(span)

    process = exported.one("process sale-completed")
    assert process.kind is SpanKind.CONSUMER
    assert parent_of(process) == FIRST
    assert linked(process) == [HOST]


def test_each_message_of_a_batch_is_processed_inside_its_own_trace(exported: Exported) -> None:
    messages = [Message(FIRST), Message(SECOND)]

    with process_spans("sale-completed", "sales", messages, invocation=HOST) as open_spans:
        batch = current_traceparent()
        assert batch not in [traceparent_of(span) for span in open_spans]

    receive = exported.one("receive sale-completed")
    assert receive.parent is None
    assert linked(receive) == [FIRST, SECOND, HOST]
    processes = exported.named("process sale-completed")
    assert [parent_of(span) for span in processes] == [FIRST, SECOND]
    assert batch is not None
    # The flags may differ: a span that starts a trace also says that its id is random.
    assert [[end[:-3] for end in linked(span)] for span in processes] == [[batch[:-3]]] * 2


def test_a_message_without_a_trace_starts_one(exported: Exported) -> None:
    with process_spans("sale-completed", "sales", [Message(None)]):
        pass

    assert exported.one("process sale-completed").parent is None


@pytest.mark.parametrize("broken", ["", "nonsense", "00-0-0-01", "00-" + "0" * 32 + "-x-01"])
def test_a_broken_trace_context_starts_a_new_trace(exported: Exported, broken: str) -> None:
    with process_spans("sale-completed", "sales", [Message(broken)]):
        pass

    assert exported.one("process sale-completed").parent is None


def test_messaging_conventions_are_on_the_span(exported: Exported) -> None:
    with process_spans("sale-completed", "sales", [Message(FIRST, "m-1", 3)]):
        pass

    attributes = dict(exported.one("process sale-completed").attributes or {})
    assert attributes == {
        "messaging.system": "servicebus",
        "messaging.operation.type": "process",
        "messaging.operation.name": "process",
        "messaging.destination.name": "sale-completed",
        "messaging.destination.subscription.name": "sales",
        "tillbus.subscription": "sales",
        "messaging.message.id": "m-1",
        "messaging.servicebus.message.delivery_count": 3,
    }


def test_spans_end_also_when_the_block_raises(exported: Exported) -> None:
    messages = [Message(FIRST), Message(SECOND)]

    with (
        pytest.raises(RuntimeError, match="crash"),
        process_spans("sale-completed", "sales", messages),
    ):
        raise RuntimeError("crash")

    assert len(exported.named("process sale-completed")) == 2


def test_a_share_of_a_batch_call_is_a_child_of_its_own_delivery(exported: Exported) -> None:
    with (
        delivery_span("POST RetailTransactions", parent=FIRST, links=[HOST, None]),
        delivery_span("POST RetailTransactions", parent=SECOND),
    ):
        assert current_traceparent() is None

    second, first = exported.named("POST RetailTransactions")
    assert (parent_of(first), linked(first)) == (FIRST, [HOST])
    assert (parent_of(second), linked(second)) == (SECOND, [])
    assert first.kind is SpanKind.CLIENT


def test_a_failed_share_says_so_and_passes_the_error_on(exported: Exported) -> None:
    with pytest.raises(ValueError, match="refused"), delivery_span("POST", parent=FIRST):
        raise ValueError("refused")

    status = exported.one("POST").status
    assert (status.status_code, status.description) == (StatusCode.ERROR, "refused")


def test_what_starts_detached_has_no_parent(exported: Exported) -> None:
    messages = [Message(FIRST), Message(SECOND)]

    with within(HOST), detached(), process_spans("sale-completed", "sales", messages):
        pass

    assert exported.one("receive sale-completed").parent is None


def test_a_remote_span_can_be_made_current_and_is_left_again() -> None:
    with within(FIRST):
        assert current_traceparent() == FIRST
        with within(None):
            assert current_traceparent() == FIRST

    assert trace.get_current_span() is trace.INVALID_SPAN
