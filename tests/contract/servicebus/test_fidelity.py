"""The README's fidelity matrix."""

from __future__ import annotations

from tests.contract.servicebus.fidelity import README, listed
from tests.contract.servicebus.scenario import all_scenarios


def test_the_readme_lists_exactly_the_scenarios_there_are() -> None:
    sentences = [scenario.sentence for scenario in all_scenarios().values()]
    assert listed(README.read_text()) == sentences, (
        "run `python -m tests.contract.servicebus.fidelity`"
    )


def test_every_sentence_is_said_once() -> None:
    sentences = [scenario.sentence for scenario in all_scenarios().values()]
    assert len(sentences) == len(set(sentences))
