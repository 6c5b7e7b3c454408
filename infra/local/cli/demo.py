"""``tillbus demo``: a platform of its own, a day on it, and what an auditor would want to see."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.local.cli.certificates import (
    BALANCED,
    certificate_table,
    fetch_certificates,
    remarks,
    verdict,
)
from infra.local.cli.dead_letters import DeadLetter, dead_letter_table, dead_letters
from infra.local.cli.output import Refused, out, print_json, talk
from infra.local.cli.till import till_publisher
from infra.local.cli.traces import draw_trace, find_trace
from infra.local.demo import DemoDay, Ending, Story, plan_day
from infra.local.platform import Addresses, Platform, PlatformOptions
from shared.clock import utc_now

# A day is compressed into seconds, so the waits between attempts are too.
SETTINGS = {"RETRY_DELAYS": "PT1S,PT2S,PT4S,PT8S,PT16S"}

TRACE_TRIES = 20
"""The exporter sends every second; the last spans arrive a little after the last document."""


async def run_demo(seed: int, as_json: bool) -> int:
    """Return 0 if all store-days balance, tills and ledger agree, each poison has its reason."""
    started = time.monotonic()
    day = plan_day(seed, utc_now)

    def tell(what: str) -> None:
        talk.print(f"[{time.monotonic() - started:5.1f} s] {what}", markup=False)

    with tempfile.TemporaryDirectory(prefix="tillbus-demo-") as folder:
        tell("starting Service Bus, Dynamics, Application Insights and the Functions host")
        async with Platform(PlatformOptions(Path(folder), settings=SETTINGS)) as platform:
            addresses = platform.addresses
            ending = await _play(addresses, day, tell)
            letters = await dead_letters(addresses)
            trace = await _trace(addresses, day)
            tell("the day is over")
    report = _Report(
        ending,
        letters,
        trace,
        [*ending.differences, *_wrong_letters(day, letters)],
        round(time.monotonic() - started, 1),
    )
    if as_json:
        print_json(_document(report))
    else:
        _print(report)
    return 0 if report.balances else 1


@dataclass(frozen=True)
class _Report:
    """What the day came to; `faults` is empty when nothing is wrong."""

    ending: Ending
    letters: Sequence[DeadLetter]
    trace: dict[str, Any]
    faults: Sequence[str]
    seconds: float

    @property
    def balances(self) -> bool:
        return verdict(self.ending.certificates) == BALANCED and not self.faults


async def _play(addresses: Addresses, day: DemoDay, tell: Any) -> Ending:
    async def certificates() -> Sequence[Mapping[str, Any]]:
        document = await fetch_certificates(addresses, None, None, None)
        found: Sequence[Mapping[str, Any]] = document["certificates"]
        return found

    async with till_publisher(addresses) as publisher:
        return await Story(addresses, day, publisher, certificates, tell).play()


async def _trace(addresses: Addresses, day: DemoDay) -> dict[str, Any]:
    """Return the trace of the day's last sale, complete to the certificate's own witness."""
    key = str(day.evening[-1].key)
    trace: dict[str, Any] = {}
    for _ in range(TRACE_TRIES):
        with contextlib.suppress(Refused):
            trace = await find_trace(addresses, key)
        if "process document-posted" in str(trace):
            break
        await asyncio.sleep(0.5)
    return trace


def _wrong_letters(day: DemoDay, letters: Sequence[DeadLetter]) -> list[str]:
    """Return what is in the dead-letter queue and should not be, and the reverse."""
    expected = {poison.message_id: str(poison.reason) for poison in day.poison}
    found = {letter.message_id: letter.reason for letter in letters}
    return [
        f"dead letter {message_id}: {found.get(message_id)} instead of {expected.get(message_id)}"
        for message_id in sorted(expected.keys() | found.keys())
        if expected.get(message_id) != found.get(message_id)
    ]


def _print(report: _Report) -> None:
    ending = report.ending
    out.print()
    out.print(certificate_table(ending.certificates))
    for remark in remarks(ending.certificates):
        out.print(remark)
    out.print()
    out.print(dead_letter_table(report.letters))
    out.print()
    if report.trace:
        out.print("One sale from till to ledger", style="italic")
        out.print(draw_trace(report.trace))
        out.print()
    out.print(
        f"{ending.ledger['count']} documents in Dynamics by"
        f" {ending.requests.get('batch', 0)} $batch calls, {report.seconds} s"
    )
    for fault in report.faults:
        out.print(f"  {fault}", style="red")
    if report.balances:
        out.print("The books balance.", style="bold green")
    else:
        out.print("THE BOOKS DO NOT BALANCE.", style="bold red")


def _document(report: _Report) -> dict[str, object]:
    return {
        "balances": report.balances,
        "differences": list(report.faults),
        "certificates": list(report.ending.certificates),
        "dead_letters": [letter.json() for letter in report.letters],
        "trace": report.trace,
        "ledger": report.ending.ledger,
        "requests": report.ending.requests,
        "seconds": report.seconds,
    }
