"""The functions of an app as this host sees them: checked bindings with their settings resolved."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from infra.local.functions.app_settings import Connection, expand, resolve_connection
from infra.local.functions.errors import ConfigurationError

_COMMON = {"direction", "type", "name", "dataType", "properties"}
_ENTITY = {"connection", "queueName", "topicName", "subscriptionName", "accessRights"}
# Unknown decorator arguments pass through azure.functions unchecked, so a typo shows up here.
_KNOWN_KEYS = {
    "serviceBusTrigger": _ENTITY | {"isSessionsEnabled", "cardinality", "autoCompleteMessages"},
    "serviceBus": _ENTITY | {"entityType"},
    "httpTrigger": {"methods", "authLevel", "route", "webHookType"},
    "http": set(),
    "timerTrigger": {"schedule", "runOnStartup", "useMonitor"},
}
_TRIGGERS = ("serviceBusTrigger", "httpTrigger", "timerTrigger")


@dataclass(frozen=True)
class ServiceBusTrigger:
    argument: str
    connection: Connection
    queue: str | None
    topic: str | None
    subscription: str | None
    many: bool
    binary: bool
    deferred: bool  # the app asked for the SDK's message type: content as ModelBindingData
    auto_complete: bool | None  # None: as host.json says

    @property
    def entity_path(self) -> str:
        return self.queue or f"{self.topic}/Subscriptions/{self.subscription}"


@dataclass(frozen=True)
class HttpTrigger:
    argument: str
    route: str
    methods: frozenset[str]  # upper case; empty means any
    auth_level: str  # anonymous, function or admin


@dataclass(frozen=True)
class TimerTrigger:
    argument: str
    schedule: str
    run_on_startup: bool
    use_monitor: bool


Trigger = ServiceBusTrigger | HttpTrigger | TimerTrigger


@dataclass(frozen=True)
class ServiceBusOutput:
    name: str
    connection: Connection
    entity: str


@dataclass(frozen=True)
class Function:
    name: str
    function_id: str
    trigger: Trigger
    outputs: tuple[ServiceBusOutput, ...] = ()


def read_functions(metadata: Iterable[Any], settings: Mapping[str, str]) -> list[Function]:
    """Check the worker's metadata (RpcFunctionMetadata) and resolve every setting it names.

    Raises `ConfigurationError` for a binding this host does not run or cannot resolve.
    """
    return [
        _read_function(item.name, item.function_id, item.raw_bindings, settings)
        for item in metadata
    ]


def _read_function(
    name: str, function_id: str, raw_bindings: Iterable[str], settings: Mapping[str, str]
) -> Function:
    bindings = [_Binding(name, json.loads(raw), settings) for raw in raw_bindings]
    for binding in bindings:
        binding.check()
    triggers = [binding for binding in bindings if binding.type in _TRIGGERS]
    if len(triggers) != 1:
        raise ConfigurationError(f"Function {name!r} has {len(triggers)} triggers instead of one.")
    return Function(
        name=name,
        function_id=function_id,
        trigger=triggers[0].trigger(),
        outputs=tuple(b.output() for b in bindings if b.type == "serviceBus"),
    )


class _Binding:
    """One raw binding (the JSON of function.json) of one function, read with its settings."""

    def __init__(self, function: str, raw: Mapping[str, Any], settings: Mapping[str, str]) -> None:
        self.function = function
        self.type = str(raw.get("type"))
        self._raw = raw
        self._settings = settings
        self._used_by = f"Function {function!r}"

    def check(self) -> None:
        known = _KNOWN_KEYS.get(self.type)
        if known is None:
            raise ConfigurationError(
                f"{self._used_by} has a binding of type {self.type!r}, which this host does not "
                f"run (it runs {', '.join(_KNOWN_KEYS)})."
            )
        if unknown := sorted(set(self._raw) - known - _COMMON):
            raise ConfigurationError(
                f"{self._used_by} has an unknown option {unknown[0]!r} on its {self.type}."
            )

    def trigger(self) -> Trigger:
        match self.type:
            case "serviceBusTrigger":
                return self._service_bus_trigger()
            case "httpTrigger":
                return HttpTrigger(
                    argument=self._raw["name"],
                    route=self._text("route") or self.function,
                    methods=frozenset(str(m).upper() for m in self._raw.get("methods") or ()),
                    auth_level=str(self._raw.get("authLevel") or "function").lower(),
                )
            case _:
                return TimerTrigger(
                    argument=self._raw["name"],
                    schedule=self._text("schedule") or "",
                    run_on_startup=bool(self._raw.get("runOnStartup", False)),
                    use_monitor=bool(self._raw.get("useMonitor", True)),
                )

    def output(self) -> ServiceBusOutput:
        entity = self._text("queueName") or self._text("topicName")
        if not entity:
            raise ConfigurationError(f"{self._used_by} has an output without queue or topic.")
        return ServiceBusOutput(self._raw["name"], self._connection(), entity)

    def _service_bus_trigger(self) -> ServiceBusTrigger:
        if self._raw.get("isSessionsEnabled"):
            raise ConfigurationError(
                f"{self._used_by} asks for sessions, which this host does not dispatch yet."
            )
        queue, topic = self._text("queueName"), self._text("topicName")
        subscription = self._text("subscriptionName")
        if bool(queue) == bool(topic) or bool(topic) != bool(subscription):
            raise ConfigurationError(
                f"{self._used_by} must name a queue, or a topic and its subscription."
            )
        properties = self._raw.get("properties") or {}
        return ServiceBusTrigger(
            argument=self._raw["name"],
            connection=self._connection(),
            queue=queue,
            topic=topic,
            subscription=subscription,
            many=str(self._raw.get("cardinality", "one")).lower() == "many",
            binary=str(self._raw.get("dataType", "")).lower() == "binary",
            deferred=str(properties.get("SupportsDeferredBinding", "")).lower() == "true",
            auto_complete=self._raw.get("autoCompleteMessages"),
        )

    def _text(self, key: str) -> str | None:
        value = self._raw.get(key)
        return expand(str(value), self._settings, used_by=self._used_by) if value else None

    def _connection(self) -> Connection:
        return resolve_connection(
            self._text("connection") or "", self._settings, used_by=self._used_by
        )
