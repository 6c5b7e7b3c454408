"""How long is remembered what only the past needs."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

_SHORTEST_DAYS = 31
"""Far beyond the patience of retries and parking: no fact under way loses its result or body."""


class RetentionSettings(BaseSettings):
    """Days after which archived facts and results in the inbox are forgotten.

    The archive holds personal data: keep it no longer than facts have to be shown or published
    again. A fact that comes once more after its result was forgotten, a dead letter of last year
    for instance, is found booked by its key in Dynamics, where there is one.
    """

    model_config = SettingsConfigDict(extra="ignore", frozen=True)

    archive_retention_days: int = Field(400, ge=_SHORTEST_DAYS, description="of facts as they came")
    inbox_retention_days: int = Field(400, ge=_SHORTEST_DAYS, description="of results")

    def archived_before(self, now: datetime) -> datetime:
        return now - timedelta(days=self.archive_retention_days)

    def recorded_before(self, now: datetime) -> datetime:
        return now - timedelta(days=self.inbox_retention_days)


class Forgotten(NamedTuple):
    """How much was forgotten."""

    archived: int
    results: int
