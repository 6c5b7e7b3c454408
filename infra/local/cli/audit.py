"""``tillbus audit``: who did what, and whether anybody has changed it since."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated

import typer
from rich.table import Table

from infra.local.cli.options import DEFAULT_DATA, AsJson, Data, StoreUrl, run
from infra.local.cli.output import add_plain_row, narrow_table, out, print_json
from infra.local.cli.stores import opened_store
from shared.store import Audit, AuditEntry, first_break

audit = typer.Typer(help="Who did what.", no_args_is_help=True, rich_markup_mode=None)

_PAGE = 1000

Chains = Annotated[
    list[str] | None, typer.Argument(metavar="[CHAIN]...", help="Only these, for example ledger.")
]


@dataclass(frozen=True)
class ChainVerdict:
    """What reading a whole chain has shown."""

    chain: str
    entries: int
    """How many follow from those before, from the first on."""
    newest: str
    """Hash of the last of them; note it elsewhere, and a chain that is cut off later shows."""
    broken_at: int | None
    """Number of the first entry that does not follow."""


@audit.command()
def verify(
    chains: Chains = None,
    noted: Annotated[
        list[str] | None,
        typer.Option(metavar="CHAIN:NUMBER:HASH", help="A hash noted earlier that must be there."),
    ] = None,
    data: Data = DEFAULT_DATA,
    store_url: StoreUrl = None,
    as_json: AsJson = False,
) -> int:
    """Compute every hash again; exit code 1 if an entry was changed, taken out or put in."""
    expected = [_noted(each) for each in noted or ()]

    async def work() -> int:
        async with opened_store(data, store_url) as store:
            names = chains or await store.audit.chains()
            verdicts = [await verdict(store.audit, name) for name in names]
            missing = [each for each in expected if not await _is_there(store.audit, *each)]
        if as_json:
            lost = [f"{chain}:{number}:{hash_}" for chain, number, hash_ in missing]
            print_json({"chains": [asdict(each) for each in verdicts], "noted_missing": lost})
        else:
            out.print(_verdict_table(verdicts))
            for chain, number, _ in missing:
                out.print(f"entry {number} of {chain} is not what was noted", markup=False)
        is_whole = not missing and all(each.broken_at is None for each in verdicts)
        return 0 if is_whole else 1

    return run(work)


@audit.command()
def show(
    chain: Annotated[str, typer.Argument(help="Name of a chain: an effect, or operators.")],
    subject: Annotated[str | None, typer.Option(help="Only entries about this key.")] = None,
    after: Annotated[int, typer.Option(min=0, help="Only entries beyond this number.")] = 0,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 50,
    data: Data = DEFAULT_DATA,
    store_url: StoreUrl = None,
    as_json: AsJson = False,
) -> int:
    """Print the entries of a chain, oldest first."""

    async def work() -> int:
        async with opened_store(data, store_url) as store:
            entries = await _entries(store.audit, chain, subject, after, limit)
        if as_json:
            print_json([_json(entry) for entry in entries])
        elif entries:
            out.print(_entry_table(chain, entries))
        else:
            out.print("no entries")
        return 0

    return run(work)


async def verdict(log: Audit, chain: str) -> ChainVerdict:
    """Read a chain page by page and judge it."""
    last: AuditEntry | None = None
    while page := await log.read(chain, after=last.number if last else 0, limit=_PAGE):
        broken = first_break(page, last)
        if broken is not None:
            before = page[: page.index(broken)]
            last = before[-1] if before else last
            return ChainVerdict(chain, *_end(last), broken.number)
        last = page[-1]
    return ChainVerdict(chain, *_end(last), None)


def _end(last: AuditEntry | None) -> tuple[int, str]:
    return (last.number, last.hash) if last else (0, "")


def _noted(text: str) -> tuple[str, int, str]:
    chain, number, hash_ = [*text.rsplit(":", 2), "", ""][:3]
    if not (chain and number.isdecimal() and hash_):
        raise typer.BadParameter(f"{text!r} is not CHAIN:NUMBER:HASH")
    return chain, int(number), hash_


async def _is_there(log: Audit, chain: str, number: int, hash_: str) -> bool:
    entries = await log.read(chain, after=number - 1, limit=1)
    return [(entry.number, entry.hash) for entry in entries] == [(number, hash_)]


async def _entries(
    log: Audit, chain: str, subject: str | None, after: int, limit: int
) -> list[AuditEntry]:
    found: list[AuditEntry] = []
    while len(found) < limit and (page := await log.read(chain, after=after, limit=_PAGE)):
        found += [entry for entry in page if subject in (None, entry.act.subject)]
        after = page[-1].number
    return found[:limit]


def _json(entry: AuditEntry) -> dict[str, object]:
    act = asdict(entry.act) | {"at": entry.act.at.isoformat()}
    return {
        "chain": entry.chain,
        "number": entry.number,
        **act,
        "previous": entry.previous,
        "hash": entry.hash,
    }


def _verdict_table(verdicts: list[ChainVerdict]) -> Table:
    table = narrow_table("Audit log")
    for heading in ("chain", "entries", "verdict", "newest hash"):
        table.add_column(heading, overflow="fold")
    for each in verdicts:
        words = "whole" if each.broken_at is None else f"entry {each.broken_at} does not follow"
        add_plain_row(table, each.chain, str(each.entries), words, each.newest)
    return table


def _entry_table(chain: str, entries: list[AuditEntry]) -> Table:
    table = narrow_table(f"Audit log, {chain}")
    for heading in ("number", "at", "by", "did", "to", "detail"):
        table.add_column(heading, overflow="fold")
    for entry in entries:
        act = entry.act
        at = f"{act.at:%Y-%m-%d %H:%M:%S}"
        add_plain_row(table, str(entry.number), at, act.actor, act.action, act.subject, act.detail)
    return table
