"""The components of the local platform, in the order they need each other."""

from __future__ import annotations

import contextlib
import fcntl
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from infra.local.appinsights.server import connection_string
from infra.local.platform.addresses import FILE, Addresses
from infra.local.platform.process import Component, DidNotStart

REPOSITORY = Path(__file__).resolve().parents[3]
TOPOLOGY = REPOSITORY / "infra" / "topology.json"
EXAMPLE_SETTINGS = REPOSITORY / "local.settings.example.json"

PRODUCTS = ("DYNAMICS", "BUSINESS_CENTRAL", "DATAVERSE", "INVENTORY_VISIBILITY", "COMMERCE")
"""Prefixes of the settings of each Dynamics product."""

DEFAULT_PORTS = {
    "amqp": 5672,
    "admin": 5300,
    "functions": 7071,
    "dynamics": 7080,
    "identity": 7443,
    "appinsights": 7081,
}


@dataclass(frozen=True)
class PlatformOptions:
    """How to run: ports (0 = free one), topology file, extra settings, one process per service."""

    data: Path
    ports: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(DEFAULT_PORTS, 0))
    topology: Path = TOPOLOGY
    settings: Mapping[str, str] = field(default_factory=dict)
    services: Sequence[str] = ()


class Platform:
    """Start everything on entering, stop it on leaving.

    Raises `DidNotStart` naming the component; whatever had started is stopped then.
    """

    def __init__(self, options: PlatformOptions) -> None:
        self._options = options
        self._stack = contextlib.AsyncExitStack()
        self.components: dict[str, Component] = {}

    async def __aenter__(self) -> Platform:
        self._options.data.mkdir(parents=True, exist_ok=True)
        (self._options.data / "logs").mkdir(exist_ok=True)
        async with contextlib.AsyncExitStack() as stack:
            stack.enter_context(only_platform_over(self._options.data))
            stack.push_async_callback(self._stop_all)
            for name in ("servicebus", "dynamics", "appinsights"):
                await self._start(name, {})
            await self._start("functions", self.function_settings)
            self._stack = stack.pop_all()
        self.addresses.write(self._options.data)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        (self._options.data / FILE).unlink(missing_ok=True)
        await self._stack.aclose()

    @property
    def data(self) -> Path:
        """Folder of logs and state; what the command line takes as ``--data``."""
        return self._options.data

    @property
    def addresses(self) -> Addresses:
        """Where the running components listen."""
        return self._addresses(self.components["functions"].ready["http"])

    @property
    def function_settings(self) -> dict[str, str]:
        """The settings of the services: those of the example, with the addresses of this run."""
        where = self._addresses("")
        return {
            **json.loads(EXAMPLE_SETTINGS.read_text())["Values"],
            "ServiceBusConnection": where.servicebus_connection_string,
            "STORE_URL": f"sqlite+aiosqlite:///{self._options.data / 'store.sqlite'}",
            **dynamics_settings(where),
            **telemetry_settings(where.appinsights),
            # One process runs every service, so none of them can name the cloud role.
            **({} if self._options.services else {"OTEL_SERVICE_NAME": "functions"}),
            **self._options.settings,
        }

    def _addresses(self, functions: str) -> Addresses:
        bus, dynamics = self.components["servicebus"].ready, self.components["dynamics"].ready
        return Addresses(
            amqp=bus["amqp"],
            bus_admin=bus["admin"],
            dynamics=dynamics["api"],
            identity=dynamics["identity"],
            identity_ca=dynamics["ca"],
            appinsights=self.components["appinsights"].ready["http"],
            functions=functions,
        )

    async def _stop_all(self) -> None:
        async with (
            contextlib.AsyncExitStack() as stops
        ):  # each is stopped, whatever befalls another
            for component in self.components.values():
                component.expect_end()
                stops.push_async_callback(component.stop)

    async def _start(self, name: str, environment: Mapping[str, str]) -> None:
        component = Component(
            name,
            f"infra.local.{name}",
            lambda ready: self._arguments(name, ready),
            environment=environment,
            log=self._options.data / "logs" / f"{name}.log",
        )
        self.components[name] = component
        await component.start()

    def _arguments(self, name: str, ready: Mapping[str, str]) -> list[str]:
        """Return the command line of a component; `ready` holds the ports it already had."""

        def port(option: str, key: str, address: str) -> list[str]:
            known = ready.get(address, "").rpartition(":")[2]
            return [option, known or str(self._options.ports[key])]

        data = ["--data", str(self._options.data / name)]
        if name == "servicebus":
            amqp, admin = (
                port("--amqp-port", "amqp", "amqp"),
                port("--admin-port", "admin", "admin"),
            )
            return ["--config", str(self._options.topology), *amqp, *admin, *data]
        if name == "dynamics":
            api = port("--port", "dynamics", "api")
            return [*api, *port("--identity-port", "identity", "identity"), *data]
        if name == "appinsights":
            return [*port("--port", "appinsights", "http"), *data]
        services = [word for service in self._options.services for word in ("--service", service)]
        # Beside the app, platforms over other folders would keep their timers in the same place.
        state = ["--state", str(self._options.data / name)]
        return ["--app", str(REPOSITORY), *port("--port", "functions", "http"), *state, *services]


@contextlib.contextmanager
def only_platform_over(data: Path) -> Iterator[None]:
    """Hold a folder for one platform; raises `DidNotStart` while another one has it.

    The system lets go of it when the process ends, however it ends.
    """
    with (data / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DidNotStart(
                f"a local platform runs over {data} already; stop it, or give another --data"
            ) from error
        yield


def dynamics_settings(where: Addresses) -> dict[str, str]:
    """Return where the services find each Dynamics product: all are the one simulator."""
    signs_in = {
        "URL": where.dynamics,
        "AUTHORITY": where.identity,
        "CA_FILE": where.identity_ca,
    }
    return {
        **{f"{product}_{name}": value for product in PRODUCTS for name, value in signs_in.items()},
        "INVENTORY_VISIBILITY_SECURITY_SERVICE": f"{where.dynamics}/securityservice/token",
    }


def telemetry_settings(appinsights: str) -> dict[str, str]:
    """Return the settings that make a process export its telemetry to the local endpoint."""
    return {
        "APPLICATIONINSIGHTS_CONNECTION_STRING": connection_string(appinsights),
        # Microsoft's usage statistics about the exporter: nothing leaves a laptop.
        "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL": "true",
    }
