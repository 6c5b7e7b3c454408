"""``tillbus review``: what two systems say differently of a customer, and deciding between them.

A decision is written into the store and the audit log; the customers service carries it out within
a minute. Values are personal data: only ``show`` prints them.
"""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from infra.local.cli.options import DEFAULT_DATA, Actor, AsJson, Data, StoreUrl, run
from infra.local.cli.output import Refused, narrow_table, out, print_json
from infra.local.cli.stores import opened_store
from shared.clock import utc_now
from shared.erasure import OPERATORS
from shared.reviews import CONFLICTS, OPEN, Conflict, Decision, Saying, conflict_of, decided
from shared.store import Act, Record, Store

review = typer.Typer(
    help="Conflicts between what two systems say of a customer.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Key = Annotated[str, typer.Argument(help="As review list shows it.")]
_PAGE = 500


@review.command("list")
def list_(
    company: Annotated[str | None, typer.Option(help="Only this company.")] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Also those decided, by a person or by a rule.")
    ] = False,
    data: Data = DEFAULT_DATA,
    store_url: StoreUrl = None,
    as_json: AsJson = False,
) -> int:
    """List the conflicts that wait for a person, without what is said of the customer."""

    async def work() -> int:
        async with opened_store(data, store_url) as store:
            found = await _found(store, company, None if everything else OPEN)
        if as_json:
            print_json([_head(record) for record in found])
        elif found:
            out.print(_table(found))
        else:
            out.print("no conflicts" if everything else "nothing waits for a decision")
        return 0

    return run(work)


@review.command()
def show(
    key: Key,
    data: Data = DEFAULT_DATA,
    store_url: StoreUrl = None,
    as_json: AsJson = False,
) -> int:
    """Show both versions of one conflict: personal data."""

    async def work() -> int:
        async with opened_store(data, store_url) as store:
            record = await _one(store, key)
        conflict = conflict_of(record)
        if as_json:
            print_json(_head(record) | conflict.model_dump(mode="json"))
        else:
            _print_versions(record, conflict)
        return 0

    return run(work)


@review.command()
def accept(
    key: Key,
    actor: Actor,
    data: Data = DEFAULT_DATA,
    store_url: StoreUrl = None,
) -> int:
    """Let the version that waits hold from now on."""
    return run(lambda: _decide(key, "accepted", actor, data, store_url))


@review.command()
def reject(
    key: Key,
    actor: Actor,
    data: Data = DEFAULT_DATA,
    store_url: StoreUrl = None,
) -> int:
    """Let what holds go on holding; in Dynamics it replaces the version that waits."""
    return run(lambda: _decide(key, "rejected", actor, data, store_url))


async def _decide(
    key: str, decision: Decision, actor: str, data: Data, store_url: str | None
) -> int:
    async with opened_store(data, store_url) as store:
        await decide(store, key, decision, actor)
    out.print(f"{key}: {decision}", markup=False)
    return 0


async def decide(store: Store, key: str, decision: Decision, actor: str) -> None:
    """Write a decision and who took it. Raises `Refused` unless the conflict is open."""
    record, now = await _one(store, key), utc_now()
    try:
        made = decided(record, decision, actor, now)
    except ValueError as error:
        raise Refused(str(error)) from error
    if await store.records.write([made]):
        raise Refused(f"{key} has changed meanwhile; look at it again")
    act = Act(now, actor, f"conflict-{decision}", key)
    await store.audit.append(OPERATORS, [act])


async def _one(store: Store, key: str) -> Record:
    found = await store.records.read(CONFLICTS, [key])
    if key not in found:
        raise Refused(f"there is no conflict {key}")
    return found[key]


async def _found(store: Store, company: str | None, state: str | None) -> list[Record]:
    prefix, after = f"{company}/" if company else "", ""
    found: list[Record] = []
    while page := await store.records.find(
        CONFLICTS, prefix=prefix, state=state, after=after, limit=_PAGE
    ):
        found += page
        after = page[-1].key
    return found


def _head(record: Record) -> dict[str, object]:
    """Return what may be listed of a conflict: nothing that is said of the customer."""
    conflict = conflict_of(record)
    return {
        "key": record.key,
        "state": conflict.ending or record.state,
        "field": conflict.field,
        "in_force_by": conflict.in_force.by,
        "other_by": conflict.other.by,
        "strategy": conflict.strategy,
        "found_at": conflict.found_at.isoformat(),
        "decided_by": conflict.decided_by,
    }


def _table(found: list[Record]) -> Table:
    table = narrow_table("Conflicts")
    for heading in ("key", "state", "holds", "other", "rule", "found"):
        table.add_column(heading, overflow="fold")
    for record in found:
        conflict = conflict_of(record)
        table.add_row(
            record.key,
            conflict.ending or record.state,
            conflict.in_force.by,
            conflict.other.by,
            conflict.strategy,
            f"{conflict.found_at:%Y-%m-%d %H:%M}",
        )
    return table


def _print_versions(record: Record, conflict: Conflict) -> None:
    state = conflict.ending or record.state
    by = f" by {conflict.decided_by}" if conflict.decided_by else ""
    lines = [
        f"{conflict.field} of customer {conflict.customer} in {conflict.company}: {state}{by}",
        f"  holds  {_version(conflict.in_force)}",
        f"  other  {_version(conflict.other)}",
    ]
    for line in lines:
        out.print(line, markup=False)


def _version(saying: Saying) -> str:
    when = f"{saying.changed_at:%Y-%m-%d %H:%M} UTC" if saying.changed_at else "nobody knows when"
    return f"{saying.value or '(empty)'}, says {saying.by}, {when}"
