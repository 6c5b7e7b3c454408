"""Run many seeds, or repeat one: `python -m tests.simulation.chain --seeds 1:1000`.

Exit code 0 when every run came to rest with nothing wrong. A failing seed is run again with fewer
and fewer strikes; what is left is printed with the command that repeats it.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack

from tests.simulation.chain.hazards import Strike
from tests.simulation.chain.run import Plan, Result, Simulation, simulation
from tests.simulation.chain.shrinking import shortest

MOST_SHRINKING_RUNS = 150
MOST_TOLD = 12


def main(argv: Sequence[str] | None = None) -> int:
    """Return 0, or 1 when a seed failed."""
    chosen = _parser().parse_args(argv)
    logging.disable(logging.NOTSET if chosen.verbose else logging.CRITICAL)
    if chosen.strikes is not None:
        with simulation() as one:
            result = one.run(Plan(chosen.seeds[0], chosen.per_store, strikes=chosen.strikes))
        print(*result.told, *result.failures, sep="\n")
        return 1 if result.failures else 0
    return _run_all(chosen.seeds, chosen.per_store, chosen.jobs)


def _run_all(seeds: Sequence[int], per_store: int, jobs: int) -> int:
    started, failed, points, strikes, deaths = time.monotonic(), 0, 0, 0, 0
    for result in _results([Plan(seed, per_store) for seed in seeds], jobs):
        points += result.points
        strikes += len(result.struck)
        deaths += result.deaths
        if result.failures:
            failed += 1
            print(report(result), flush=True)
    seconds = time.monotonic() - started
    print(
        f"{len(seeds)} seeds, {failed} failed: {points} side effects, {strikes} strikes, "
        f"{deaths} workers died, in {seconds:.0f} s"
    )
    return 1 if failed else 0


def _results(plans: Sequence[Plan], jobs: int) -> Iterator[Result]:
    if jobs == 1:
        with simulation() as one:
            yield from map(one.run, plans)
        return
    with ProcessPoolExecutor(jobs, initializer=_open, initargs=(logging.root.manager.disable,)) as (
        pool
    ):
        yield from pool.map(_run, plans, chunksize=4)


_opened: list[Simulation] = []
_kept = ExitStack()


def _open(quiet: int) -> None:
    logging.disable(quiet)
    _opened.append(_kept.enter_context(simulation()))


def _run(plan: Plan) -> Result:
    return _opened[0].run(plan)


def report(result: Result) -> str:
    """Return what went wrong, the shortest schedule found, and the command that repeats it."""
    plan = result.plan
    with simulation() as one:

        def fails(strikes: Iterable[tuple[int, Strike]]) -> bool:
            again = Plan(plan.seed, plan.per_store, plan.instances, tuple(strikes))
            return bool(one.run(again).failures)

        kept = shortest(list(result.struck.items()), fails, MOST_SHRINKING_RUNS)
        least = one.run(Plan(plan.seed, plan.per_store, plan.instances, tuple(kept)))
    failures = least.failures or result.failures
    told = ",".join(f"{point}:{strike}" for point, strike in kept)
    command = f"--seeds {plan.seed} --per-store {plan.per_store} --strikes '{told}'"
    return "\n".join(
        [
            f"seed {plan.seed} fails, with {len(kept)} of {len(result.struck)} strikes:",
            *(f"  {line}" for line in least.told),
            *(f"  -> {failure}" for failure in failures[:MOST_TOLD]),
            *([f"  -> and {len(failures) - MOST_TOLD} more"] if failures[MOST_TOLD:] else []),
            f"repeat: python -m tests.simulation.chain {command}",
        ]
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.chain", description=__doc__)
    parser.add_argument("--seeds", type=_seeds, default=range(1, 101), help="N or FIRST:BEYOND")
    parser.add_argument("--per-store", type=int, default=Plan.per_store, help="transactions")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--strikes", type=_strikes, help="POINT:KIND,… instead of the seed's own")
    parser.add_argument("--verbose", action="store_true", help="with the services' logs")
    return parser


def _seeds(text: str) -> range:
    first, _, beyond = text.partition(":")
    return range(int(first), int(beyond) if beyond else int(first) + 1)


def _strikes(text: str) -> tuple[tuple[int, Strike], ...]:
    pairs = (each.partition(":") for each in text.split(",") if each)
    return tuple((int(point), Strike(kind)) for point, _, kind in pairs)


if __name__ == "__main__":
    sys.exit(main())
