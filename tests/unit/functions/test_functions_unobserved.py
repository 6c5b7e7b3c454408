"""What the host itself does on the bus stays out of the app's telemetry."""

import os

import pytest
from opentelemetry.sdk.trace import TracerProvider

from infra.local.functions.unobserved import follow_parents, unobserved


@pytest.mark.parametrize("inherited", [None, "always_on"])
def test_the_host_records_no_span_of_its_own_and_the_app_records_all(
    inherited: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", inherited or "")
    if inherited is None:
        monkeypatch.delenv("OTEL_TRACES_SAMPLER")

    follow_parents()
    tracer = TracerProvider().get_tracer("app")
    with unobserved():
        hosts = tracer.start_span("ServiceBus.complete")
    apps = tracer.start_span("process sale-completed")

    assert (hosts.is_recording(), apps.is_recording()) == (False, True)


def test_a_sampler_the_operator_has_chosen_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "microsoft.rate_limited")

    follow_parents()

    assert os.environ["OTEL_TRACES_SAMPLER"] == "microsoft.rate_limited"
