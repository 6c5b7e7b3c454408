import pytest

from shared.telemetry import configure, metrics
from shared.telemetry.setup import CONNECTION_STRING, environment_defaults, is_loopback

KEY = "InstrumentationKey=00000000-0000-0000-0000-000000000001"
AZURE = f"{KEY};IngestionEndpoint=https://westeurope-5.in.applicationinsights.azure.com/"
LOCAL = f"{KEY};IngestionEndpoint=http://127.0.0.1:7081/"


@pytest.mark.parametrize(
    ("connection_string", "loopback"),
    [
        (LOCAL, True),
        (f"{KEY};ingestionendpoint=http://localhost:7081", True),
        (f"{KEY}; IngestionEndpoint = http://[::1]:7081/".replace(" = ", "="), True),
        (AZURE, False),
        (KEY, False),
        ("", False),
        (f"{KEY};IngestionEndpoint=http://127.0.0.1.example.net/", False),
    ],
)
def test_loopback_is_recognised_by_the_ingestion_endpoint(
    connection_string: str, loopback: bool
) -> None:
    assert is_loopback(connection_string) is loopback


def test_nothing_is_sampled_away_unless_the_operator_says_so() -> None:
    assert environment_defaults({CONNECTION_STRING: AZURE})["OTEL_TRACES_SAMPLER"] == "always_on"

    chosen = {CONNECTION_STRING: AZURE, "OTEL_TRACES_SAMPLER": "microsoft.fixed_percentage"}
    assert "OTEL_TRACES_SAMPLER" not in environment_defaults(chosen)


def test_only_a_laptop_is_cut_off_from_microsofts_own_statistics() -> None:
    name = "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL"

    assert environment_defaults({CONNECTION_STRING: LOCAL})[name] == "true"
    assert name not in environment_defaults({CONNECTION_STRING: AZURE})


def test_without_a_connection_string_nothing_is_configured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(CONNECTION_STRING, raising=False)

    assert configure("sales") is False


def test_metrics_may_be_recorded_before_telemetry_is_configured() -> None:
    metrics.SALE_TO_LEDGER.record(1.5, {"topic": "sale-completed"})
    metrics.POSTED.add(1)
    metrics.MISSING_SEQUENCES.set(0, {"company": "gbrt"})
