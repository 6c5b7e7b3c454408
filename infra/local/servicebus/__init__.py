"""Azure Service Bus over real AMQP 1.0, for the unmodified SDKs, on one machine.

What is named here is imported when it is first asked for: the Functions host needs the message
codec in `amqp` only, not the server with its web framework.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from infra.local.servicebus.config import ConfigError, NamespaceConfig
    from infra.local.servicebus.server import LocalServiceBus
    from infra.local.servicebus.server.clock import ManualClock
    from infra.local.servicebus.server.faults import Fault
    from infra.local.servicebus.server.security import TlsFiles
    from infra.local.servicebus.settings import AuthorizationRule
    from infra.local.servicebus.storage import StorageError

__all__ = [
    "AuthorizationRule",
    "ConfigError",
    "Fault",
    "LocalServiceBus",
    "ManualClock",
    "NamespaceConfig",
    "StorageError",
    "TlsFiles",
]

_HOMES = {
    "AuthorizationRule": "settings",
    "ConfigError": "config",
    "Fault": "server.faults",
    "LocalServiceBus": "server",
    "ManualClock": "server.clock",
    "NamespaceConfig": "config",
    "StorageError": "storage",
    "TlsFiles": "server.security",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
