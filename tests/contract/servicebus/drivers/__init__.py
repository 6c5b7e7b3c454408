"""The SDKs the suite is driven through, each in a process of its own (see client.DriverProcess)."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from tests.contract.servicebus import needs

_PEERS = Path(".peers")  # made by tools/install_peers.sh; drivers start in the repository's root
_MODULES = "tests.contract.servicebus.drivers"


@dataclass(frozen=True)
class Driver:
    """`lacks`: need -> why. `web_socket`: connects over TLS and WebSocket instead of plain AMQP.
    `rules_by_link`: keeps rules over `$management`; else by the administration client."""

    name: str
    title: str
    command: Sequence[str]
    installed: Path | None = None
    web_socket: bool = False
    rules_by_link: bool = False
    lacks: dict[str, str] = field(default_factory=dict)

    def missing(self) -> str | None:
        """Say why it cannot run here; None if it can."""
        if shutil.which(self.command[0]) is None and not Path(self.command[0]).exists():
            return f"{self.command[0]} is not there: run tools/install_peers.sh"
        if self.installed is not None and not self.installed.exists():
            return f"{self.installed} is not there: run tools/install_peers.sh"
        return None


_PYTHON_LACKS = {
    needs.SETTLE_WITH_PROPERTIES: "azure-servicebus changes no properties while settling",
}
_CURRENT = version("azure-servicebus")

DRIVERS = (
    Driver(
        "python-aio",
        f"azure-servicebus {_CURRENT} aio",
        (sys.executable, "-m", f"{_MODULES}.python_aio"),
        lacks=_PYTHON_LACKS,
    ),
    Driver(
        "python-sync",
        f"azure-servicebus {_CURRENT}",
        (sys.executable, "-m", f"{_MODULES}.python_sync"),
        lacks=_PYTHON_LACKS,
    ),
    # It knows no UseDevelopmentEmulator, so it comes over TLS; port 5671 is not ours to choose, a
    # WebSocket's is.
    Driver(
        "python-7.12",
        "azure-servicebus 7.12, WebSocket",
        (str(_PEERS / "python-7.12/bin/python"), "-m", f"{_MODULES}.python_sync"),
        installed=_PEERS / "python-7.12.installed",
        web_socket=True,
        lacks=_PYTHON_LACKS
        | {
            needs.LIST_SESSIONS: "azure-servicebus lists sessions since 7.15",
            needs.CONFIRMED_SETTLEMENT: "azure-servicebus 7.12 settles without waiting",
            needs.RELEASE_ON_CLOSE: "azure-servicebus 7.12 keeps what it prefetched locked",
            needs.BROWSE_ON: "azure-servicebus 7.12 browses from the last received message",
        },
    ),
    Driver(
        "node",
        "@azure/service-bus 7.9.5",
        ("node", "tests/contract/servicebus/drivers/node.mjs", str(_PEERS / "node")),
        installed=_PEERS / "node.installed",
        rules_by_link=True,
        lacks={
            needs.LIST_SESSIONS: "@azure/service-bus 7.9.5 lists no sessions",
            needs.UUID_PROPERTIES: "@azure/service-bus sends no uuids",
        },
    ),
)
