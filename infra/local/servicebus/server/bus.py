"""A whole bus in one event loop: the namespace, its storage, its ports."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from infra.local.servicebus.amqp import Message
from infra.local.servicebus.amqp.performatives import Error
from infra.local.servicebus.broker import BrokerError, Namespace
from infra.local.servicebus.broker.limits import LIMITS
from infra.local.servicebus.config import ConfigError, NamespaceConfig, load_config, parse_config
from infra.local.servicebus.server import inspection, operation
from infra.local.servicebus.server.admin import AdminServer, admin_app
from infra.local.servicebus.server.client import Client
from infra.local.servicebus.server.clock import ClockMs, system_clock
from infra.local.servicebus.server.core import MAX_MESSAGE_BYTES, OPEN_SECONDS, Core
from infra.local.servicebus.server.faults import Faults, Ordered
from infra.local.servicebus.server.front_door import FrontDoor, open_websocket
from infra.local.servicebus.server.injection import at_once
from infra.local.servicebus.server.security import MANAGE, Authorization, Tls, TlsFiles, is_loopback
from infra.local.servicebus.settings import AuthorizationRule
from infra.local.servicebus.storage import MemoryStorage, SqliteStorage, Storage

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider

    from infra.local.servicebus.server.metrics import Metrics, Prometheus

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
    `meter_provider`: OpenTelemetry's, to which the bus tells its measures; None measures nothing.
    `strict_limits`: "standard", "premium" or "emulator" refuses what that one refuses as too much,
    see `broker/limits.py`; None refuses only messages larger than `max_message_bytes`.
    `open_within`: seconds a peer may take to open its connection. `expire_idle`: end idle links and
    connections as the service does, see `expiry.py`.

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
        max_message_bytes: int | None = None,
        strict_limits: str | None = None,
        open_within: float = OPEN_SECONDS,
        expire_idle: bool = False,
        meter_provider: MeterProvider | None = None,
    ) -> None:
        self.host = host
        self.amqp_port = amqp_port
        self.tls_port = tls_port
        self.admin_port = admin_port
        self._config = config
        self._data = data
        self._keys = tuple(keys)
        self._own_certificate = tls
        self.clock = clock or system_clock
        self._timed = clock is None
        self._limits = None if strict_limits is None else LIMITS[strict_limits]
        self._max_message_bytes = max_message_bytes or (
            MAX_MESSAGE_BYTES if self._limits is None else self._limits.message_bytes
        )
        self._open_within = open_within
        self._expire_idle = expire_idle
        self._meter_provider = meter_provider
        self._metrics: Metrics | None = None
        self._prometheus: Prometheus | None = None
        self.clients: set[Client] = set()
        self.faults = Faults()

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
        """Return what GET /inspect answers: counts of every entity."""
        return inspection.overview(self.namespace)

    def messages(
        self, entity: str, *, skip: int = 0, top: int = inspection.TOP
    ) -> list[dict[str, Any]]:
        """Return where an entity's messages stand and why, see `inspection.py`. Raises BrokerError
        for an unknown entity or a page out of range."""
        found = self.namespace.entity(entity)
        return inspection.messages(found, self.clients, skip=skip, top=top)

    def connections(self, *, skip: int = 0, top: int = inspection.TOP) -> list[dict[str, Any]]:
        """Return who is connected, see `inspection.py`."""
        return inspection.connections(self.clients, skip=skip, top=top)

    def prometheus(self) -> tuple[bytes, str]:
        """Return the measures as Prometheus reads them, and the media type of that."""
        if self._prometheus is None:
            from infra.local.servicebus.server.metrics import Prometheus

            self._prometheus = Prometheus(self)
            self._core.committer.observers.append(self._prometheus.metrics.committed)
        return self._prometheus.text()

    @property
    def store_bytes(self) -> int | None:
        """What the messages take on disk; None in memory."""
        if self._data is None:
            return None
        return sum(file.stat().st_size for file in self._data.glob(f"{STORE_FILE}*"))

    def require(self, token: str, right: str) -> None:
        """Raise BrokerError unless the token gives the right on the whole namespace."""
        self._core.authorization.claims_of_token(token).require("", right)

    async def advance(self) -> None:
        """Let everything happen that is due by the clock, and what follows from it be stored."""
        self._core.advance()
        await self._core.committer.settled()

    def _at_once(self, ordered: Ordered) -> None:
        at_once(self.namespace, self.clients, self._core.now(), ordered)
        self._core.committer.soon()

    async def __aenter__(self) -> LocalServiceBus:
        config = _namespace_config(self._config)
        try:
            self.namespace = Namespace(
                config, parse=Message.check, now=self.clock(), limits=self._limits
            )
        except BrokerError as refusal:
            raise ConfigError(f"The configuration cannot be served: {refusal.text}") from refusal
        self._tls = Tls(self._data, self.host, self._own_certificate)
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
        with _without_collecting():
            self.namespace.restore(self._storage.load())
        for address, count in self.namespace.orphans.items():
            log.warning("%d stored messages of '%s' wait until it is configured", count, address)
        if not self._keys and not is_loopback(self.host):
            log.warning("Whoever reaches %s may do everything here: no keys are set.", self.host)
        self._core = Core(
            self.namespace,
            self._storage,
            self.clock,
            timed=self._timed,
            max_message_bytes=self._max_message_bytes,
            open_within=self._open_within,
            expire_idle=self._expire_idle,
            faults=self.faults,
            authorization=Authorization(self.namespace, self._keys, now=self.clock),
        )
        self.faults.at_once = self._at_once
        self._core.advance()
        self._core.watch_time()
        if self._meter_provider is not None:
            from infra.local.servicebus.server.metrics import Metrics

            self._metrics = Metrics(self, self._meter_provider)
            self._core.committer.observers.append(self._metrics.committed)
        app = admin_app(self._core, operation.routes(self), ca_file=lambda: self.ca_file)
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
        return Client(self._core, self.clients)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop listening, end every connection, make everything durable."""
        self.faults.at_once = None
        self._door.close()
        await self._admin.stop()
        for measured in (self._metrics, self._prometheus):
            if measured is not None:
                measured.close()
        self._core.stop()
        await self._core.committer.settled()
        for client in list(self.clients):
            # Clients reconnect after this condition (Service Bus protocol guide).
            client.close(Error("amqp:connection:forced", "The local Service Bus is stopping."))
        await self._core.committer.settled()
        self._tls.close()
        await self._storage.aclose()


@contextmanager
def _without_collecting() -> Iterator[None]:
    """Nothing that is restored is garbage: looking for some would take a third of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _namespace_config(config: Path | dict[str, Any] | NamespaceConfig) -> NamespaceConfig:
    if isinstance(config, NamespaceConfig):
        return config
    return parse_config(config) if isinstance(config, dict) else load_config(config)
