"""A whole bus in one event loop: the namespace, its storage, its ports."""

from __future__ import annotations

import logging
from collections.abc import Sequence
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
from infra.local.servicebus.server.front_door import FrontDoor, open_websocket
from infra.local.servicebus.server.injection import at_once
from infra.local.servicebus.server.security import MANAGE, Authorization, Tls, TlsFiles, is_loopback
from infra.local.servicebus.settings import AuthorizationRule
from infra.local.servicebus.storage import MemoryStorage, SqliteStorage, Storage

log = logging.getLogger(__name__)

DEVELOPMENT = AuthorizationRule(
    "RootManageSharedAccessKey", frozenset({MANAGE}), "SAS_KEY_VALUE", "SAS_KEY_VALUE"
)
"""The official emulator's."""

STORE_FILE = "servicebus.sqlite3"


class LocalServiceBus:
    """`async with LocalServiceBus(config) as bus:` serves until the block ends.

    `config`: path of a Config.json, its decoded document, or a NamespaceConfig.
    `data`: folder for the messages and the certificate authority; None keeps them in memory.
    Port 0 takes a free port; `amqp_port`, `tls_port` and `admin_port` are the real ones once
    started. The first two are the same front door: AMQP, AMQP over TLS or WebSocket, HTTPS;
    `tls_port` is for SDKs that cannot be told another port than 5671, None opens none.
    `keys`: shared access policies of the namespace; with any, every token and right is checked.
    `tls`: a certificate of one's own instead of one by the bus's authority (`ca_file`).
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
        tls_port: int | None = None,
        admin_port: int = 0,
        keys: Sequence[AuthorizationRule] = (),
        tls: TlsFiles | None = None,
        clock: ClockMs | None = None,
        max_message_bytes: int = MAX_MESSAGE_BYTES,
    ) -> None:
        self.host = host
        self.amqp_port = amqp_port
        self.tls_port = tls_port
        self.admin_port = admin_port
        self._config = config
        self._data = data
        self._keys = tuple(keys)
        self._tls = Tls(data, host, tls)
        self._clock = clock
        self._max_message_bytes = max_message_bytes
        self._clients: set[Client] = set()
        self.faults = Faults(self._at_once)

    @property
    def connection_string(self) -> str:
        """What the SDKs connect with over plain AMQP, here and with the official emulator: by the
        first policy that may manage."""
        return f"{self.tls_connection_string}UseDevelopmentEmulator=true;"

    @property
    def tls_connection_string(self) -> str:
        """The same for TLS, WebSocket and the administration clients, which trust `ca_file`."""
        managing = (rule for rule in self._keys if MANAGE in rule.rights)
        rule = next(managing, self._keys[0] if self._keys else DEVELOPMENT)
        return (
            f"Endpoint=sb://{self.host}:{self.amqp_port};SharedAccessKeyName={rule.name};"
            f"SharedAccessKey={rule.primary_key};"
        )

    @property
    def admin_url(self) -> str:
        return f"http://{self.host}:{self.admin_port}"

    @property
    def ca_file(self) -> Path:
        """The certificate a client has to trust, PEM; in a temporary folder without `data`."""
        return self._tls.ca_file

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
        self._tls.check()
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
        if not self._keys and not is_loopback(self.host):
            log.warning("Whoever reaches %s may do everything here: no keys are set.", self.host)
        clock = self._clock or system_clock
        self._core = Core(
            self.namespace,
            self._storage,
            clock,
            timed=self._clock is None,
            max_message_bytes=self._max_message_bytes,
            faults=self.faults,
            authorization=Authorization(self.namespace, self._keys, now=clock),
        )
        self._core.advance()
        self._core.watch_time()
        app = admin_app(self._core, ca_file=lambda: self.ca_file)
        self._admin = AdminServer(app, open_websocket(self._new_client))
        self._door = FrontDoor(self._new_client, self._admin.protocol, lambda: self._tls.context)
        try:
            self.amqp_port = await self._door.listen(self.host, self.amqp_port)
            if self.tls_port is not None:
                self.tls_port = await self._door.listen(self.host, self.tls_port)
            self.admin_port = await self._admin.start(self.host, self.admin_port)
        except BaseException:
            self._door.close()
            self._core.stop()
            raise

    def _new_client(self) -> Client:
        return Client(self._core, self._clients)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop listening, end every connection, make everything durable."""
        self._door.close()
        await self._admin.stop()
        self._core.stop()
        await self._core.committer.settled()
        for client in list(self._clients):
            # Clients reconnect after this condition (Service Bus protocol guide).
            client.close(Error("amqp:connection:forced", "The local Service Bus is stopping."))
        await self._core.committer.settled()
        self._tls.close()
        await self._storage.aclose()


def _namespace_config(config: Path | dict[str, Any] | NamespaceConfig) -> NamespaceConfig:
    if isinstance(config, NamespaceConfig):
        return config
    return parse_config(config) if isinstance(config, dict) else load_config(config)
