"""Connect this process to Application Insights, in Azure and locally alike."""

from __future__ import annotations

import atexit
import ipaddress
import logging
import os
import threading
from collections.abc import Mapping, MutableMapping
from urllib.parse import urlsplit

CONNECTION_STRING = "APPLICATIONINSIGHTS_CONNECTION_STRING"

LOGGER_NAME = "tillbus"
"""The parent of all our loggers and the only one exported: the host exports its own lines.

Where the Functions host exports telemetry too, `PYTHON_ENABLE_OPENTELEMETRY=true` keeps it from
exporting ours a second time (and `PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY` must stay unset)."""

# Every sale must have its trace, so nothing is sampled away and nothing dropped in a burst: the
# distribution's own defaults keep five traces a second and 2,048 waiting spans.
DEFAULTS = {
    "OTEL_TRACES_SAMPLER": "always_on",
    "OTEL_BSP_MAX_QUEUE_SIZE": "65536",
    "OTEL_BSP_SCHEDULE_DELAY": "1000",
    "OTEL_BLRP_MAX_QUEUE_SIZE": "65536",
    "OTEL_BLRP_SCHEDULE_DELAY": "1000",
}

# A laptop that sends to its own ingestion endpoint talks to nobody else: no Microsoft usage
# statistics, no control plane, no probing of a virtual machine's metadata address.
LOOPBACK_DEFAULTS = {
    "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL": "true",
    "APPLICATIONINSIGHTS_SDKSTATS_DISABLED": "true",
    "APPLICATIONINSIGHTS_CONTROLPLANE_DISABLED": "true",
    "OTEL_EXPERIMENTAL_RESOURCE_DETECTORS": "otel",
}

# Instrumentations beside azure_sdk and httpx only cost start-up time here.
_UNUSED = ("django", "fastapi", "flask", "httpx2", "psycopg2", "requests", "urllib", "urllib3")

_once = threading.Lock()
_configured = False


def configure(service_name: str) -> bool:
    """Export traces, logs and metrics if `APPLICATIONINSIGHTS_CONNECTION_STRING` is set.

    Does so once per process: the first caller's `service_name` becomes `service.name`, shown as
    the cloud role, unless `OTEL_SERVICE_NAME` says otherwise. Returns whether telemetry is
    exported. What is still waiting is sent when the process exits.
    """
    global _configured
    with _once:
        if _configured or not os.environ.get(CONNECTION_STRING):
            return _configured
        _connect(service_name, os.environ)
        _configured = True
        return True


def force_flush(timeout_seconds: float = 10) -> None:
    """Send everything still waiting, as far as it goes within the time."""
    for provider in _providers():
        flush = getattr(provider, "force_flush", None)
        if flush is not None:
            flush(int(timeout_seconds * 1000))


def shutdown() -> None:
    """Send everything still waiting and export nothing from then on.

    For a process that outlives what it exports to; others may simply exit.
    """
    global _configured
    for provider in _providers():
        stop = getattr(provider, "shutdown", None)
        if stop is not None:
            stop()
    _configured = False


def _providers() -> tuple[object, ...]:
    if not _configured:
        return ()
    from opentelemetry import _logs, metrics, trace

    return (
        trace.get_tracer_provider(),
        _logs.get_logger_provider(),
        metrics.get_meter_provider(),
    )


def is_loopback(connection_string: str) -> bool:
    """Whether telemetry sent to this connection string stays on this machine."""
    parts = dict(part.strip().split("=", 1) for part in connection_string.split(";") if "=" in part)
    endpoint = {name.lower(): value for name, value in parts.items()}.get("ingestionendpoint", "")
    host = urlsplit(endpoint.strip()).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def environment_defaults(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the exporter settings to add; whatever the operator has set is left alone."""
    loopback = is_loopback(environment[CONNECTION_STRING])
    wanted = DEFAULTS | (LOOPBACK_DEFAULTS if loopback else {})
    return {name: value for name, value in wanted.items() if name not in environment}


def _connect(service_name: str, environment: MutableMapping[str, str]) -> None:
    loopback = is_loopback(environment[CONNECTION_STRING])
    environment.update(environment_defaults(environment))
    environment.setdefault("OTEL_SERVICE_NAME", service_name)
    # Half a second of imports that a process without telemetry does not pay.
    from azure.monitor.opentelemetry import configure_azure_monitor

    configure_azure_monitor(
        connection_string=environment[CONNECTION_STRING],
        logger_name=LOGGER_NAME,
        instrumentation_options={name: {"enabled": False} for name in _UNUSED},
        enable_live_metrics=not loopback,
        enable_performance_counters=not loopback,
        # Retry files outlive a local run and would turn up in the next one.
        disable_offline_storage=loopback,
    )
    logger = logging.getLogger(LOGGER_NAME)
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.INFO)
    # We flush at exit ourselves. The exporter's handler would do so from a thread, when Python 3.12
    # starts none any more and prints a traceback instead.
    for handler in logger.handlers:
        handler.flushOnClose = False  # type: ignore[attr-defined]  # read by logging.shutdown
    atexit.register(force_flush)
