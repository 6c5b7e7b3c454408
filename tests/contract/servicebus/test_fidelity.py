"""The fidelity matrix and its sums in the README."""

from __future__ import annotations

from collections import Counter

from tests.contract.servicebus.fidelity import (
    HERE,
    MATRIX,
    README,
    Outcomes,
    listed,
    matrix,
    sums,
)
from tests.contract.servicebus.scenario import all_scenarios

SENTENCES = [scenario.sentence for scenario in all_scenarios().values()]


def test_the_matrix_lists_exactly_the_scenarios_there_are() -> None:
    assert listed(MATRIX.read_text()) == SENTENCES, (
        "run `python -m tests.contract.servicebus.fidelity`"
    )


def test_the_readme_sums_up_every_topic() -> None:
    topics = dict.fromkeys(scenario.topic.title for scenario in all_scenarios().values())
    assert listed(README.read_text()) == ["Scenarios that hold", *topics, "all"]


def test_every_sentence_is_said_once() -> None:
    assert len(SENTENCES) == len(set(SENTENCES))


def test_a_scenario_that_fails_is_seen_in_the_matrix_and_in_the_sum_of_its_topic() -> None:
    outcomes: Outcomes = {
        ("local", "node", name): "failed" if number == 0 else "passed"
        for number, name in enumerate(all_scenarios())
    }
    topics = Counter(scenario.topic.title for scenario in all_scenarios().values())
    first, size = next(iter(topics.items()))

    assert f"| {SENTENCES[0]} | · | · | · | ✗ | · | · |" in matrix(outcomes)
    assert f"| {first} | · | · | · | {size - 1} of {size} | · | · |" in sums(outcomes)
    assert matrix(outcomes).count(HERE) > len(SENTENCES) / 2
