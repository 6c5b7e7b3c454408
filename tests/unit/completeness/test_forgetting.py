"""What is over is forgotten, by the clock and the settings."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from services.completeness.forgetting import forget
from shared.store.errors import StoreUnavailable
from shared.store.retention import Forgotten, RetentionSettings

NOW = datetime(2026, 11, 29, 3, 15, tzinfo=UTC)


@dataclass
class Collaborators:
    retention: RetentionSettings
    is_down: bool = False
    asked: list[tuple[datetime, datetime]] = field(default_factory=list)

    def clock(self) -> datetime:
        return NOW

    async def forget_before(self, *, archived: datetime, recorded: datetime) -> Forgotten:
        if self.is_down:
            raise StoreUnavailable("no database")
        self.asked.append((archived, recorded))
        return Forgotten(3, 5)


async def test_each_kind_is_forgotten_after_its_own_days() -> None:
    all_ = Collaborators(RetentionSettings(archive_retention_days=40, inbox_retention_days=90))

    assert await forget(all_) == Forgotten(3, 5)
    assert all_.asked == [(NOW - timedelta(days=40), NOW - timedelta(days=90))]


async def test_a_night_without_the_store_forgets_nothing_and_fails_nobody() -> None:
    assert await forget(Collaborators(RetentionSettings(), is_down=True)) is None
