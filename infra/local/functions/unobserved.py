"""Keeps the host's own SDK calls out of the app's telemetry.

On Azure the host is another process. Here the app's exporter would also record what the host does
to receive and settle: more spans than the app's own, and none of them what an SRE sees in Azure.
So the host works below a span that is not sampled, and the sampler follows the parent.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import context, trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

_SAMPLER = "OTEL_TRACES_SAMPLER"
_NOT_SAMPLED = NonRecordingSpan(
    SpanContext(trace_id=1, span_id=1, is_remote=False, trace_flags=TraceFlags(0))
)


def follow_parents() -> None:
    """Make the app's sampler keep everything but what is below a span that is not sampled.

    Another sampler an operator has chosen stays. `always_on` does not: a process that exports
    telemetry itself leaves that to the hosts it starts (`shared.telemetry.configure` sets it).
    """
    if os.environ.get(_SAMPLER, "always_on") == "always_on":
        os.environ[_SAMPLER] = "parentbased_always_on"


@contextmanager
def unobserved() -> Iterator[None]:
    """Record no span for what is done in this block and in the tasks it starts."""
    token = context.attach(trace.set_span_in_context(_NOT_SAMPLED))
    try:
        yield
    finally:
        context.detach(token)
