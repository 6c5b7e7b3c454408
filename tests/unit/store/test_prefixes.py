from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.store.prefixes import after_all_with

CHARACTERS = st.characters(exclude_categories=["Cs"]) | st.sampled_from(
    "\x01%_\\\ud7ff\ue000\U0010fffe\U0010ffff"
)
TEXTS = st.text(CHARACTERS, max_size=4)


@given(TEXTS.filter(bool), TEXTS, TEXTS)
def test_the_range_holds_exactly_the_texts_with_the_prefix(
    prefix: str, rest: str, other: str
) -> None:
    end = after_all_with(prefix)

    for text in (prefix, prefix + rest, other):
        is_within = text >= prefix and (end is None or text < end)
        assert is_within == text.startswith(prefix)


@given(TEXTS)
def test_the_end_of_a_range_can_be_stored(prefix: str) -> None:
    (after_all_with(prefix) or "").encode()


@pytest.mark.parametrize(
    ("prefix", "end"),
    [("ab", "ac"), ("a\U0010ffff", "b"), ("\U0010ffff", None), ("\ud7ff", "\ue000"), ("", None)],
)
def test_the_last_character_that_can_be_raised_is_raised(prefix: str, end: str | None) -> None:
    assert after_all_with(prefix) == end
