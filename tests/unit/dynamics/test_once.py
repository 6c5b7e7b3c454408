"""Whatever gets lost on the way, a document is booked once and only what is certain is claimed."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from shared.dynamics.odata.errors import AlreadyExists, Conflict, Refused, TryLater
from shared.dynamics.once import book_once
from shared.dynamics.ports import Booked, Failed, Posting
from shared.dynamics.service import Uncertain

WRITES = ("done", "lost before", "lost after", "deadlock", "refused", "throttled")
LOOKS = ("found", "lost", "throttled")


class Ledger:
    """Takes a document under a key; keeps a second one out only if it `is_strict`."""

    def __init__(self, writes: list[str], looks: list[str], *, is_strict: bool) -> None:
        self.documents: list[str] = []
        self._writes, self._looks = writes, looks
        self._is_strict = is_strict

    async def write(self) -> str:
        fate = self._writes.pop(0) if self._writes else "done"
        if fate == "refused":
            raise Refused("no")
        if fate == "throttled":
            raise TryLater("later")
        if fate == "deadlock":
            raise TryLater("deadlock", retry_after=_ZERO)
        if fate == "lost before":
            raise Uncertain(fate)
        if self._is_strict and self.documents:
            raise AlreadyExists("there")
        self.documents.append("ours")
        if fate == "lost after":
            raise Uncertain(fate)
        return "ours"

    async def look_up(self) -> str | None:
        fate = self._looks.pop(0) if self._looks else "found"
        if fate == "lost":
            raise Uncertain(fate)
        if fate == "throttled":
            raise TryLater("later")
        return self.documents[0] if self.documents else None

    async def book(self, *, look_first: bool) -> Posting:
        return await book_once(
            self.write,
            self.look_up,
            key=lambda document: document,
            differences=lambda document: "" if document == "ours" else "another",
            look_first=look_first,
        )


_ZERO = timedelta(0)


@given(
    st.lists(st.sampled_from(WRITES), max_size=8),
    st.lists(st.sampled_from(LOOKS), max_size=8),
    st.booleans(),
    st.integers(1, 3),
)
async def test_repeated_deliveries_book_one_document(
    writes: list[str], looks: list[str], is_strict: bool, deliveries: int
) -> None:
    ledger = Ledger(writes, looks, is_strict=is_strict)
    for _ in range(deliveries):
        posting = await ledger.book(look_first=not is_strict)
        if isinstance(posting, Booked):
            assert len(ledger.documents) == 1

    assert len(ledger.documents) <= 1


async def test_a_lost_answer_ends_in_a_look_up() -> None:
    ledger = Ledger(["lost after"], [], is_strict=False)

    assert await ledger.book(look_first=False) == Booked("ours", already_there=True)


async def test_another_document_under_the_key_is_a_conflict() -> None:
    ledger = Ledger([], [], is_strict=True)
    ledger.documents.append("theirs")
    posting = await ledger.book(look_first=False)

    assert isinstance(posting, Failed)
    assert isinstance(posting.error, Conflict)
