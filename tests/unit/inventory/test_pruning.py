"""Forgetting: what no count can ask for is gone, everything else stays."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.inventory.mapping import document
from services.inventory.positions import MOVEMENT, Moved, rows_of
from services.inventory.pruning import MARGIN, prune
from shared.store.records import MemoryRecords
from tests.unit.inventory.facts import COMPANIES, NOW, adjusted

HORIZON = timedelta(days=35)
MOVEMENTS = st.lists(
    st.tuples(st.sampled_from(["W1", "W10", "W2"]), st.integers(-60, 0), st.sampled_from(Moved))
)


@given(MOVEMENTS)
async def test_settled_movements_older_than_any_count_taken_are_forgotten(
    movements: list[tuple[str, int, Moved]],
) -> None:
    records = MemoryRecords()
    kept = set()
    for number, (store, days, state) in enumerate(movements):
        observed = NOW + timedelta(days=days)
        fact = adjusted(f"D{number}", 1, store=store, observed_at=observed)
        [row] = rows_of(document(fact, COMPANIES["usrt"]).lines[0])  # type: ignore[arg-type]
        await records.write([row.next(state).record()])
        settled = state in (Moved.SENT, Moved.ABSORBED)
        if observed >= NOW - HORIZON - MARGIN or not settled:
            kept.add(row.key)
    deleted = await prune(records, NOW, HORIZON)
    assert {each.key for each in await records.find(MOVEMENT)} == kept
    assert deleted == len(movements) - len(kept)


async def test_a_place_with_many_movements_is_forgotten_page_by_page() -> None:
    records = MemoryRecords()
    for number in range(2300):
        observed = NOW - timedelta(days=50) + timedelta(seconds=number)
        fact = adjusted(f"D{number}", 1, observed_at=observed)
        [row] = rows_of(document(fact, COMPANIES["usrt"]).lines[0])  # type: ignore[arg-type]
        await records.write([row.next(Moved.SENT).record()])
    assert await prune(records, NOW, HORIZON) == 2300
