"""Chains of issued certificates: whole ones hold, and no change of one goes unnoticed."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shared.store import Draft, IssuedCertificate, MemoryCertificates, StoreDay
from shared.store.certificates import canonical_json, first_break, hashed

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAYS = st.integers(1, 6).map(lambda day: date(2026, 3, day))
DRAFTS = st.builds(
    lambda day, verdict, total: Draft(
        StoreDay("usrt", "S1", day), verdict, canonical_json({"total": total, "verdict": verdict})
    ),
    DAYS,
    st.sampled_from(["balanced", "differs", "incomplete"]),
    st.integers(0, 3),
)


def _chain(drafts: list[Draft]) -> list[IssuedCertificate]:
    async def issued() -> list[IssuedCertificate]:
        certificates = MemoryCertificates()
        for minute, draft in enumerate(drafts):
            await certificates.issue([draft], NOON + timedelta(minutes=minute))
        return await certificates.chain("usrt", "S1")

    return asyncio.run(issued())


CHAINS = st.lists(DRAFTS, min_size=1, max_size=8).map(_chain)


@given(drafts=st.lists(DRAFTS, min_size=1, max_size=8))
def test_a_certificate_is_issued_exactly_when_its_day_says_something_new(
    drafts: list[Draft],
) -> None:
    chain = _chain(drafts)

    latest: dict[date, str] = {}
    expected = []
    for draft in drafts:
        day = draft.day.business_day
        if latest.get(day) != draft.content:
            expected.append((day, draft.content))
            latest[day] = draft.content
    assert [(link.business_day, link.content) for link in chain] == expected
    assert first_break(chain) is None


@given(chain=CHAINS)
def test_each_link_names_the_one_before_it_and_the_business_day_before_its_own(
    chain: list[IssuedCertificate],
) -> None:
    for place, link in enumerate(chain):
        earlier = [each for each in chain[:place] if each.business_day < link.business_day]
        last_day = max((each.business_day for each in earlier), default=None)
        named = [each.hash for each in earlier if each.business_day == last_day]
        assert link.day_before == (named[-1] if named else "0" * 64)
        assert link.previous == (chain[place - 1].hash if place else "0" * 64)
        of_day = [each for each in chain[:place] if each.business_day == link.business_day]
        assert link.revision == len(of_day) + 1


def _changed(value: Any, data: st.DataObject) -> Any:
    """Return another value of the same kind, as little different as can be."""
    if isinstance(value, str):
        place = data.draw(st.integers(0, len(value)))
        if data.draw(st.booleans()) and place < len(value):
            return value[:place] + chr(ord(value[place]) ^ 1) + value[place + 1 :]
        return value[:place] + data.draw(st.sampled_from(" 0a{")) + value[place:]
    if isinstance(value, int):
        return value + data.draw(st.sampled_from([-1, 1]))
    if isinstance(value, datetime):
        return value + timedelta(microseconds=data.draw(st.sampled_from([-1, 1])))
    return value + timedelta(days=data.draw(st.sampled_from([-1, 1])))


@given(chain=CHAINS, data=st.data())
def test_any_single_change_of_any_field_breaks_the_chain_where_it_is(
    chain: list[IssuedCertificate], data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(chain) - 1))
    name = data.draw(st.sampled_from(IssuedCertificate.__slots__))
    link = replace(chain[place], **{name: _changed(getattr(chain[place], name), data)})

    broken = first_break([*chain[:place], link, *chain[place + 1 :]])

    assert broken is not None
    assert broken.link == link


@given(chain=CHAINS, data=st.data())
def test_a_change_with_its_hash_made_anew_breaks_the_chain_after_it(
    chain: list[IssuedCertificate], data: st.DataObject
) -> None:
    """Unless it is the last: which is why the last hash is noted elsewhere."""
    place = data.draw(st.integers(0, len(chain) - 1))
    forged = hashed(replace(chain[place], content=chain[place].content + " "))

    broken = first_break([*chain[:place], forged, *chain[place + 1 :]])

    if place == len(chain) - 1:
        assert broken is None
        assert forged.hash != chain[-1].hash
    else:
        assert broken is not None
        assert broken.link == chain[place + 1]


@given(chain=CHAINS, data=st.data())
def test_a_dropped_or_moved_link_breaks_the_chain(
    chain: list[IssuedCertificate], data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(chain) - 1))
    dropped = [*chain[:place], *chain[place + 1 :]]
    moved = data.draw(st.permutations(chain))

    assert (first_break(dropped) is None) == (place == len(chain) - 1)
    assert (first_break(moved) is None) == (moved == chain)


@given(chain=CHAINS)
def test_a_link_of_another_store_belongs_to_another_chain(chain: list[IssuedCertificate]) -> None:
    stranger = hashed(replace(chain[-1], store="S2", number=len(chain) + 1, previous=chain[-1].hash,
                              revision=chain[-1].revision + 1))  # fmt: skip

    broken = first_break([*chain, stranger])

    assert broken is not None
    assert broken.sentence == "it belongs to another chain"
