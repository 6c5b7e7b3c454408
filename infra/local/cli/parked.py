"""``tillbus parked``: what waits for something to exist, and letting it go on."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Annotated

import typer
from rich.table import Table

from infra.local.cli.options import DEFAULT_DATA, Actor, AsJson, Data, StoreUrl, run
from infra.local.cli.output import add_plain_row, narrow_table, out, print_json
from infra.local.cli.stores import opened_store
from shared.clock import utc_now
from shared.erasure import OPERATORS
from shared.store import Act, ParkedKey

parked = typer.Typer(
    help="Facts that wait for something to exist.", no_args_is_help=True, rich_markup_mode=None
)


@parked.command("list")
def list_(
    subscription: Annotated[str | None, typer.Option(help="Only this subscription.")] = None,
    data: Data = DEFAULT_DATA,
    store_url: StoreUrl = None,
    as_json: AsJson = False,
) -> int:
    """List the keys that facts wait for: how many, since when, until when, and what is missing."""

    async def work() -> int:
        async with opened_store(data, store_url) as store:
            keys = await store.parking.waiting([subscription] if subscription else None)
        if as_json:
            print_json([_json(key) for key in keys])
        elif keys:
            out.print(_table(keys))
        else:
            out.print("nothing is parked")
        return 0

    return run(work)


@parked.command()
def release(
    keys: Annotated[list[str], typer.Argument(metavar="KEY...", help="As item/gbrt/10010.")],
    actor: Actor,
    data: Data = DEFAULT_DATA,
    store_url: StoreUrl = None,
    as_json: AsJson = False,
) -> int:
    """Let what waits under these keys be tried again at once; exit code 1 if nothing waits."""

    async def work() -> int:
        async with opened_store(data, store_url) as store:
            now = utc_now()
            released = {key: await store.parking.release([key], now) for key in keys}
            acts = [
                Act(now, actor, "released", key, f"{count} parked facts")
                for key, count in released.items()
                if count
            ]
            await store.audit.append(OPERATORS, acts)
        if as_json:
            print_json({"released": released})
        else:
            for key, count in released.items():
                out.print(f"{count:>8}  {key}", markup=False)
        return 0 if any(released.values()) else 1

    return run(work)


def _json(key: ParkedKey) -> dict[str, object]:
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in asdict(key).items()
    }


def _table(keys: list[ParkedKey]) -> Table:
    table = narrow_table("Parked")
    for heading in ("subscription", "waits for", "facts", "since", "until", "missing"):
        table.add_column(heading, overflow="fold")
    for each in keys:
        add_plain_row(
            table,
            each.subscription,
            each.key,
            str(each.facts),
            f"{each.oldest:%Y-%m-%d %H:%M}",
            f"{each.deadline:%Y-%m-%d %H:%M}",
            each.missing,
        )
    return table
