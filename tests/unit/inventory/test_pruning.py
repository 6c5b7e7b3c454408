"""Forgetting: what no count can ask for is gone, everything else stays."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.inventory.mapping import document
from services.inventory.positions import MOVEMENT, Moved, MovementRow, place_at, rows_of
from services.inventory.pruning import forgotten, prune
from shared.store.records import MemoryRecords
from tests.unit.inventory.facts import COMPANIES, NOW, adjusted

HORIZON = timedelta(days=35)
DAYS = st.integers(-60, 0)
MOVEMENTS = st.lists(
    st.tuples(st.sampled_from(["W1", "W10", "W2"]), DAYS, DAYS, st.sampled_from(Moved))
)


def moved(number: int, store: str, observed: datetime) -> MovementRow:
    fact = adjusted(f"D{number}", 1, store=store, observed_at=observed)
    [row] = rows_of(document(fact, COMPANIES["usrt"]).lines[0])  # type: ignore[arg-type]
    return row


@given(MOVEMENTS)
async def test_settled_movements_observed_and_written_long_ago_are_forgotten_and_no_others(
    movements: list[tuple[str, int, int, Moved]],
) -> None:
    records = MemoryRecords()
    kept = set()
    missing: dict[str, datetime] = {}
    for number, (store, observed, written, state) in enumerate(movements):
        row = moved(number, store, NOW + timedelta(days=observed)).next(state)
        await records.write([row.record(NOW + timedelta(days=written))])
        settled = state in (Moved.SENT, Moved.ABSORBED)
        if settled and observed <= -HORIZON.days > written:
            place = place_at(row.change)
            missing[place] = max(missing.get(place, row.change.at), row.change.at)
        else:
            kept.add(row.key)
    deleted = await prune(records, NOW, HORIZON)
    assert {each.key for each in await records.find(MOVEMENT)} == kept
    assert deleted == len(movements) - len(kept)
    places = [f"usrt/S1/{store}/" for store in ("W1", "W10", "W2")]
    assert await forgotten(records, places) == missing


async def test_a_place_with_many_movements_is_forgotten_page_by_page() -> None:
    records = MemoryRecords()
    long_ago = NOW - timedelta(days=50)
    for number in range(2300):
        row = moved(number, "W1", long_ago + timedelta(seconds=number)).next(Moved.SENT)
        await records.write([row.record(long_ago)])
    assert await prune(records, NOW, HORIZON) == 2300


async def test_forgetting_twice_forgets_no_less() -> None:
    records = MemoryRecords()
    for days in (50, 60):
        at = NOW - timedelta(days=days)
        await records.write([moved(days, "W1", at).next(Moved.SENT).record(at)])
        await prune(records, NOW, HORIZON)
    assert await forgotten(records, ["usrt/S1/W1/"]) == {"usrt/S1/W1/": NOW - timedelta(days=50)}
