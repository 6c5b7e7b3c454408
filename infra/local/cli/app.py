"""The commands and their options; what they do lives beside this file, one module each.

Exit codes: 0 done, 1 the answer is no (books do not balance, nothing found), 2 bad usage or a
platform that is not there.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import httpx
import typer
from azure.servicebus.exceptions import ServiceBusError
from typer.exceptions import TyperException

from infra.local.cli.audit import audit
from infra.local.cli.certificate_commands import certificate
from infra.local.cli.chain import chain
from infra.local.cli.dlq_commands import dlq
from infra.local.cli.erase import command as erase
from infra.local.cli.options import DEFAULT_DATA, AsJson, Data, run
from infra.local.cli.output import Refused, Unusable, out, print_json, talk
from infra.local.cli.parked import parked
from infra.local.cli.repair_commands import half_booked, reemit, reverse, waive
from infra.local.cli.reviews import review
from infra.local.cli.vendor import certify_vendor
from infra.local.platform import DidNotStart, NotRunning, read_addresses

app = typer.Typer(
    help="Tillbus: tills and web shops to Dynamics 365 over Azure Service Bus, on this machine.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

metadata = typer.Typer(
    help="What Dynamics says of its entities.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(metadata, name="metadata")
app.add_typer(certificate, name="certificate")
for repair in (half_booked, reverse, waive, reemit):
    app.command()(repair)
app.add_typer(audit, name="audit")
app.add_typer(parked, name="parked")
app.add_typer(dlq, name="dlq")
app.add_typer(review, name="review")
app.command("erase")(erase)
app.command()(certify_vendor)
app.command()(chain)

FAILED, UNUSABLE = 1, 2


def main(argv: list[str] | None = None) -> int:
    """Run one command; return its exit code. Failures become one sentence on stderr."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
    try:
        code = app(args=argv, prog_name="tillbus", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except TyperException as error:
        return _complain(error.format_message(), UNUSABLE)
    except (NotRunning, DidNotStart, Unusable) as error:
        return _complain(error, UNUSABLE)
    except OSError as error:
        what = f"{error.filename}: {error.strerror}" if error.filename else error
        return _complain(what, UNUSABLE)
    except Refused as error:
        return _complain(error, FAILED)
    except (httpx.HTTPError, ServiceBusError) as error:
        return _complain(f"the local platform did not answer: {error}", UNUSABLE)
    except (KeyboardInterrupt, asyncio.CancelledError, typer.Abort):
        return _complain("interrupted", 130)


def _complain(what: object, code: int) -> int:
    talk.print(f"tillbus: {what}", style="red", markup=False, soft_wrap=True)
    return code


@app.command()
def up(
    data: Data = DEFAULT_DATA,
    in_processes: Annotated[
        bool, typer.Option("--process-per-service", help="One host process for each service.")
    ] = False,
) -> int:
    """Start bus, Dynamics, Application Insights and Functions host; stay until interrupted."""
    from infra.local.cli.up import stay_up

    return run(lambda: stay_up(data.absolute(), in_processes))


@app.command()
def demo(
    seed: Annotated[int, typer.Option(help="The trading day is the same for the same seed.")] = 7,
    as_json: AsJson = False,
) -> int:
    """Run a compressed trading day end to end; exit code 0 only if the books balance."""
    from infra.local.cli.demo import run_demo

    return run(lambda: run_demo(seed, as_json))


_PASS_ON = {"ignore_unknown_options": True, "help_option_names": []}


@app.command(context_settings=_PASS_ON)
def bus(arguments: Annotated[list[str] | None, typer.Argument()] = None) -> int:
    """Run the local Service Bus alone, or ask a running one: faults, inspect."""
    from infra.local.servicebus.__main__ import main as run_bus

    return _as_program(partial(run_bus, program="tillbus bus"), arguments)


@app.command(context_settings=_PASS_ON)
def simulator(arguments: Annotated[list[str] | None, typer.Argument()] = None) -> int:
    """Run the Dynamics simulator alone, or ask a running one: faults, entities, clock, and more."""
    from infra.local.cli.simulator import COMMANDS, asking

    if arguments and arguments[0] in COMMANDS:
        code = asking(args=arguments, prog_name="tillbus simulator", standalone_mode=False)
        return code if isinstance(code, int) else 0
    from infra.local.dynamics.__main__ import main as run_simulator

    return _as_program(run_simulator, arguments)


def _as_program(program: Callable[[list[str]], int], arguments: list[str] | None) -> int:
    try:
        return program(arguments or [])
    except SystemExit as stop:  # argparse's way of saying that it has said enough
        return stop.code if isinstance(stop.code, int) else UNUSABLE


@app.command()
def replay(
    file: Annotated[Path, typer.Argument(help="Online Retail CSV or CSV.gz, either layout.")],
    invoices: Annotated[int | None, typer.Option(min=1, help="Only the first N invoices.")] = None,
    outbox: Annotated[
        Path | None,
        typer.Option(help="Keep the facts in this file first: a killed replay goes on from there."),
    ] = None,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> int:
    """Turn a file of real transactions into facts and publish them to the running platform."""
    from infra.local.cli.publishing import replay_file

    return run(lambda: replay_file(read_addresses(data), file, invoices, outbox, as_json))


@app.command()
def publish(
    file: Annotated[
        Path | None, typer.Argument(help="CloudEvents, one JSON document a line; - reads stdin.")
    ] = None,
    sales: Annotated[
        int | None,
        typer.Option(
            min=1, help="Generate transactions instead: so many, rounded up to as many per store."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of what is generated.")] = 7,
    rate: Annotated[
        float | None, typer.Option(min=0.01, help="At most so many facts a second.")
    ] = None,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> int:
    """Publish facts: from a file of CloudEvents, or generated baskets of several stores."""
    from infra.local.cli.publishing import publish_file, publish_generated

    if (file is None) == (sales is None):
        raise typer.BadParameter("give either a FILE or --sales N")
    addresses = read_addresses(data)
    if file is not None:
        return run(lambda: publish_file(addresses, file, as_json))
    return run(lambda: publish_generated(addresses, sales or 0, seed, rate, as_json))


@app.command()
def certify(
    company: Annotated[str | None, typer.Option(help="Only this company.")] = None,
    store: Annotated[str | None, typer.Option(help="Only this store.")] = None,
    day: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Only this business day.")
    ] = None,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> int:
    """Print the certificate of every store-day; exit code 1 unless all of them balance."""
    from infra.local.cli.certificates import certify_days

    only = None if day is None else day.date().isoformat()
    return run(lambda: certify_days(read_addresses(data), company, store, only, as_json))


@app.command()
def trace(
    which: Annotated[
        str, typer.Argument(help="A fact's key COMPANY/STORE/DAY/TERMINAL/SEQUENCE, or a trace id.")
    ],
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> int:
    """Draw one fact's way from the till to the ledger as a tree."""
    from infra.local.cli.traces import draw_trace, find_trace

    async def show() -> int:
        found = await find_trace(read_addresses(data), which)
        if as_json:
            print_json(found)
        else:
            out.print(draw_trace(found))
        return 0

    return run(show)


@metadata.command("check")
def metadata_check(
    product: Annotated[str | None, typer.Option(help="Only this, as finance-operations.")] = None,
    url: Annotated[
        str | None,
        typer.Option(help="An environment instead; signs in by the product's own settings."),
    ] = None,
    file: Annotated[Path | None, typer.Option(help="A saved $metadata instead.")] = None,
    baseline: Annotated[
        Path | None, typer.Option(help="A $metadata of before the upgrade: finds more.")
    ] = None,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> int:
    """Compare $metadata with every field we write and read; exit code 1 if anything breaks."""
    from infra.local.cli.metadata import (
        check_environment,
        check_file,
        configured,
        documents,
        report,
        simulated,
    )

    if url is not None and file is not None:
        raise typer.BadParameter("give either --url or --file")
    if product is None and (url or file or baseline):
        raise typer.BadParameter("say whose it is: --product")
    wanted = documents(product)
    if file is not None:
        return report([check_file(each, file, baseline) for each in wanted], as_json)
    if url is not None:
        settings = [configured(each, url) for each in wanted]
    else:
        addresses = read_addresses(data)
        wanted = [each for each in wanted if each.is_simulated or product]
        settings = [simulated(each, addresses) for each in wanted]

    async def check() -> int:
        used = [pair for pair in zip(wanted, settings, strict=True) if pair[0].path(pair[1])]
        return report([await check_environment(*pair, baseline) for pair in used], as_json)

    return run(check)
