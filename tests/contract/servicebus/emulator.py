"""Microsoft's Service Bus emulator in Docker, as its installer's compose file starts it.

Azure/azure-service-bus-emulator-installer, docker-compose-template; the licence is accepted by
whoever sets ACCEPT_EULA=Y.
"""

from __future__ import annotations

import json
import secrets
import time
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, NamedTuple
from urllib.request import urlopen

from azure.core.pipeline.transport import AioHttpTransport
from azure.servicebus.aio.management import ServiceBusAdministrationClient
from testcontainers.core.container import DockerContainer
from testcontainers.core.network import Network

_EMULATOR = "mcr.microsoft.com/azure-messaging/servicebus-emulator:latest"
_SQL_SERVER = "mcr.microsoft.com/mssql/server:2022-latest"
_READY_SECONDS = 300
_EMPTY = {
    "UserConfig": {
        "Namespaces": [{"Name": "sbemulatorns", "Queues": [], "Topics": []}],
        "Logging": {"Type": "Console"},
    }
}


class _PlainHttp(AioHttpTransport):  # type: ignore[misc]
    """The Python client always asks over https; the emulator answers http on another port."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self._address = address

    async def send(self, request: Any, **options: Any) -> Any:
        path = request.url.split("/", 3)[3]
        request.url = f"http://{self._address}/{path}"
        return await super().send(request, **options)


class RunningEmulator(NamedTuple):
    host: str
    amqp_port: int
    admin_port: int

    @property
    def connection_string(self) -> str:
        return (
            f"Endpoint=sb://{self.host}:{self.amqp_port};SharedAccessKeyName="
            "RootManageSharedAccessKey;SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;"
        )

    def admin(self) -> ServiceBusAdministrationClient:
        return ServiceBusAdministrationClient.from_connection_string(
            self.connection_string, transport=_PlainHttp(f"{self.host}:{self.admin_port}")
        )


@cache
def start() -> RunningEmulator:
    """Return it when it says it is healthy. Raises TimeoutError."""
    config = Path(mkdtemp()) / "Config.json"
    config.write_text(json.dumps(_EMPTY))
    password = f"Aa1-{secrets.token_hex(12)}"
    network = Network().create()
    DockerContainer(_SQL_SERVER).with_network(network).with_network_aliases("mssql").with_env(
        "ACCEPT_EULA", "Y"
    ).with_env("MSSQL_SA_PASSWORD", password).start()
    emulator = (
        DockerContainer(_EMULATOR)
        .with_network(network)
        .with_env("ACCEPT_EULA", "Y")
        .with_env("SQL_SERVER", "mssql")
        .with_env("MSSQL_SA_PASSWORD", password)
        .with_volume_mapping(str(config), "/ServiceBus_Emulator/ConfigFiles/Config.json")
        .with_exposed_ports(5672, 5300)
        .start()
    )
    running = RunningEmulator(
        emulator.get_container_host_ip(),
        int(emulator.get_exposed_port(5672)),
        int(emulator.get_exposed_port(5300)),
    )
    _wait_until_healthy(running)
    return running


def _wait_until_healthy(running: RunningEmulator) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline:
        try:
            with urlopen(f"http://{running.host}:{running.admin_port}/health", timeout=5) as health:
                if health.status == 200:
                    return
        except OSError:
            pass
        time.sleep(1)
    raise TimeoutError(f"the official emulator was not healthy after {_READY_SECONDS} s")
