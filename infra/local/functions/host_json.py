"""host.json: the settings this host acts on, with the Functions host's defaults.

Azure ignores a key it does not know; here it stops the host, because a misspelt limit that is
silently ignored is found in production. Defaults are those of the Service Bus extension 5.x and of
a Flex Consumption plan.
"""

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic.alias_generators import to_camel

from infra.local.functions.errors import ConfigurationError
from infra.local.functions.timespan import parse_timespan


def _timespan(value: object) -> object:
    return parse_timespan(value) if isinstance(value, str) else value


TimeSpan = Annotated[timedelta, BeforeValidator(_timespan)]
Count = Annotated[int, Field(ge=1)]


class _Section(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True
    )


class ClientRetryOptions(_Section):
    """Accepted and checked, not used: this host reconnects on its own, faster (see README)."""

    mode: Literal["exponential", "fixed", "Exponential", "Fixed"] = "exponential"
    try_timeout: TimeSpan = timedelta(minutes=1)
    delay: TimeSpan = timedelta(seconds=0.8)
    max_delay: TimeSpan = timedelta(minutes=1)
    max_retries: Annotated[int, Field(ge=0)] = 3


class ServiceBusOptions(_Section):
    """`extensions.serviceBus` of extension 5.x."""

    prefetch_count: Annotated[int, Field(ge=0)] = 0
    auto_complete_messages: bool = True
    max_auto_lock_renewal_duration: TimeSpan = timedelta(minutes=5)
    max_concurrent_calls: Count = 16 * (os.cpu_count() or 1)
    max_concurrent_sessions: Count = 8
    max_concurrent_calls_per_session: Count = 1
    max_message_batch_size: Count = 1000
    min_message_batch_size: Count = 1
    max_batch_wait_time: TimeSpan = timedelta(seconds=30)
    session_idle_timeout: TimeSpan | None = None
    enable_cross_entity_transactions: bool = False
    client_retry_options: ClientRetryOptions = ClientRetryOptions()

    @model_validator(mode="after")
    def _batch_limits_agree(self) -> "ServiceBusOptions":
        if self.min_message_batch_size > self.max_message_batch_size:
            raise ValueError("minMessageBatchSize is larger than maxMessageBatchSize")
        if self.max_batch_wait_time > timedelta(seconds=150):
            raise ValueError("maxBatchWaitTime is longer than 00:02:30")
        return self


class HttpOptions(_Section):
    """`extensions.http`; only the route prefix changes anything on one machine."""

    route_prefix: str = "api"
    max_outstanding_requests: int = 200
    max_concurrent_requests: int = 100
    dynamic_throttles_enabled: bool = False
    hsts: dict[str, Any] | None = None
    custom_headers: dict[str, str] = Field(default_factory=dict)


class Extensions(_Section):
    # Extensions this host does not run (durableTask, queues, ...) keep their settings unread.
    model_config = ConfigDict(
        frozen=True, extra="ignore", alias_generator=to_camel, populate_by_name=True
    )
    service_bus: ServiceBusOptions = ServiceBusOptions()
    http: HttpOptions = HttpOptions()


class Logging(_Section):
    model_config = ConfigDict(
        frozen=True, extra="ignore", alias_generator=to_camel, populate_by_name=True
    )
    log_level: dict[str, str] = Field(default_factory=dict)

    @field_validator("log_level")
    @classmethod
    def _known_levels(cls, levels: dict[str, str]) -> dict[str, str]:
        for category, level in levels.items():
            if level.lower() not in LOG_LEVELS:
                raise ValueError(f"{level!r} (for {category!r}) is not a log level")
        return levels


LOG_LEVELS = {
    "trace": "DEBUG",
    "debug": "DEBUG",
    "information": "INFO",
    "warning": "WARNING",
    "error": "ERROR",
    "critical": "CRITICAL",
    "none": "CRITICAL",
}


class HostSettings(_Section):
    """One host.json. Sections without effect on one machine are accepted and not looked into."""

    version: Literal["2.0"]
    extensions: Extensions = Extensions()
    logging: Logging = Logging()
    function_timeout: TimeSpan | None = timedelta(minutes=30)
    functions: list[str] | None = None
    telemetry_mode: str | None = None
    extension_bundle: dict[str, Any] | None = None
    concurrency: dict[str, Any] | None = None
    retry: dict[str, Any] | None = None
    health_monitor: dict[str, Any] | None = None
    singleton: dict[str, Any] | None = None
    aggregator: dict[str, Any] | None = None
    managed_dependency: dict[str, Any] | None = None
    custom_handler: dict[str, Any] | None = None
    watch_directories: list[str] | None = None
    watch_files: list[str] | None = None
    send_canceled_invocations_to_worker: bool = True

    @field_validator("function_timeout", mode="before")
    @classmethod
    def _unbounded_is_minus_one(cls, value: object) -> object:
        return None if value in ("-1", -1) else value

    @field_validator("function_timeout")
    @classmethod
    def _positive_timeout(cls, value: timedelta | None) -> timedelta | None:
        if value is not None and value <= timedelta(0):
            raise ValueError("functionTimeout must be longer than nothing, or -1 for no limit")
        return value

    @property
    def service_bus(self) -> ServiceBusOptions:
        return self.extensions.service_bus

    @property
    def log_level(self) -> str:
        """The Python level of `logging.logLevel.default`, INFO when it is not given."""
        return LOG_LEVELS[self.logging.log_level.get("default", "Information").lower()]


def load_host_settings(path: Path) -> HostSettings:
    """Read and check one host.json; `ConfigurationError` names the key that is wrong."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigurationError(f"{path} does not exist.") from None
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}.") from error
    try:
        return HostSettings.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the document"
        what = {"extra_forbidden": "is not a setting of the Functions host"}.get(
            first["type"], first["msg"].removeprefix("Value error, ")
        )
        raise ConfigurationError(f"{path}: {where}: {what}.") from error
