"""Claims keep two instances from booking one key at the same time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from shared.dynamics import TryLater
from shared.dynamics.claims import LEASE, Claims
from shared.store.notes import MemoryNotes


async def test_a_key_is_held_by_one_instance_until_it_lets_go_or_dies() -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    notes = MemoryNotes()
    one, two = (Claims("env", lambda: now, notes) for _ in range(2))
    async with one.held("K"):
        with pytest.raises(TryLater):
            async with two.held("K"):
                pass
        async with two.held("other"):
            pass
    async with two.held("K"):
        pass
    await one.renew("K")
    now += LEASE + timedelta(seconds=1)
    async with two.held("K"):
        pass
