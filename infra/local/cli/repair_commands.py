"""``tillbus half-booked``, ``reverse``, ``waive``, ``reemit``: see what is amiss, put it right."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from infra.local.cli.bus_client import BusConnection, bus_client
from infra.local.cli.completeness import (
    CompletenessKey,
    CompletenessUrl,
    Document,
    completeness,
)
from infra.local.cli.options import DEFAULT_DATA, Actor, AsJson, Data, StoreUrl, run
from infra.local.cli.output import Refused, narrow_table, out, print_json
from shared.clock import utc_now

if TYPE_CHECKING:
    from infra.local.cli.reemission import Missing

Yes = Annotated[bool, typer.Option("--yes", help="Do it; else only say what would be done.")]


def half_booked(
    company: Annotated[str | None, typer.Option(help="Only this company.")] = None,
    store: Annotated[str | None, typer.Option(help="Only this store.")] = None,
    data: Data = DEFAULT_DATA,
    completeness_url: CompletenessUrl = None,
    completeness_key: CompletenessKey = None,
    as_json: AsJson = False,
) -> int:
    """List facts that are booked in one place and refused in another; exit code 1 if any."""

    async def listed() -> int:
        async with completeness(data, completeness_url, completeness_key) as service:
            facts = await service.half_booked(company, store)
        if as_json:
            print_json(facts)
        elif facts:
            _print_halves(facts)
        else:
            out.print("nothing is half-booked")
        return 1 if facts else 0

    return run(listed)


def _print_halves(facts: Iterable[Document]) -> None:
    table = narrow_table("Half-booked facts")
    for heading in ("transaction", "fact", "booked", "refused", "why"):
        table.add_column(heading, overflow="fold")
    for each in facts:
        key = each["key"]
        parts = ("company", "store", "business_day", "terminal", "sequence")
        table.add_row(
            "/".join(str(key[part]) for part in parts) if key else each["fact_type"],
            each["fact_id"],
            ", ".join(one["effect"] for one in each["booked"]),
            ", ".join(one["effect"] for one in each["refused"]),
            "; ".join(f"{one['reason']}: {one['detail']}" for one in each["refused"]),
        )
    out.print(table)
    out.print(
        "Replay the refused half (tillbus dlq replay), or take the other back (tillbus reverse);"
    )
    out.print("or do without the refused half (tillbus waive).")


def reverse(
    fact_id: Annotated[UUID, typer.Argument(help="Fact, as `half-booked` names it.")],
    effect: Annotated[str, typer.Option(help="What is to be taken back, as ledger or stock.")],
    reason: Annotated[str, typer.Option(help="Why, for the document and the audit log.")],
    actor: Actor,
    yes: Yes = False,
    force: Annotated[
        bool, typer.Option("--force", help="Also where nothing of the fact was refused.")
    ] = False,
    data: Data = DEFAULT_DATA,
    store_url: StoreUrl = None,
    bus_connection: BusConnection = None,
) -> int:
    """Order that an effect which was booked is taken back, by the service that booked it."""
    from infra.local.cli.reversals import Wish, effect_named, give, reversal_order
    from infra.local.cli.stores import opened_store
    from shared.bus import Publisher

    wish = Wish(fact_id, effect_named(effect), reason, actor, force)

    async def ordered() -> int:
        async with opened_store(data, store_url) as opened:
            order = await reversal_order(opened, wish, utc_now)
            if not yes:
                out.print(f"would order {order.natural_key()} to be taken back; --yes does it")
                return 0
            async with bus_client(data, bus_connection) as client:
                await give(opened, Publisher(client), order)
        out.print(f"ordered {order.natural_key()} to be taken back")
        return 0

    return run(ordered)


def waive(
    fact_id: Annotated[UUID, typer.Argument(help="Fact, as `half-booked` names it.")],
    effect: Annotated[str, typer.Option(help="What was refused, as points or stock.")],
    reason: Annotated[str, typer.Option(help="Why it is not wanted, for the certificate.")],
    actor: Actor,
    yes: Yes = False,
    data: Data = DEFAULT_DATA,
    store_url: StoreUrl = None,
) -> int:
    """Say that an effect which was refused is not wanted any more, so that the fact is whole."""
    from infra.local.cli.reversals import Wish, effect_named, waiver
    from infra.local.cli.reversals import waive as note
    from infra.local.cli.stores import opened_store

    wish = Wish(fact_id, effect_named(effect), reason, actor)

    async def waived() -> int:
        async with opened_store(data, store_url) as opened:
            rejection = await waiver(opened, wish, utc_now)
            if yes:
                await note(opened, rejection, actor)
        said = "waived" if yes else "would waive"
        out.print(f"{said} {fact_id}/{effect}{'' if yes else '; --yes does it'}", markup=False)
        return 0

    return run(waived)


def reemit(
    company: Annotated[str, typer.Option(help="Company.")],
    store: Annotated[str, typer.Option(help="Store.")],
    day: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="Business day.")],
    actor: Actor,
    yes: Yes = False,
    most: Annotated[
        int, typer.Option("--most", min=1, help="Refuse when more facts than this are missing.")
    ] = 100,
    settling: Annotated[
        int, typer.Option("--settling", min=0, help="Minutes a fact may still be under way.")
    ] = 90,
    data: Data = DEFAULT_DATA,
    store_url: StoreUrl = None,
    bus_connection: BusConnection = None,
    completeness_url: CompletenessUrl = None,
    completeness_key: CompletenessKey = None,
    as_json: AsJson = False,
) -> int:
    """Publish sales without a document again, from the archive, to the sales service alone."""
    from infra.local.cli.reemission import check_against_certificate, missing_documents, reemit
    from infra.local.cli.stores import opened_store
    from shared.store import StoreDay

    of = StoreDay(company, store, day.date())

    async def published() -> int:
        async with (
            completeness(data, completeness_url, completeness_key) as service,
            opened_store(data, store_url) as opened,
        ):
            await check_against_certificate(service, of)
            missing = await missing_documents(opened, of, utc_now(), timedelta(minutes=settling))
            if len(missing.ready) > most:
                raise Refused(
                    f"{len(missing.ready)} facts of {of} have no document, more than {most}; "
                    "look for the cause first, or allow them with --most"
                )
            if yes and missing.ready:
                async with bus_client(data, bus_connection) as client:
                    await reemit(opened, client, missing.ready, actor, utc_now)
        _tell_reemitted(missing, yes, as_json)
        return 0 if missing.ready else 1

    return run(published)


def _tell_reemitted(missing: Missing, done: bool, as_json: bool) -> None:
    subjects = [each.subject for each in missing.ready]
    if as_json:
        counts = {
            name: getattr(missing, name) for name in ("young", "refused", "parked", "unknown")
        }
        print_json({"facts": subjects, "published": done, "left_alone": counts})
        return
    for subject in subjects:
        out.print(subject, markup=False)
    out.print(
        f"{len(subjects)} facts {'published again' if done else 'would be published again'}; "
        f"left alone: {missing.young} under way, {missing.refused} refused, "
        f"{missing.parked} parked, {missing.unknown} not in the archive"
    )
