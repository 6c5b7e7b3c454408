"""``tillbus certify-vendor``: what of a vendor's sample facts would be refused, and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from infra.local.cli.options import AsJson
from infra.local.cli.output import Unusable, narrow_table, out, print_json
from infra.local.till.certification import RULES, Finding, Report, certify
from shared.events import REASONS
from shared.tax import InvalidTaxRates, TaxRates

SHOWN = 20
"""Findings printed under one rule; `--json` has all of them."""


def certify_vendor(
    files: Annotated[
        list[Path], typer.Argument(help="CloudEvents: one JSON document a line, or a JSON array.")
    ],
    country: Annotated[
        str, typer.Option(help="Hold sales against this country's tax law too, as AE.")
    ] = "",
    as_json: AsJson = False,
) -> int:
    """Report what of these facts would be refused, and why; exit code 0 only if nothing would."""
    report = certify(files, now=datetime.now(UTC), country=country, rates=_rates(country))
    if as_json:
        print_json(_json(report))
    else:
        for line in _lines(report):
            out.print(line, markup=False, soft_wrap=isinstance(line, str))
    return 0 if report.passed else 1


def _rates(country: str) -> TaxRates:
    try:
        rates = TaxRates.configured()
    except InvalidTaxRates as error:
        raise Unusable(str(error)) from error
    if country and rates.country(country) is None:
        known = ", ".join(sorted(rates.countries))
        raise Unusable(f"no tax law is configured for {country!r}; there is {known}")
    return rates


def _lines(report: Report) -> Iterator[str | Table]:
    yield _summary(report)
    yield _table(report)
    for rule in RULES:
        yield from _findings(rule, report.of(rule))
    for reason in report.reasons():
        help_ = REASONS[reason]
        yield f"\n{reason}: {help_.meaning}\n  {help_.what_to_do} ({help_.whose_job})"
    yield f"\nverdict: {_verdict(report)}"


def _summary(report: Report) -> str:
    return (
        f"{report.documents} documents in {report.files} files: {report.documents_refused} would be"
        f" refused, {len(report.remarks)} remarks"
    )


def _verdict(report: Report) -> str:
    if not report.documents:
        return "nothing to certify"
    return "nothing would be refused" if report.passed else "not certified"


def _table(report: Report) -> Table:
    table = narrow_table("")
    table.add_column("rule", no_wrap=True)
    table.add_column("what it asks")
    table.add_column("refused", justify="right", no_wrap=True)
    table.add_column("remarks", justify="right", no_wrap=True)
    for rule, asks in RULES.items():
        if rule == "tax" and not report.country:
            table.add_row(rule, f"{asks}: say --country", "-", "-")
            continue
        found = report.of(rule)
        refused = sum(each.reason is not None for each in found)
        table.add_row(rule, asks, str(refused), str(len(found) - refused))
    return table


def _findings(rule: str, found: list[Finding]) -> Iterator[str]:
    if found:
        yield f"\n{rule}"
    for each in found[:SHOWN]:
        verdict = each.reason or "remark"
        about = f" ({each.subject})" if each.subject else ""
        yield f"  {each.where}: {verdict}: {each.detail}{about}"
    if len(found) > SHOWN:
        yield f"  and {len(found) - SHOWN} more"


def _json(report: Report) -> dict[str, object]:
    return {
        "verdict": _verdict(report),
        "files": report.files,
        "documents": report.documents,
        "documents_refused": report.documents_refused,
        "country": report.country or None,
        "rules": {
            rule: [
                {
                    "where": each.where,
                    "subject": each.subject or None,
                    "reason": each.reason,
                    "detail": each.detail,
                }
                for each in report.of(rule)
            ]
            for rule in RULES
        },
        "reasons": {
            reason: {
                "meaning": REASONS[reason].meaning,
                "whose_job": REASONS[reason].whose_job,
                "what_to_do": REASONS[reason].what_to_do,
            }
            for reason in report.reasons()
        },
    }
