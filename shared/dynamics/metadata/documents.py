"""Every `$metadata` document our adapters depend on: whose, where, and with which fields."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.clock import Clock
from shared.dynamics.fields import EntityFields
from shared.dynamics.finance_operations.retail_fields import RETAIL_FIELDS
from shared.dynamics.metadata.csdl import MetadataReader
from shared.dynamics.metadata.model import Metadata
from shared.dynamics.odata.messages import Operation
from shared.dynamics.settings import ConnectionSettings, DynamicsSettings

if TYPE_CHECKING:
    from shared.dynamics.service import Service

_METADATA = Operation("GET", "$metadata", headers=(("Accept", "application/xml"),))

Open = Callable[[Any, Clock], "AbstractAsyncContextManager[Service]"]


@dataclass(frozen=True)
class Document:
    """`open` gives the service whose `$metadata` it is, for settings of the type `settings`."""

    product: str
    settings: type[ConnectionSettings]
    open: Open
    tables: tuple[EntityFields, ...]

    async def read(self, settings: ConnectionSettings, clock: Clock) -> Metadata:
        """Return what the environment has. Raises DynamicsError and UnreadableMetadata."""
        reader = MetadataReader()
        async with self.open(settings, clock) as service:
            await service.download(_METADATA, reader.feed)
        return reader.close()


def _at(path: str) -> Open:
    def open_service(
        settings: ConnectionSettings, clock: Clock
    ) -> AbstractAsyncContextManager[Service]:
        from shared.dynamics.connection import connect

        return connect(settings, path, clock=clock)

    return open_service


DOCUMENTS: tuple[Document, ...] = (
    Document("finance-operations", DynamicsSettings, _at("/data"), RETAIL_FIELDS),
)
"""Inventory Visibility has no such document: it is no OData service."""
