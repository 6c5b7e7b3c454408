"""Durable storage of the broker's journal."""

from infra.local.servicebus.storage.memory import MemoryStorage
from infra.local.servicebus.storage.protocol import Storage, StorageError
from infra.local.servicebus.storage.sqlite import SqliteStorage

__all__ = ["MemoryStorage", "SqliteStorage", "Storage", "StorageError"]
