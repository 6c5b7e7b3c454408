"""Where Business Central is and how a service signs in: `BUSINESS_CENTRAL_*`."""

from __future__ import annotations

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from shared.dynamics.settings import ConnectionSettings


class BusinessCentralSettings(ConnectionSettings):
    """`url` is `https://api.businesscentral.dynamics.com`, or on premises the server with its port
    and instance, such as `https://host:7048/BC`. With `web_service_key` the sign-in is `user` and
    that key, which only servers on premises take; else a token as everywhere."""

    model_config = SettingsConfigDict(env_prefix="BUSINESS_CENTRAL_")

    environment: str = Field("production", description="name in the cloud; empty on premises")
    user: str = ""
    web_service_key: SecretStr | None = None
    custom_api: str = Field(
        "", description="publisher/group/version of the retail custom API; empty = not installed"
    )
    payment_journal: str = Field("POS", min_length=1, max_length=10)

    @property
    def on_premises(self) -> bool:
        return self.web_service_key is not None or not self.environment

    @property
    def api_path(self) -> str:
        """What stands between `url` and `v2.0` or a custom API's name."""
        return "/api" if self.on_premises else f"/v2.0/{self.environment}/api"
