"""``tillbus chain``: a made-up chain of stores trades on the running platform."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from infra.local.cli.options import DEFAULT_DATA, AsJson, Data, run
from infra.local.cli.output import Refused, narrow_table, out, print_json, progress, talk
from infra.local.cli.till import till_publisher
from infra.local.platform import Addresses, read_addresses
from infra.local.till.chain import (
    TROUBLES,
    BusAway,
    Doing,
    Options,
    Plan,
    Scene,
    Tally,
    play,
    timeline,
)


class Amount(StrEnum):
    """How much goes wrong: names of `TROUBLES`."""

    NONE = "none"
    SOME = "some"
    MANY = "many"


FIRST_DAY = datetime(2026, 3, 2)  # noqa: DTZ001 - a day of the calendar, no moment
TOLD_EVERY = timedelta(hours=1)
"""Of the chain's time."""


def chain(
    stores: Annotated[int, typer.Option(min=1, help="Stores, in six countries in turn.")] = 6,
    tills: Annotated[int, typer.Option(min=1, help="Tills of each store.")] = 3,
    days: Annotated[int, typer.Option(min=1, help="Business days.")] = 1,
    seed: Annotated[int, typer.Option(help="The same seed gives the same facts.")] = 7,
    speed: Annotated[
        float,
        typer.Option(min=0, help="So many times as fast as real time; 0 is as fast as possible."),
    ] = 600,
    customers: Annotated[
        int, typer.Option(min=0, max=1000, help="Customers of a till on an average day.")
    ] = 60,
    first_day: Annotated[
        datetime, typer.Option(formats=["%Y-%m-%d"], help="The first business day.")
    ] = FIRST_DAY,
    outages: Annotated[
        Amount, typer.Option(help="Lost connections, power cuts, reinstalled tills, wrong clocks.")
    ] = Amount.SOME,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> int:
    """Let a chain of stores trade: every till with an outbox that is cut off, killed and filled."""
    options = Options(
        stores=stores,
        tills=tills,
        days=days,
        seed=seed,
        first_day=first_day.date(),
        customers=customers,
        troubles=TROUBLES[outages],
    )
    return run(lambda: trade(read_addresses(data), options, speed, as_json))


async def trade(addresses: Addresses, options: Options, speed: float, as_json: bool) -> int:
    """Play the chain onto the platform's bus and print what it came to. Raises Refused."""
    plan = Plan(options)
    with tempfile.TemporaryDirectory(prefix="tillbus-chain-") as folder:
        async with till_publisher(addresses) as publisher:
            with progress("trading") as advance:
                told = _Progress(advance)
                try:
                    tally = await play(
                        plan, publisher, Path(folder), timeline(plan.begins, speed), told
                    )
                except BusAway as error:
                    raise Refused(str(error)) from error
    return report(plan, tally, as_json)


def report(plan: Plan, tally: Tally, as_json: bool) -> int:
    """Print what a plan came to; return 0, or 1 if there are facts the bus will never take."""
    if as_json:
        print_json(_json(plan, tally))
    else:
        for line in _lines(plan, tally):
            out.print(line)
    return 1 if tally.refused else 0


class _Progress:
    """Advances the bar with every fact, and says once an hour of the chain how things are."""

    def __init__(self, advance: Callable[[int], None]) -> None:
        self._advance = advance
        self._confirmed = 0
        self._next: datetime | None = None

    def __call__(self, scene: Scene) -> None:
        self._advance(scene.confirmed - self._confirmed)
        self._confirmed = scene.confirmed
        if self._next is None or scene.at >= self._next:
            self._next = scene.at.replace(minute=0, second=0, microsecond=0) + TOLD_EVERY
            talk.print(
                f"{scene.at:%a %d %b %H:%M} UTC  {scene.put:>7} facts put,"
                f" {scene.waiting:>6} waiting; tills without connection: {scene.cut_off}"
            )


def _lines(plan: Plan, tally: Tally) -> Iterable[str | Table]:
    options = plan.options
    yield (
        f"{tally.facts} facts on the bus; stores: {options.stores}, tills of each:"
        f" {options.tills}, days: {options.days}"
    )
    yield ""
    yield _counts("By topic", "topic", tally.by_topic)
    yield ""
    yield _counts("By kind", "kind", tally.by_kind)
    yield ""
    yield from _troubles(tally)


def _troubles(tally: Tally) -> Iterable[str]:
    doings = tally.doings
    yield (
        f"{doings[Doing.CUT]} times a till lost its connection: {tally.held} facts waited in"
        f" outboxes, {tally.most_held} in one at most"
    )
    if tally.held:
        yield (
            f"  half of them up to {_spelled(tally.median_wait)}, the longest"
            f" {_spelled(tally.longest_wait)}; {tally.late} came late, in the backfill lane"
        )
    yield (
        f"{doings[Doing.ON]} times a till was off: {tally.by_kind['counter-reset']} were installed"
        f" anew, {tally.put - tally.facts - tally.refused} facts were put once more to be safe"
    )
    if tally.failed_attempts:
        yield f"{tally.failed_attempts} uploads failed and were made again"
    if tally.refused:
        yield f"{tally.refused} facts the bus will never take"


def _counts(title: str, what: str, counts: dict[str, int]) -> Table:
    table = narrow_table(title)
    table.add_column("facts", justify="right")
    table.add_column(what)
    for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        table.add_row(str(count), name)
    return table


def _spelled(how_long: timedelta) -> str:
    minutes = round(how_long.total_seconds() / 60)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"


def _json(plan: Plan, tally: Tally) -> dict[str, object]:
    options, doings = plan.options, tally.doings
    return {
        "stores": [site.name for site in plan.sites],
        "tills": len(plan.clocks),
        "days": options.days,
        "seed": options.seed,
        "facts": tally.facts,
        "by_topic": dict(sorted(tally.by_topic.items())),
        "by_kind": dict(sorted(tally.by_kind.items())),
        "waited": {
            "facts": tally.held,
            "most_in_one_outbox": tally.most_held,
            "median_seconds": round(tally.median_wait.total_seconds()),
            "longest_seconds": round(tally.longest_wait.total_seconds()),
        },
        "late": tally.late,
        "connections_lost": doings[Doing.CUT],
        "times_off": doings[Doing.ON],
        "put_again": tally.put - tally.facts - tally.refused,
        "failed_attempts": tally.failed_attempts,
        "refused": tally.refused,
    }
