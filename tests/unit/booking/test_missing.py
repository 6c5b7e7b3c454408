"""Which of the records a document refers to is the one that Dynamics says is missing."""

from __future__ import annotations

import pytest

from shared.booking import missing_key
from shared.dynamics import MissingParent

CANDIDATES = {"item/gbrt/1001": "1001", "item/gbrt/10010": "10010", "customer/gbrt/C-1": "C-1"}


@pytest.mark.parametrize(
    ("said", "key"),
    [
        ("Item 10010 does not exist", "item/gbrt/10010"),
        ("Item '1001' does not exist", "item/gbrt/1001"),
        ("The customer C-1 is unknown", "customer/gbrt/C-1"),
        ("The customer C-10 is unknown", "store/gbrt/LONDON"),
        ("X-1001 does not exist", "store/gbrt/LONDON"),
        ("Something does not exist", "store/gbrt/LONDON"),
    ],
)
def test_the_record_named_in_the_sentence_is_the_one_waited_for(said: str, key: str) -> None:
    assert missing_key(MissingParent(said), CANDIDATES, "store/gbrt/LONDON") == key


def test_a_candidate_without_a_name_is_never_it() -> None:
    error = MissingParent("Item 10010 does not exist")

    assert missing_key(error, {"item/gbrt/": ""}, "store/gbrt/LONDON") == "store/gbrt/LONDON"
