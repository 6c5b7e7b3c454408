"""Where a Dataverse environment is, from environment variables `DATAVERSE_*`."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.dynamics.settings import ConnectionSettings

PATH = "/api/data/v9.2"


class DataverseSettings(ConnectionSettings):
    """`prefix`: the publisher prefix of our custom tables and columns (see tables.py)."""

    model_config = SettingsConfigDict(env_prefix="DATAVERSE_")

    prefix: str = Field("tillbus", pattern=r"^[a-z][a-z0-9]{1,7}$")
    rows: int = Field(100, ge=1, le=1000, description="rows of one CreateMultiple, UpsertMultiple")
