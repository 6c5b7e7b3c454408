"""The chain under seeded faults: two hundred seeds here, any number by `make simulate`."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pytest

from shared.bus import Publisher
from shared.events import DocumentPosted, Event, SaleCompleted
from tests.simulation.chain.__main__ import report
from tests.simulation.chain.bus import SimulatedBus
from tests.simulation.chain.run import Plan, Simulation, simulation
from tests.simulation.chain.shrinking import shortest
from tests.simulation.chain.tills import facts_of

SEEDS, TOGETHER = 200, 20

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def chain() -> Iterator[Simulation]:
    # Each strike is logged by whom it hits; a run that fails tells its strikes itself.
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    with simulation() as opened:
        yield opened
    logging.disable(before)


class _Seeds:
    first: int

    def test_whatever_strikes_every_fact_has_its_effects_once_and_the_books_balance(
        self, chain: Simulation
    ) -> None:
        for seed in range(self.first, self.first + TOGETHER):
            result = chain.run(Plan(seed))
            if result.failures:
                pytest.fail(report(result))
            assert result.struck, "a run in which nothing goes wrong proves nothing"


# Classes, because pytest-xdist hands whole classes out: no process is left with all the seeds.
globals().update(
    {
        f"TestSeedsFrom{first}": type(f"TestSeedsFrom{first}", (_Seeds,), {"first": first})
        for first in range(1, SEEDS, TOGETHER)
    }
)


def test_the_same_seed_gives_the_same_history(chain: Simulation) -> None:
    first, second = chain.run(Plan(5)), chain.run(Plan(5))

    assert first.told == second.told
    assert (first.points, first.virtual_seconds) == (second.points, second.virtual_seconds)


def test_a_run_is_repeated_by_its_strikes(chain: Simulation) -> None:
    first = chain.run(Plan(5))

    again = chain.run(Plan(5, strikes=tuple(first.struck.items())))

    assert again.told == first.told


def test_a_message_that_is_lost_is_noticed(
    chain: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = SimulatedBus.send
    sale = next(fact for fact in facts_of(1, Plan.per_store) if isinstance(fact, SaleCompleted))
    lost = str(sale.event_id).encode()

    async def losing(bus: SimulatedBus, topic: str, payloads: Sequence[bytes]) -> None:
        await send(bus, topic, [each for each in payloads if lost not in each])

    monkeypatch.setattr(SimulatedBus, "send", losing)

    failures = chain.run(Plan(1, strikes=())).failures

    assert any(each.startswith(f"{sale.key} has 0 documents") for each in failures)
    assert any(each.startswith("certificate") for each in failures)


def test_a_document_that_nobody_is_told_of_is_noticed(
    chain: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish, seen = Publisher.publish, 0

    async def forgetful(publisher: Publisher, events: Iterable[Event[Any]]) -> None:
        nonlocal seen
        told = []
        for event in events:
            seen += isinstance(event.data, DocumentPosted)
            told += [] if isinstance(event.data, DocumentPosted) and seen == 3 else [event]
        await publish(publisher, told)

    monkeypatch.setattr(Publisher, "publish", forgetful)

    (failure,) = chain.run(Plan(1, strikes=())).failures

    assert "without a document" in failure


@pytest.mark.parametrize("guilty", [{7}, {3, 41}, set(), set(range(0, 100, 9))])
def test_the_shortest_list_of_strikes_is_what_the_failure_needs(guilty: set[int]) -> None:
    left = shortest(range(100), lambda items: guilty <= set(items), most_runs=10_000)

    assert set(left) == guilty
