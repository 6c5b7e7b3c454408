"""``tillbus certificate``: verify what was issued, and export it for an auditor."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from infra.local.cli.completeness import CompletenessKey, CompletenessUrl, completeness
from infra.local.cli.options import DEFAULT_DATA, AsJson, Data, StoreUrl, run
from infra.local.cli.output import out, print_json, talk

certificate = typer.Typer(
    help="Certificates as they were issued.", no_args_is_help=True, rich_markup_mode=None
)

Day = Annotated[datetime, typer.Argument(formats=["%Y-%m-%d"], help="Business day.")]


@certificate.command()
def verify(
    company: Annotated[str | None, typer.Option(help="Only this company.")] = None,
    store: Annotated[str | None, typer.Option(help="Only this store.")] = None,
    files: Annotated[
        list[Path] | None,
        typer.Option(help="Exported certificates, or folders of them, instead of the store."),
    ] = None,
    chain_only: Annotated[
        bool, typer.Option("--chain-only", help="Do not ask what the ledger says now.")
    ] = False,
    data: Data = DEFAULT_DATA,
    store_url: StoreUrl = None,
    completeness_url: CompletenessUrl = None,
    completeness_key: CompletenessKey = None,
    as_json: AsJson = False,
) -> int:
    """Recompute every hash and link; exit code 1 with the first break named."""
    from infra.local.cli.verifying import Verification, verify_files, verify_store

    async def check() -> Verification:
        from infra.local.cli.stores import opened_store

        service = completeness(data, completeness_url, completeness_key)
        async with (
            nullcontext() if chain_only else service as asked,
            opened_store(data, store_url) as opened,
        ):
            return await verify_store(opened, asked, company, store)

    async def verified() -> int:
        found = verify_files(files) if files else await check()
        if as_json:
            print_json(found.json())
        else:
            _tell(found)
        return 0 if found.holds else 1

    def _tell(found: Verification) -> None:
        for sentence in found.breaks[1:]:
            talk.print(sentence, style="red", markup=False, soft_wrap=True)
        for what, days in (
            ("not closed yet", found.open_days),
            ("changed, not looked at yet", found.changing_days),
            ("nothing was said of", found.silent_days),
        ):
            if days:
                out.print(f"{what}: {', '.join(days)}", markup=False, soft_wrap=True)
        out.print(f"{found.certificates} certificates of {found.chains} stores")
        for chain, head in sorted(found.heads.items()):
            out.print(f"  {chain} ends with {head}", markup=False, soft_wrap=True)
        if found.breaks:
            first = f"BROKEN: {found.breaks[0]}"
            out.print(first, style="bold red", markup=False, soft_wrap=True)
        else:
            out.print("everything holds", style="green")

    return run(verified)


@certificate.command()
def export(
    company: Annotated[str, typer.Argument(help="Company.")],
    store: Annotated[str, typer.Argument(help="Store.")],
    day: Day,
    form: Annotated[
        Literal["json", "html"], typer.Option("--format", help="For programs, or for people.")
    ] = "html",
    output: Annotated[Path | None, typer.Option("--out", help="File; else stdout.")] = None,
    now: Annotated[
        bool, typer.Option("--now", help="What the ledger says now, not what was issued last.")
    ] = False,
    data: Data = DEFAULT_DATA,
    completeness_url: CompletenessUrl = None,
    completeness_key: CompletenessKey = None,
) -> int:
    """Write one store-day's certificate to a file: JSON, or a page that prints."""

    async def exported() -> int:
        async with completeness(data, completeness_url, completeness_key) as service:
            text = await service.certificate(
                company, store, day.date().isoformat(), issued=not now, page=form == "html"
            )
        if output is None:
            typer.echo(text)
        else:
            output.write_text(text, "utf-8")
            talk.print(f"written to {output}", markup=False)
        return 0

    return run(exported)
