"""``tillbus dlq``: what lies in the dead-letter queues, and sending it back."""

from __future__ import annotations

from typing import Annotated

import typer

from infra.local.cli.bus_client import BusConnection, bus_client
from infra.local.cli.options import DEFAULT_DATA, Actor, AsJson, Data, StoreUrl, run
from infra.local.cli.output import out, print_json
from infra.local.platform import read_addresses
from shared.clock import utc_now

dlq = typer.Typer(
    help="What lies in the dead-letter queues.", no_args_is_help=True, rich_markup_mode=None
)

Topic = Annotated[str | None, typer.Option(help="Only this topic.")]
Subscription = Annotated[str | None, typer.Option(help="Only this subscription.")]


@dlq.command("list")
def list_(
    topic: Topic = None,
    subscription: Subscription = None,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> int:
    """List the dead letters with their reasons; nothing is taken out."""
    from infra.local.cli.dead_letters import dead_letter_table, dead_letters

    async def show() -> int:
        letters = await dead_letters(read_addresses(data), topic, subscription)
        if as_json:
            print_json([letter.json() for letter in letters])
        elif letters:
            out.print(dead_letter_table(letters))
        else:
            out.print("no dead letters")
        return 0

    return run(show)


@dlq.command()
def replay(
    actor: Actor,
    topic: Topic = None,
    subscription: Subscription = None,
    reason: Annotated[str | None, typer.Option(help="Only those refused for this.")] = None,
    message_ids: Annotated[
        list[str] | None, typer.Option("--message-id", help="Only this one; may be repeated.")
    ] = None,
    most: Annotated[int, typer.Option("--most", min=1, help="Only so many of them.")] = 1000,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; else only say what would be.")] = False,
    data: Data = DEFAULT_DATA,
    store_url: StoreUrl = None,
    bus_connection: BusConnection = None,
    as_json: AsJson = False,
) -> int:
    """Send dead letters back to their own subscription; exit code 1 if none or not all went.

    They start anew, with all their attempts. What was booked meanwhile is found and not booked
    again; what is still refused comes back here.
    """
    from infra.local.cli.dead_letters import dead_letter_table, peek_letters
    from infra.local.cli.replayed_letters import Choice
    from infra.local.cli.replayed_letters import replay as send_back
    from infra.local.cli.stores import opened_store

    if not (topic or subscription or reason or message_ids):
        raise typer.BadParameter("say which: --topic, --subscription, --reason or --message-id")

    async def replayed() -> int:
        async with bus_client(data, bus_connection) as client:
            found = await peek_letters(client, topic, subscription)
            letters = Choice(reason, frozenset(message_ids or ())).of(found)[:most]
            sent = 0
            if letters and yes:
                async with opened_store(data, store_url) as store:
                    sent = await send_back(client, letters, store.audit, actor, utc_now)
        if as_json:
            print_json({"chosen": [letter.json() for letter in letters], "replayed": sent})
        elif not letters:
            out.print("no such dead letters")
        elif yes:
            out.print(f"{sent} of {len(letters)} sent back")
        else:
            out.print(dead_letter_table(letters))
            out.print(f"{len(letters)} would be sent back; --yes does it")
        return 0 if letters and (sent == len(letters) or not yes) else 1

    return run(replayed)
