"""Measures of one bus for OpenTelemetry. Traffic counts plain numbers (see `broker/tally.py`); they
are read when somebody collects, so that a bus nobody measures pays nothing.

Attributes follow OpenTelemetry's semantic conventions for messaging; its metrics are those of
clients, so the broker's own are named `servicebus.*`.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from opentelemetry.metrics import CallbackOptions, MeterProvider, Observation

from infra.local.servicebus.broker import Queue, Topic
from infra.local.servicebus.broker.catalog import SUBSCRIPTIONS

if TYPE_CHECKING:
    from infra.local.servicebus.server.bus import LocalServiceBus

log = logging.getLogger(__name__)

SCOPE = "infra.local.servicebus"
Attributes = Mapping[str, str]
Read = Callable[["LocalServiceBus"], Iterator[tuple[int, Attributes]]]


def _of(entity: Queue | Topic, **more: str) -> Attributes:
    destination, _, subscription = entity.address.partition(f"/{SUBSCRIPTIONS}/")
    attributes = {"messaging.system": "servicebus", "messaging.destination.name": destination}
    if subscription:
        attributes["messaging.destination.subscription.name"] = subscription
    return {**attributes, **{name.replace("__", "."): value for name, value in more.items()}}


def _entities(bus: LocalServiceBus) -> list[Queue | Topic]:
    return list(bus.namespace.entities())


def _incoming(bus: LocalServiceBus) -> Iterator[tuple[int, Attributes]]:
    for entity in _entities(bus):
        if entity.tally.incoming:
            yield entity.tally.incoming, _of(entity)


def _outgoing(bus: LocalServiceBus) -> Iterator[tuple[int, Attributes]]:
    for entity in _entities(bus):
        if entity.tally.outgoing:
            yield entity.tally.outgoing, _of(entity)


def _settled(bus: LocalServiceBus) -> Iterator[tuple[int, Attributes]]:
    for entity in _entities(bus):
        for outcome, count in list(entity.tally.settled.items()):
            yield count, _of(entity, messaging__servicebus__disposition_status=outcome)


def _dead_lettered(bus: LocalServiceBus) -> Iterator[tuple[int, Attributes]]:
    for entity in _entities(bus):
        for reason, count in list(entity.tally.dead_lettered.items()):
            yield count, _of(entity, servicebus__dead_letter__reason=reason)


def _held(bus: LocalServiceBus) -> Iterator[tuple[int, Attributes]]:
    for entity in _entities(bus):
        if isinstance(entity, Queue):
            for state, count in entity.counts()._asdict().items():
                yield count, _of(entity, servicebus__message__state=state)
        else:
            yield entity.scheduled_count, _of(entity, servicebus__message__state="scheduled")


def _connections(bus: LocalServiceBus) -> Iterator[tuple[int, Attributes]]:
    yield len(bus.clients), {}


def _links(bus: LocalServiceBus) -> Iterator[tuple[int, Attributes]]:
    yield (
        sum(
            len(session.links)
            for client in list(bus.clients)
            for session in list(client.connection.sessions.values())
        ),
        {},
    )


def _store(bus: LocalServiceBus) -> Iterator[tuple[int, Attributes]]:
    if bus.store_bytes is not None:
        yield bus.store_bytes, {}


class Measure(NamedTuple):
    create: str  # the meter's method
    name: str
    unit: str
    description: str
    read: Read


_COUNTER, _LEVEL = "create_observable_counter", "create_observable_up_down_counter"
MEASURES = (
    Measure(
        _COUNTER, "servicebus.messages.incoming", "{message}", "Messages sent here.", _incoming
    ),
    Measure(
        _COUNTER, "servicebus.messages.outgoing", "{message}", "Deliveries from here.", _outgoing
    ),
    Measure(
        _COUNTER, "servicebus.messages.settled", "{message}", "Settlements by outcome.", _settled
    ),
    Measure(
        _COUNTER,
        "servicebus.messages.dead_lettered",
        "{message}",
        "Messages moved to the dead-letter queue, by reason.",
        _dead_lettered,
    ),
    Measure(
        _LEVEL,
        "servicebus.messages",
        "{message}",
        "Messages here by state; locked ones are active too, as in Azure.",
        _held,
    ),
    Measure(_LEVEL, "servicebus.connections", "{connection}", "Clients connected.", _connections),
    Measure(_LEVEL, "servicebus.links", "{link}", "Links attached.", _links),
    Measure(_LEVEL, "servicebus.store.size", "By", "Bytes of the store on disk.", _store),
)


class Metrics:
    """Lets a provider collect from a bus until close(); exporters do so in threads of their own,
    which is why everything here is read from copies."""

    def __init__(self, bus: LocalServiceBus, provider: MeterProvider) -> None:
        self._bus: LocalServiceBus | None = bus
        meter = provider.get_meter(SCOPE)
        for measure in MEASURES:
            getattr(meter, measure.create)(
                measure.name,
                callbacks=[partial(self._observe, measure.read)],
                unit=measure.unit,
                description=measure.description,
            )
        self._duration = meter.create_histogram(
            "servicebus.commit.duration", "s", "Time until a group of changes is durable."
        )
        self._group = meter.create_histogram(
            "servicebus.commit.size", "{request}", "Requests that shared one commit."
        )

    def committed(self, seconds: float, requests: int) -> None:
        self._duration.record(seconds)
        self._group.record(requests)

    def close(self) -> None:
        """Let go of the bus: providers keep their callbacks for ever."""
        self._bus = None

    def _observe(self, read: Read, _options: CallbackOptions) -> Iterable[Observation]:
        if self._bus is None:
            return ()
        return [Observation(value, attributes) for value, attributes in read(self._bus)]


class Prometheus:
    """The same measures as Prometheus reads them; made when it first asks."""

    def __init__(self, bus: LocalServiceBus) -> None:
        from opentelemetry.exporter.prometheus import PrometheusMetricReader
        from opentelemetry.sdk.metrics import MeterProvider as Provider
        from opentelemetry.sdk.resources import Resource
        from prometheus_client import CollectorRegistry

        self._registry = CollectorRegistry()
        self._provider = Provider(
            [PrometheusMetricReader(registry=self._registry, scope_info_enabled=False)],
            resource=Resource({"service.name": "servicebus"}),
            shutdown_on_exit=False,
        )
        self.metrics = Metrics(bus, self._provider)

    def text(self) -> tuple[bytes, str]:
        """Return the exposition and its media type."""
        from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

        return generate_latest(self._registry), CONTENT_TYPE_PLAIN_0_0_4

    def close(self) -> None:
        self.metrics.close()
        self._provider.shutdown()


def provider_of_environment() -> Any:
    """Return a provider that exports to OTEL_EXPORTER_OTLP_ENDPOINT, to be shut down in the end;
    None without that or without the SDK."""
    if not os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.sdk.metrics import MeterProvider as Provider
        from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    except ImportError as error:
        log.warning("No metrics are exported: %s.", error)
        return None
    return Provider([PeriodicExportingMetricReader(OTLPMetricExporter())])
