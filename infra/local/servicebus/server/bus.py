"""A whole bus in one event loop: the namespace, its storage, its two ports."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from types import TracebackType
from typing import Any

from infra.local.servicebus.amqp import Message
from infra.local.servicebus.amqp.performatives import Error
from infra.local.servicebus.broker import Namespace
from infra.local.servicebus.config import NamespaceConfig, load_config, parse_config
from infra.local.servicebus.server.admin import AdminServer, admin_app, inspection
from infra.local.servicebus.server.client import Client
from infra.local.servicebus.server.clock import ClockMs, system_clock
from infra.local.servicebus.server.core import MAX_MESSAGE_BYTES, Core
from infra.local.servicebus.server.faults import Faults, Ordered
from infra.local.servicebus.server.injection import at_once
from infra.local.servicebus.storage import MemoryStorage, SqliteStorage, Storage

log = logging.getLogger(__name__)

KEY_NAME, KEY = "RootManageSharedAccessKey", "SAS_KEY_VALUE"
STORE_FILE = "servicebus.sqlite3"


class LocalServiceBus:
    """`async with LocalServiceBus(config) as bus:` serves until the block ends.

    `config`: path of a Config.json, its decoded document, or a NamespaceConfig.
    `data`: folder for the messages; None keeps them in memory.
    Port 0 takes a free port; `amqp_port` and `admin_port` are the real ones once started.
    `clock`: ms since the epoch, such as a ManualClock; one given here is the caller's to move, with
    advance() after each move. Without one the bus follows the system's time by itself.
    `faults` takes what shall go wrong, see `faults.py`.

    Starting raises ConfigError, StorageError, or OSError when a port is in use.
    """

    def __init__(
        self,
        config: Path | dict[str, Any] | NamespaceConfig,
        *,
        data: Path | None = None,
        host: str = "127.0.0.1",
        amqp_port: int = 0,
        admin_port: int = 0,
        clock: ClockMs | None = None,
        max_message_bytes: int = MAX_MESSAGE_BYTES,
    ) -> None:
        self.host = host
        self.amqp_port = amqp_port
        self.admin_port = admin_port
        self._config = config
        self._data = data
        self._clock = clock
        self._max_message_bytes = max_message_bytes
        self._clients: set[Client] = set()
        self.faults = Faults(self._at_once)

    @property
    def connection_string(self) -> str:
        """What the SDKs connect with, here and with the official emulator."""
        return (
            f"Endpoint=sb://{self.host}:{self.amqp_port};SharedAccessKeyName={KEY_NAME};"
            f"SharedAccessKey={KEY};UseDevelopmentEmulator=true;"
        )

    @property
    def admin_url(self) -> str:
        return f"http://{self.host}:{self.admin_port}"

    def inspect(self) -> dict[str, Any]:
        """Return what GET /inspect answers."""
        return inspection(self.namespace)

    async def advance(self) -> None:
        """Let everything happen that is due by the clock, and what follows from it be stored."""
        self._core.advance()
        await self._core.committer.settled()

    def _at_once(self, ordered: Ordered) -> None:
        at_once(self.namespace, self._clients, self._core.now(), ordered)
        self._core.committer.soon()

    async def __aenter__(self) -> LocalServiceBus:
        self.namespace = Namespace(_namespace_config(self._config), parse=Message.check)
        self._storage: Storage = (
            MemoryStorage() if self._data is None else SqliteStorage(self._data / STORE_FILE)
        )
        try:
            await self._start()
        except BaseException:
            await self._storage.aclose()
            raise
        return self

    async def _start(self) -> None:
        self.namespace.restore(self._storage.load())
        for address, count in self.namespace.orphans.items():
            log.warning("%d stored messages of '%s' wait until it is configured", count, address)
        self._core = Core(
            self.namespace,
            self._storage,
            self._clock or system_clock,
            timed=self._clock is None,
            max_message_bytes=self._max_message_bytes,
            faults=self.faults,
        )
        self._core.advance()
        self._core.watch_time()
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Client(self._core, self._clients), self.host, self.amqp_port
        )
        try:
            self.amqp_port = self._server.sockets[0].getsockname()[1]
            self._admin = AdminServer(admin_app(self.namespace))
            self.admin_port = await self._admin.start(self.host, self.admin_port)
        except BaseException:
            self._server.close()
            self._core.stop()
            raise

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop listening, end every connection, make everything durable."""
        self._server.close()
        await self._admin.stop()
        self._core.stop()
        await self._core.committer.settled()
        for client in list(self._clients):
            # Clients reconnect after this condition (Service Bus protocol guide).
            client.close(Error("amqp:connection:forced", "The local Service Bus is stopping."))
        await self._core.committer.settled()
        await self._storage.aclose()


def _namespace_config(config: Path | dict[str, Any] | NamespaceConfig) -> NamespaceConfig:
    if isinstance(config, NamespaceConfig):
        return config
    return parse_config(config) if isinstance(config, dict) else load_config(config)
