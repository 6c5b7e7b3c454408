"""Where Inventory Visibility is and how its measures are set up, from environment variables."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field, HttpUrl, field_validator
from pydantic_settings import SettingsConfigDict

from shared.dynamics.ports.stock import Movement
from shared.dynamics.settings import ConnectionSettings

MAX_BULK = 512
"""Entries of one bulk request (Microsoft: Inventory Visibility public APIs)."""

_ENTRA_SCOPE = "0cdb527f-a8d1-4bf8-9436-b352c68682b2/.default"

MEASURES: Mapping[Movement, str] = {
    Movement.SOLD: "-outbound",
    Movement.RETURNED: "inbound",
    Movement.RECEIVED: "inbound",
    Movement.DAMAGED: "-outbound",
    Movement.SHRUNK: "-outbound",
    Movement.ADJUSTED: "inbound",
}
"""The physical measure that counts a movement; one with a minus counts what leaves."""


class InventoryVisibilitySettings(ConnectionSettings):
    """Inventory Visibility: `INVENTORY_VISIBILITY_*`. Which measures there are is configured in
    Power Apps, so their names are settings; the defaults are those of Microsoft's pages."""

    model_config = SettingsConfigDict(env_prefix="INVENTORY_VISIBILITY_")

    environment_id: str = Field(min_length=1, description="of Lifecycle Services, a GUID")
    security_service: HttpUrl = Field(
        HttpUrl("https://securityservice.operations365.dynamics.com/token"),
        description="where an Entra token is exchanged",
    )
    data_source: str = Field("pos", description="whose measures we change and set")
    measures: Mapping[Movement, str] = Field(
        MEASURES, description="measure of each movement as JSON; a leading minus counts what leaves"
    )
    on_hand: tuple[str, ...] = Field(
        ("fno.physicalinvent", "pos.inbound", "-pos.outbound"),
        description="measures whose sum is on hand, as JSON",
    )
    available: tuple[str, ...] = Field(
        ("iv.availabletoreserve",), description="measures whose sum is available, as JSON"
    )
    reservation_measure: str = Field(
        "iv.softreservephysical", pattern=r"^[^.]+\.[^.]+$", description="where reserving counts"
    )
    variant_dimension: str = Field("configId", description="dimension a variant is named in")
    bulk: int = Field(MAX_BULK, ge=1, le=MAX_BULK)

    @field_validator("measures")
    @classmethod
    def _and_the_defaults(cls, named: Mapping[Movement, str]) -> Mapping[Movement, str]:
        return {**MEASURES, **named}

    @property
    def token_scope(self) -> str:
        return self.scope or _ENTRA_SCOPE
