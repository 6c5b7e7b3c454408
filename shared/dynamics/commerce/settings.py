"""Which channel of which scale unit, from environment variables."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.dynamics.odata.errors import Refused
from shared.dynamics.settings import ConnectionSettings


class CommerceSettings(ConnectionSettings):
    """Commerce Scale Unit: `COMMERCE_*`, one channel of it.

    The token is for the scale unit's own URL, the server resource id of the relying party that is
    registered in Commerce shared parameters (version 1 tokens: `resource`; here `<URL>/.default`).
    """

    model_config = SettingsConfigDict(env_prefix="COMMERCE_")

    company: str = Field(min_length=1, description="legal entity of the channel")
    operating_unit: str = Field(min_length=1, description="operating unit number, the header OUN")
    channel_id: int = Field(description="record id of the channel")
    store: str = Field("", description="store number, for orders")
    terminal: str = Field("", description="register number, for orders")
    catalog_id: int = 0

    @property
    def authorization_scheme(self) -> str:
        return "id_token"

    def check(self, company: str) -> None:
        """Raises Refused for another company than the channel's."""
        if company.casefold() != self.company.casefold():
            raise Refused(f"This channel belongs to {self.company}, not to {company}.")
