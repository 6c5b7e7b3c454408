"""``tillbus replay`` and ``tillbus publish``: facts from a file or a generator onto the bus."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from pathlib import Path

from infra.local.cli.outboxes import upload_through
from infra.local.cli.output import Refused, out, print_json, progress
from infra.local.cli.till import till_publisher
from infra.local.platform import Addresses
from infra.local.till.baskets import STORES, TradingDay
from infra.local.till.online_retail import ReplayReport, UnreadableFile, read_facts
from infra.local.till.publish import Published, publish
from shared.bus import Publisher, PublishFailed
from shared.events import Event, Fact, InvalidEvent, decode

GENERATED_DAY = date(2026, 3, 2)
"""Business day of generated sales; fixed, so that the same seed publishes the same ids."""


async def replay_file(
    addresses: Addresses, path: Path, invoices: int | None, outbox: Path | None, as_json: bool
) -> int:
    """Publish a file of real transactions and account for every row of it.

    With an `outbox` every fact is on disk before any is sent: killed at any moment, the same
    command goes on where it was.
    """
    try:
        facts = read_facts(path, invoices=invoices)
        if outbox is None:
            published = await _publish(addresses, facts, f"replaying {path.name}")
        else:
            published = await upload_through(outbox, addresses, facts, f"replaying {path.name}")
    except UnreadableFile as error:
        raise Refused(str(error)) from error
    if as_json:
        print_json({"published": _published_json(published), "file": _report_json(facts.report)})
        return 0
    report = facts.report
    out.print(
        f"published {published.facts} facts: {report.sales} sales of {report.sales_amount},"
        f" {report.returns} returns of {report.returns_amount},"
        f" {report.days_closed} store-days closed"
    )
    out.print(f"{report.rows_read} rows of {report.invoices} invoices, by what became of them:")
    for rule, rows in sorted(report.rows_by_rule.items(), key=lambda item: -item[1]):
        out.print(f"  {rows:>8}  {rule}")
    return 0


async def publish_generated(
    addresses: Addresses, transactions: int, seed: int, rate: float | None, as_json: bool
) -> int:
    """Publish generated baskets of several stores, each store-day closed at its end."""
    per_store = -(-transactions // len(STORES))
    day = TradingDay(seed, STORES, GENERATED_DAY, transactions_per_store=per_store)
    published = await _publish(addresses, day, "publishing", rate)
    _report(published, as_json)
    return 0


async def publish_file(addresses: Addresses, path: Path, as_json: bool) -> int:
    """Publish CloudEvents, one JSON document a line; nothing is sent if one of them is refused."""
    events = list(_read_events(path))
    if events:
        async with till_publisher(addresses) as publisher:
            try:
                await publisher.publish(events)
            except PublishFailed as error:
                raise Refused(str(error)) from error
    published = Published(facts=len(events))
    published.by_topic.update(event.data.TOPIC for event in events)
    _report(published, as_json)
    return 0


def _read_events(path: Path) -> Iterator[Event[Fact]]:
    with sys.stdin.buffer if str(path) == "-" else path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                try:
                    yield decode(line)
                except InvalidEvent as error:
                    raise Refused(f"line {number}: {error.reason}: {error.detail}") from error


async def _publish(
    addresses: Addresses, facts: Iterable[Fact], what: str, rate: float | None = None
) -> Published:
    async with till_publisher(addresses) as publisher:
        with progress(what) as advance:
            return await _send(publisher, facts, rate, advance)


async def _send(
    publisher: Publisher, facts: Iterable[Fact], rate: float | None, advance: Callable[[int], None]
) -> Published:
    done = 0

    def told(total: int) -> None:
        nonlocal done
        advance(total - done)
        done = total

    try:
        return await publish(facts, publisher, rate_per_second=rate, progress=told)
    except PublishFailed as error:
        raise Refused(str(error)) from error


def _report(published: Published, as_json: bool) -> None:
    if as_json:
        print_json(_published_json(published))
        return
    for topic, facts in sorted(published.by_topic.items()):
        out.print(f"  {facts:>8}  {topic}")
    if not published.facts:
        out.print("0 events published")


def _published_json(published: Published) -> dict[str, object]:
    return {
        "facts": published.facts,
        "by_topic": dict(published.by_topic),
        "repeated_sends": published.repeated_sends,
    }


def _report_json(report: ReplayReport) -> dict[str, object]:
    return {
        "invoices": report.invoices,
        "rows_read": report.rows_read,
        "rows_by_rule": dict(report.rows_by_rule),
        "excluded_by_rule": report.excluded_by_rule,
        "notes": dict(report.notes),
        "sales": report.sales,
        "sales_amount": str(report.sales_amount),
        "returns": report.returns,
        "returns_amount": str(report.returns_amount),
        "days_closed": report.days_closed,
    }
