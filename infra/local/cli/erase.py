"""``tillbus erase``: a customer out of the store and the dead-letter queues."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from azure.servicebus.aio import ServiceBusClient

from infra.local.cli.erased_letters import (
    Letter,
    letters_about,
    letters_about_anybody,
    take_out_erased,
)
from infra.local.cli.options import DEFAULT_DATA, Actor, AsJson, Data, StoreUrl, run
from infra.local.cli.output import out, print_json
from infra.local.cli.stores import opened_store
from infra.local.platform import Addresses, read_addresses
from shared.clock import utc_now
from shared.erasure import OPERATORS, ErasureReport, erase, find, subject_of
from shared.events import EFFECTS
from shared.store import Act, Store


def command(
    company: Annotated[str, typer.Argument(help="Company as in the facts.")],
    customer: Annotated[str, typer.Argument(help="Customer number, or card:LOYALTY-CARD.")],
    actor: Actor,
    yes: Annotated[bool, typer.Option("--yes", help="Erase; without it nothing changes.")] = False,
    data: Data = DEFAULT_DATA,
    store_url: StoreUrl = None,
    as_json: AsJson = False,
) -> int:
    """Erase a customer: archive, parked facts, records, dead letters. Shows what, unless --yes.

    Articles and amounts stay, because the books need them. Loyalty cards and orders of the customer
    are followed. Not touched: Dynamics itself, and facts still on their way; erase again later.
    """
    person = f"{company}/{customer}"
    addresses = read_addresses(data)
    return run(lambda: _erase(addresses, data, store_url, person, actor if yes else None, as_json))


async def _erase(
    addresses: Addresses,
    data: Path,
    store_url: str | None,
    person: str,
    actor: str | None,
    as_json: bool,
) -> int:
    """Report what is known of a person; erase it where somebody, `actor`, says so."""
    async with (
        opened_store(data, store_url) as store,
        ServiceBusClient.from_connection_string(addresses.servicebus_connection_string) as client,
    ):
        letters = await letters_about_anybody(client)
        found = await find(
            [person],
            archive=store.archive,
            parking=store.parking,
            records=store.records,
            elsewhere=[letter.persons for letter in letters],
        )
        theirs = letters_about(letters, found.persons)
        by_queue = Counter("/".join(letter.queue) for letter in theirs)
        if actor is None:
            _print(ErasureReport.of(person, found), by_queue, 0, as_json, done=False)
            return 0
        taken = await _take_out(client, theirs, store, person, actor)
        report = await _erase_from(store, person, actor, found.persons - {person})
    _print(report, by_queue, len(theirs) - taken, as_json, done=True)
    return 0 if taken == len(theirs) else 1


async def _take_out(
    client: ServiceBusClient, letters: list[Letter], store: Store, person: str, actor: str
) -> int:
    """Take the letters out before the store forgets whose cards and orders they name."""
    if not letters:
        return 0
    what = f"{len(letters)} dead letters"
    act = Act(utc_now(), actor, "erasure ordered", subject_of(person), what)
    await store.audit.append(OPERATORS, [act])
    return await take_out_erased(client, letters, store.records, utc_now)


async def _erase_from(
    store: Store, person: str, actor: str, links: Collection[str]
) -> ErasureReport:
    return await erase(
        person,
        archive=store.archive,
        parking=store.parking,
        records=store.records,
        audit=store.audit,
        actor=actor,
        clock=utc_now,
        inboxes=[store.inbox(effect) for effect in EFFECTS],
        links=links,
    )


def _print(
    report: ErasureReport, letters: Mapping[str, int], left: int, as_json: bool, *, done: bool
) -> None:
    if as_json:
        print_json(
            asdict(report)
            | {"dead_letters": dict(letters), "dead_letters_left": left, "erased": done}
        )
        return
    for name, count in (
        ("archived facts", report.archived),
        ("parked facts", report.parked),
        ("records", report.records),
        ("dead letters", sum(letters.values())),
    ):
        out.print(f"{count:>8}  {name}")
    for queue, count in sorted(letters.items()):
        out.print(f"{'':8}  {count} of {queue}", markup=False)
    out.print(f"{report.links} cards and orders were followed")
    if left:
        out.print(f"{left} dead letters are held by somebody else: erase again")
    out.print(f"erased, as {report.subject}" if done else "nothing was changed; --yes erases")
