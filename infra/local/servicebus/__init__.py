"""Azure Service Bus over real AMQP 1.0, for the unmodified SDKs, on one machine."""

from infra.local.servicebus.config import ConfigError, NamespaceConfig
from infra.local.servicebus.server import LocalServiceBus
from infra.local.servicebus.storage import StorageError

__all__ = ["ConfigError", "LocalServiceBus", "NamespaceConfig", "StorageError"]
