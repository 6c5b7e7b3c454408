"""The simulator as one object: both servers, every product, the data directory."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Iterable, Mapping
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from . import business_central, commerce, dataverse, finance_operations, inventory_visibility
from .admin import AdminPages
from .api import FaultyIdentity, Front, application
from .clock import Clock
from .counts import Counts
from .faults import Fault, FaultPlan
from .gates import gates
from .identity.certificates import tls_files
from .identity.registration import Registration
from .identity.routes import IdentityService
from .identity.tokens import TokenAuthority
from .limits import Limits
from .product import Product, ProductContext
from .server import RunningServer
from .webhooks import HttpSender, Outbox, Sender, Webhooks

PRODUCTS: tuple[Callable[[ProductContext], Product], ...] = (
    finance_operations.open_product,
    inventory_visibility.open_product,
    commerce.open_product,
    business_central.open_product,
    dataverse.open_product,
)


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def _stop(*servers: RunningServer) -> None:
    await asyncio.gather(*(server.stop() for server in servers))


class DynamicsSimulator:
    """Dynamics 365 and its identity provider on two ports of this machine.

    `async with DynamicsSimulator(None) as simulator:` for a test; with a directory the books
    survive. Entering raises OSError for a port or directory that cannot be had, and
    odata.store.StoreUnusable for a file that is no database.
    """

    def __init__(
        self,
        data: Path | None = None,
        *,
        host: str = "127.0.0.1",
        api_port: int = 0,
        identity_port: int = 0,
        faults: Iterable[Fault] = (),
        clock: Clock | None = None,
        limits: Limits | bool = False,
        senders: Mapping[str, Sender] | None = None,
        registration: Registration | None = None,
        strict_operating_units: bool = False,
    ) -> None:
        self.clock = clock or Clock()
        self.faults = FaultPlan(faults, self.clock)
        self.counts = Counts()
        self.registration = registration or Registration()
        self._data = data
        self._host = host
        self._ports = (api_port, identity_port)
        self._senders = senders or {}
        self._limits = Limits() if limits is True else limits or None
        self._strict_operating_units = strict_operating_units
        self._opened = AsyncExitStack()
        self._products: list[Product] = []

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            await self._open(stack)
            self._opened = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._opened.aclose()

    async def _open(self, stack: AsyncExitStack) -> None:
        if self._data is None:
            data = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dynamics-")))
        else:
            data = self._data.absolute()
            data.mkdir(parents=True, exist_ok=True)
        self.certificates = data / "certificates"
        self.certificates.mkdir(exist_ok=True)
        tls = tls_files(data / "tls", self.clock())
        self.ca_file = tls.ca
        tokens = TokenAuthority(data / "tls", self.registration.tenant_id, self.clock)
        self.webhooks = self._open_webhooks(stack, data)
        self._products = self._open_products(stack, data, tokens)
        identity = IdentityService(
            self.registration, self.certificates, tokens, self.counts, self.clock
        )

        api_server, identity_server = (RunningServer(self._host, port) for port in self._ports)
        self.api_url = f"http://{self._host}:{api_server.port}"
        self.identity_url = f"https://localhost:{identity_server.port}"
        tokens.authority = f"{self.identity_url}/{self.registration.tenant_id}"
        stack.push_async_callback(_stop, api_server, identity_server)
        stack.push_async_callback(_cancel, asyncio.create_task(self.webhooks.run()))
        await api_server.start(self._api(identity))
        await identity_server.start(
            FaultyIdentity(application(identity.identity_routes()), self.faults, self.clock),
            tls.certificate,
            tls.key,
        )

    def _open_webhooks(self, stack: AsyncExitStack, data: Path) -> Webhooks:
        outbox = Outbox(data / "webhooks.sqlite")
        stack.callback(outbox.close)
        http = HttpSender()
        senders: dict[str, Sender] = {"http": http, "https": http, **self._senders}
        for sender in set(senders.values()):
            if (close := getattr(sender, "aclose", None)) is not None:
                stack.push_async_callback(close)
        return Webhooks(outbox, self.clock, senders, self.counts)

    def _open_products(
        self, stack: AsyncExitStack, data: Path, tokens: TokenAuthority
    ) -> list[Product]:
        context = ProductContext(
            data,
            tokens,
            self.faults,
            self.counts,
            self.clock,
            self.webhooks,
            self._strict_operating_units,
        )
        products = []
        for open_product in PRODUCTS:
            products.append(open_product(context))
            stack.callback(products[-1].close)
        return products

    def _api(self, identity: IdentityService) -> Front:
        admin = AdminPages(
            self.faults, self.counts, self.clock, self.webhooks, self._products, self.reset
        )
        pages = [*admin.routes(), *identity.api_routes()]
        for product in self._products:
            pages += product.inspection
        return Front(
            application(pages),
            [(product, application(product.routes)) for product in self._products],
            gates(self._limits, self.clock) if self._limits else {},
            self.faults,
            self.counts,
            self.clock,
        )

    async def settle(self) -> None:
        """Return when every notification due at this moment of the clock is on its way or lost."""
        await self.webhooks.settle()

    def reset(self) -> None:
        """Back to the first start: no faults, no counts, the seeded rows only. Keys stay."""
        self.faults.clear()
        self.counts.clear()
        self.webhooks.clear()
        for product in self._products:
            product.reset()

    @property
    def identity_endpoint(self) -> str:
        """What an App Service has as IDENTITY_ENDPOINT."""
        return f"{self.api_url}/msi/token"
