"""Where each Dynamics product is and how a service signs in, from environment variables."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, Field, HttpUrl, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

MAX_BATCH_OPERATIONS = 5_000
"""Finance & Operations refuses a $batch with more operations (Microsoft: service limits)."""


class Principal(BaseModel):
    """One more application that may sign in; limits of most products are per application."""

    client_id: str = Field(min_length=1)
    client_secret: SecretStr | None = None
    certificate_path: Path | None = None
    federated_token_file: Path | None = None


class ConnectionSettings(BaseSettings):
    """What every product's connector is told; each product has a prefix of its own.

    Sign-in is a client secret, else a certificate, else a workload identity's token file, else a
    managed identity: the user-assigned one named by `CLIENT_ID`, or the system-assigned one.
    """

    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore", frozen=True)

    url: HttpUrl = Field(description="environment, e.g. https://contoso.operations.dynamics.com")
    tenant_id: str = ""
    client_id: str = ""
    client_secret: SecretStr | None = None
    certificate_path: Path | None = None
    federated_token_file: Path | None = Field(None, description="of a workload identity")
    principals: tuple[Principal, ...] = Field(
        (), description="further applications the calls are spread over, as JSON"
    )
    authority: str = Field("", description="sign-in host; empty = Microsoft's public cloud")
    scope: str = Field("", description="token scope; empty = the product's own")
    ca_file: Path | None = Field(None, description="CA that signed a local authority's certificate")
    timeout: timedelta = Field(
        timedelta(seconds=100), gt=timedelta(0), description="one call as a whole, ISO 8601"
    )

    @property
    def base_url(self) -> str:
        return str(self.url).rstrip("/")

    @property
    def token_scope(self) -> str:
        """The environment's own scope: v2 of the token endpoint takes `<resource>/.default`."""
        return self.scope or f"{self.base_url}/.default"

    @property
    def authorization_scheme(self) -> str:
        """What stands before the token in the header Authorization."""
        return "Bearer"

    def sign_ins(self) -> list[Self]:
        """Return the settings once per principal, the settings' own first."""
        others = [self.model_copy(update=each.model_dump()) for each in self.principals]
        return [self, *others]

    def variable(self, field: str) -> str:
        """Return the environment variable a field is read from."""
        return f"{self.model_config.get('env_prefix', '')}{field}".upper()


class DynamicsSettings(ConnectionSettings):
    """Finance & Operations: `DYNAMICS_*`."""

    model_config = SettingsConfigDict(env_prefix="DYNAMICS_")

    batch_operations: int = Field(MAX_BATCH_OPERATIONS, ge=1, le=MAX_BATCH_OPERATIONS)
    sales_order_headers: Literal[
        "SalesOrderHeadersV2", "SalesOrderHeadersV3", "SalesOrderHeadersV4"
    ] = Field("SalesOrderHeadersV4", description="the newest the environment has")
    sales_order_lines: Literal["SalesOrderLines", "SalesOrderLinesV3"] = "SalesOrderLinesV3"
    custom_services: dict[str, str] = Field(
        {}, description="operation -> group/service/operation, as JSON; what is not set is not done"
    )
    journal_names: dict[str, str] = Field(
        {
            "adjustment": "IAdj",
            "movement": "IMov",
            "transfer": "ITrf",
            "counting": "ICnt",
            "price": "SalesPrice",
            "payment": "CustPay",
        },
        description="journal name by kind, as JSON",
    )
    movement_offset_account: str = Field("", description="main account of stock movements")
    customer_group: str = Field("", description="of new customers without one")
    package_group: str = Field("", description="data project that imports packages")
    package_rows: int = Field(
        2_000, ge=1, description="rows from which on a data package replaces single requests"
    )
