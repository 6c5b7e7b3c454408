from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.store import Act, AuditEntry, entry_hash, first_break
from shared.store.audit import FIRST_HASH, chained

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ACT = Act(NOON, "services", "booked", "gbrt/LONDON/2026-03-01/T1/17", "finance-operations/X/é 1.00")
TEXTS = st.text(max_size=5)
ACTS = st.builds(Act, st.datetimes(timezones=st.just(UTC)), TEXTS, TEXTS, TEXTS, TEXTS)


def test_an_auditor_can_compute_the_hash_with_any_json_and_sha_256() -> None:
    content = (
        '["ledger",17,"2026-03-01T12:00:00.000000+00:00","services","booked",'
        f'"gbrt/LONDON/2026-03-01/T1/17","finance-operations/X/é 1.00","{FIRST_HASH}"]'
    )

    expected = hashlib.sha256(content.encode()).hexdigest()
    assert entry_hash("ledger", 17, ACT, FIRST_HASH) == expected


def test_the_same_moment_in_another_zone_has_the_same_hash() -> None:
    elsewhere = replace(ACT, at=NOON.astimezone(timezone(timedelta(hours=4))))

    assert entry_hash("ledger", 1, elsewhere, "") == entry_hash("ledger", 1, ACT, "")


@given(st.lists(ACTS, max_size=5), st.lists(ACTS, max_size=5))
def test_a_chain_written_in_parts_is_whole(first: list[Act], second: list[Act]) -> None:
    begun = chained("a", None, first)
    continued = chained("a", begun[-1] if begun else None, second)

    assert first_break(begun + continued) is None
    assert begun + continued == chained("a", None, first + second)


CHAIN = chained("a", None, [replace(ACT, detail=str(number)) for number in range(5)])


@pytest.mark.parametrize(
    ("tampered", "found"),
    [
        (
            [*CHAIN[:2], replace(CHAIN[2], act=replace(CHAIN[2].act, detail="x")), *CHAIN[3:]],
            CHAIN[2].number,
        ),
        ([*CHAIN[:1], *CHAIN[2:]], 3),
        (CHAIN[1:], 2),
        ([*CHAIN[:3], CHAIN[4], CHAIN[3]], 5),
        ([*CHAIN[:3], CHAIN[2], *CHAIN[3:]], 3),
        ([replace(CHAIN[0], previous="f" * 64), *CHAIN[1:]], 1),
        ([*chained("b", None, [ACT]), *CHAIN[1:]], 2),
    ],
    ids=["changed", "one taken out", "begun later", "swapped", "doubled", "re-rooted", "foreign"],
)
def test_whatever_is_done_to_a_chain_the_first_entry_that_does_not_follow_is_named(
    tampered: list[AuditEntry], found: int
) -> None:
    broken = first_break(tampered)

    assert broken is not None
    assert broken.number == found


def test_a_change_that_rewrites_its_own_hash_is_found_at_the_next_entry() -> None:
    act = replace(CHAIN[1].act, detail="rewritten")
    forged = replace(CHAIN[1], act=act, hash=entry_hash("a", 2, act, CHAIN[1].previous))

    broken = first_break([CHAIN[0], forged, *CHAIN[2:]])

    assert broken == CHAIN[2]
