"""Which dead letters a replay takes."""

from __future__ import annotations

import pytest

from infra.local.cli.dead_letters import DeadLetter
from infra.local.cli.replayed_letters import Choice


def letter(message_id: str, reason: str) -> DeadLetter:
    return DeadLetter("sale-completed", "sales", message_id, None, reason, "", None, 1, 1)


LETTERS = [letter("a", "invalid-json"), letter("b", "unknown-company"), letter("c", "invalid-json")]


@pytest.mark.parametrize(
    ("choice", "chosen"),
    [
        (Choice(), "abc"),
        (Choice(reason="invalid-json"), "ac"),
        (Choice(message_ids=("b", "c")), "bc"),
        (Choice(reason="invalid-json", message_ids=("b", "c")), "c"),
        (Choice(reason="unknown-currency"), ""),
    ],
)
def test_letters_are_chosen_by_reason_and_id(choice: Choice, chosen: str) -> None:
    assert [each.message_id for each in choice.of(LETTERS)] == list(chosen)
