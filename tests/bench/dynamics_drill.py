"""The ambiguous-timeout drill of every adapter: `python -m tests.bench.dynamics_drill [NAME ...]`.

Writes over connections of which 5 % break before and 5 % after commit (seeded), and compares with
what the simulator has then. Prints one line per drill; duplicates and lost must be 0.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import time
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from tests.dynamics_drill import Drill, run

_CONTRACT = Path(__file__).resolve().parents[1] / "contract"


def drills() -> list[Drill]:
    """Return the drills of all products, by product."""
    return [
        drill
        for file in sorted(_CONTRACT.glob("dynamics*/drills.py"))
        for drill in import_module(f"tests.contract.{file.parent.name}.drills").DRILLS
    ]


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", nargs="*", help="drills whose names contain this; default: all")
    parser.add_argument("--writes", type=int, default=10_000)
    arguments = parser.parse_args(argv)
    for talkative in ("tillbus", "uvicorn"):  # a broken connection is no news here
        logging.getLogger(talkative).setLevel(logging.CRITICAL)
    for drill in drills():
        if arguments.name and not any(name in drill.name for name in arguments.name):
            continue
        started = time.perf_counter()
        outcome = asyncio.run(run(drill, arguments.writes))
        print(
            f"dynamics-drill name={drill.name.replace(' ', '-')} writes={outcome.writes} "
            f"dropped_before={outcome.dropped_before} dropped_after={outcome.dropped_after} "
            f"deliveries={outcome.deliveries} failed={outcome.failed} "
            f"duplicates={outcome.duplicates} lost={outcome.lost} "
            f"seconds={time.perf_counter() - started:.0f}",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
