"""What the suite can run against: the local bus always, others where they are."""

from __future__ import annotations

import os
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

from azure.servicebus.aio.management import ServiceBusAdministrationClient

from infra.local.servicebus import LocalServiceBus, NamespaceConfig
from tests.contract.servicebus import needs
from tests.contract.servicebus.broker import Broker, LocalBroker
from tests.contract.servicebus.drivers import Driver
from tests.contract.servicebus.elsewhere import RemoteBroker

NAMESPACE = "TILLBUS_SERVICEBUS_CONNECTION_STRING"


class Target:
    """`lacks`: need -> why. `running` is entered once per class of tests and yields what the
    drivers' environment needs, then `broker` once per scenario, `at_once` at the same time."""

    name: ClassVar[str]
    title: ClassVar[str]
    lacks: ClassVar[dict[str, str]] = {}
    at_once: ClassVar[int] = 12
    seconds_each: ClassVar[int] = 240

    def missing(self, driver: Driver) -> str | None:
        """Say why the driver cannot be run against it here; None if it can."""
        raise NotImplementedError

    @asynccontextmanager
    async def running(self) -> AsyncIterator[dict[str, str]]:
        yield {}

    @asynccontextmanager
    async def broker(self) -> AsyncIterator[Broker]:
        raise NotImplementedError
        yield  # type: ignore[unreachable]


class LocalBus(Target):
    """A bus for each scenario, in this process; all of one certificate authority."""

    name = "local"
    title = "local bus"
    at_once = 24
    seconds_each = 180

    def missing(self, driver: Driver) -> str | None:
        return None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[dict[str, str]]:
        with TemporaryDirectory(prefix="contract-") as folder:
            self._template = Path(folder)
            async with LocalServiceBus(NamespaceConfig(), data=self._template) as bus:
                trusted = bus.ca_file
            # The administration client of azure-servicebus 7.12 takes no other trust.
            yield {"REQUESTS_CA_BUNDLE": str(trusted)}

    @asynccontextmanager
    async def broker(self) -> AsyncIterator[Broker]:
        broker = await LocalBroker(self._template).start()
        try:
            yield broker
        finally:
            await broker.stop()


class Remote(Target):
    """A Service Bus reached by a connection string, with an administration client of ours."""

    connection_string: str

    def admin(self) -> ServiceBusAdministrationClient:
        return ServiceBusAdministrationClient.from_connection_string(self.connection_string)

    @asynccontextmanager
    async def broker(self) -> AsyncIterator[Broker]:
        async with self.admin() as admin:
            broker = RemoteBroker(self.connection_string, admin)
            try:
                yield broker
            finally:
                await broker.stop()


class Azure(Remote):
    name = "azure"
    title = "Azure"
    lacks: ClassVar[dict[str, str]] = {
        needs.RESTART: "Azure is not ours to restart",
        needs.LONG_WAITS: "nobody waits minutes for a scenario",
        needs.POLICIES: "policies of a namespace are made through Azure Resource Manager only",
    }

    def missing(self, driver: Driver) -> str | None:
        self.connection_string = os.environ.get(NAMESPACE, "")
        return None if self.connection_string else f"{NAMESPACE} names no namespace"


class Emulator(Remote):
    """Microsoft's emulator and the SQL Server it needs, in containers; started once, and left to
    testcontainers to remove."""

    name = "emulator"
    title = "official emulator"
    lacks: ClassVar[dict[str, str]] = {
        needs.RESTART: "the official emulator keeps nothing",
        needs.LONG_WAITS: "nobody waits minutes for a scenario",
        needs.KEYS: "the official emulator takes any key",
        needs.POLICIES: "the official emulator takes any key",
        needs.WEB_SOCKETS: "the official emulator has no WebSockets",
        needs.ADMINISTRATION: "the official emulator's administration API speaks plain HTTP",
    }
    at_once = 2  # it takes ten connections, and an SDK may open one for each sender and receiver

    def missing(self, driver: Driver) -> str | None:
        if os.environ.get("ACCEPT_EULA") != "Y":
            return "ACCEPT_EULA=Y, which accepts the official emulator's licence, is not set"
        if driver.web_socket:
            return "the official emulator has neither TLS nor WebSockets"
        try:
            subprocess.run(["docker", "info"], check=True, capture_output=True, timeout=20)
        except (OSError, subprocess.SubprocessError):
            return "Docker does not answer"
        return None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[dict[str, str]]:
        from tests.contract.servicebus import emulator

        self._emulator = emulator.start()
        self.connection_string = self._emulator.connection_string
        yield {}

    def admin(self) -> ServiceBusAdministrationClient:
        return self._emulator.admin()


TARGETS: tuple[Target, ...] = (LocalBus(), Emulator(), Azure())
