"""Booking changesets once, many of them in one `$batch`.

Their keys are ours, so Dynamics itself keeps a second one out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from shared.clock import Clock
from shared.dynamics.client import ODataClient
from shared.dynamics.finance_operations.worklist import Step, Unit, Worklist
from shared.dynamics.odata.errors import DynamicsError, Refused
from shared.dynamics.ports.posting import Failed, Posting

ROUNDS = 3
"""Post-and-look-up rounds within one call; what is open after them is left to the next delivery."""


class Changesets:
    """Keeps no state between calls."""

    def __init__(self, client: ODataClient, *, clock: Clock, batch_operations: int) -> None:
        self._client = client
        self._clock = clock
        self._batch_operations = batch_operations

    async def book(self, units: Sequence[Unit | Refused]) -> list[Posting]:
        """Return one posting per unit, in order; what is refused beforehand stays so.

        At most ROUNDS times two `$batch` calls per full batch."""
        postings: dict[int, Posting] = {}
        fitting: dict[int, Unit] = {}
        for index, unit in enumerate(units):
            if isinstance(unit, Refused):
                postings[index] = Failed(unit)
            elif (count := len(unit.changeset.operations)) > self._batch_operations:
                limit = self._batch_operations
                text = f"A document of {count} records exceeds the {limit} of a batch."
                postings[index] = Failed(Refused(text))
            else:
                fitting[index] = unit
        for wave in waves({index: unit.key for index, unit in fitting.items()}):
            posted = await self._book_distinct([fitting[index] for index in wave])
            postings.update(zip(wave, posted, strict=True))
        return [postings[index] for index in range(len(units))]

    async def _book_distinct(self, units: Sequence[Unit]) -> list[Posting]:
        work = Worklist(units, max_operations=self._batch_operations)
        steps = (
            (Step.POST, [each.changeset for each in units], work.posted),
            (Step.LOOK_UP, [each.look_up for each in units], work.looked_up),
        )
        try:
            for _ in range(ROUNDS):
                for step, items, take in steps:
                    for chunk in work.chunks(step):
                        answers = await self._client.batch([items[index] for index in chunk])
                        take(chunk, answers, self._clock())
                if not work:
                    break
        except DynamicsError as error:
            work.give_up(error)
        else:
            work.give_up()
        return [work.postings[index] for index in range(len(units))]


def waves(keys: Mapping[int, str]) -> Iterator[list[int]]:
    """Yield the indexes such that no key occurs twice in a wave: almost always one wave.

    A second document under a key meets the first in Dynamics and is compared with it there.
    """
    rest = list(keys)
    while rest:
        first: dict[str, int] = {}
        for index in rest:
            # Dynamics' keys do not tell upper from lower case.
            first.setdefault(keys[index].casefold(), index)
        yield list(first.values())
        chosen = set(first.values())
        rest = [index for index in rest if index not in chosen]
