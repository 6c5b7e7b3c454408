"""Every `$metadata` document our adapters depend on: whose, where, and with which fields.

Inventory Visibility has none: it is no OData service.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from shared.clock import Clock
from shared.dynamics import dataverse
from shared.dynamics.business_central import BusinessCentralSettings, business_central
from shared.dynamics.business_central.tables import CUSTOM_FIELDS
from shared.dynamics.business_central.tables import FIELDS as BUSINESS_CENTRAL
from shared.dynamics.commerce import FIELDS as COMMERCE
from shared.dynamics.commerce import CommerceSettings
from shared.dynamics.connection import connect
from shared.dynamics.dataverse.settings import PATH as DATAVERSE_PATH
from shared.dynamics.dataverse.tables import Tables
from shared.dynamics.fields import EntityFields
from shared.dynamics.finance_operations.fields import fields_for
from shared.dynamics.metadata.csdl import MetadataReader
from shared.dynamics.metadata.model import Metadata
from shared.dynamics.odata.messages import Operation
from shared.dynamics.service import Service
from shared.dynamics.settings import ConnectionSettings, DynamicsSettings

_XML = (("Accept", "application/xml"),)
_METADATA = "$metadata"


@dataclass(frozen=True)
class Document:
    """`open` gives the service of an environment, for settings of the type `settings`; `path` is
    the document's below it, '' where these settings use no such API; `tables` what we depend on."""

    name: str
    settings: type[ConnectionSettings]
    open: Callable[[Any, Clock], AbstractAsyncContextManager[Service]]
    tables: Callable[[Any], tuple[EntityFields, ...]]
    path: Callable[[Any], str] = lambda _: _METADATA
    is_simulated: bool = True
    """Whether our simulator of the product has it."""

    async def download(
        self, settings: ConnectionSettings, clock: Clock, take: Callable[[bytes], None]
    ) -> None:
        """Hand the document over as it comes. Raises DynamicsError, and what `take` raises."""
        async with self.open(settings, clock) as service:
            await service.download(Operation("GET", self.path(settings), headers=_XML), take)

    async def read(self, settings: ConnectionSettings, clock: Clock) -> Metadata:
        """Return what the environment has. Raises DynamicsError and UnreadableMetadata."""
        reader = MetadataReader()
        await self.download(settings, clock, reader.feed)
        return reader.close()


@asynccontextmanager
async def _business_central(
    settings: BusinessCentralSettings, clock: Clock
) -> AsyncIterator[Service]:
    async with business_central(settings, clock) as opened:
        yield opened.api.service


def _commerce(settings: CommerceSettings, clock: Clock) -> AbstractAsyncContextManager[Service]:
    return connect(settings, "/Commerce", clock=clock, headers={"OUN": settings.operating_unit})


def _custom_api(settings: BusinessCentralSettings) -> str:
    return f"{settings.custom_api.strip('/')}/{_METADATA}" if settings.custom_api else ""


DOCUMENTS: tuple[Document, ...] = (
    Document(
        "finance-operations",
        DynamicsSettings,
        lambda settings, clock: connect(settings, "/data", clock=clock),
        fields_for,
    ),
    Document(
        "business-central",
        BusinessCentralSettings,
        _business_central,
        lambda _: BUSINESS_CENTRAL,
        lambda _: f"v2.0/{_METADATA}",
    ),
    Document(
        "business-central-retail-api",
        BusinessCentralSettings,
        _business_central,
        lambda _: CUSTOM_FIELDS,
        _custom_api,
    ),
    Document(
        "dataverse",
        dataverse.DataverseSettings,
        lambda settings, clock: connect(settings, DATAVERSE_PATH, clock=clock),
        lambda settings: Tables(settings.prefix).fields,
        # Without the annotations Dataverse does not say what is read-only.
        lambda _: f"{_METADATA}?annotations=true",
    ),
    Document(
        "commerce",
        CommerceSettings,
        _commerce,
        lambda _: COMMERCE,
        is_simulated=False,
    ),
)
