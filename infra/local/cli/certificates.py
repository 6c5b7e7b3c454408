"""``tillbus certify``: the certificates of the completeness service, for people and programs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import httpx
from rich.table import Table
from rich.text import Text

from infra.local.cli.output import Refused, narrow_table, out, print_json
from infra.local.platform import Addresses

Certificate = Mapping[str, Any]
"""One store-day as the completeness service answers it."""

BALANCED = "balanced"
_STYLES = {BALANCED: "green", "open": "yellow"}


async def fetch_certificates(
    addresses: Addresses, company: str | None, store: str | None, day: str | None
) -> Mapping[str, Any]:
    """Return ``certificates`` and ``rejected_without_store_day``; `Refused` on a bad question."""
    wanted = {"company": company, "store": store, "from": day, "to": day}
    parameters = {name: value for name, value in wanted.items() if value is not None}
    async with httpx.AsyncClient(base_url=addresses.functions, timeout=60) as http:
        answer = await http.get("/api/certificates", params=parameters)
    if answer.is_client_error:
        raise Refused(answer.json().get("detail", answer.text))
    document: Mapping[str, Any] = answer.raise_for_status().json()
    return document


async def certify_days(
    addresses: Addresses, company: str | None, store: str | None, day: str | None, as_json: bool
) -> int:
    """Print the certificates; return 0 only if there are some and all of them balance."""
    document = await fetch_certificates(addresses, company, store, day)
    certificates = document["certificates"]
    if as_json:
        print_json({**document, "verdict": verdict(certificates)})
    else:
        out.print(certificate_table(certificates))
        for line in remarks(certificates):
            out.print(line)
        out.print(f"verdict: {verdict(certificates)}")
    return 0 if verdict(certificates) == BALANCED else 1


def verdict(certificates: Iterable[Certificate]) -> str:
    """Return ``balanced`` if every store-day is, ``nothing seen`` for none, else the worst."""
    verdicts = {str(certificate["verdict"]) for certificate in certificates}
    if not verdicts:
        return "nothing seen"
    for word in ("incomplete", "differs", "open", BALANCED):
        if word in verdicts:
            return word
    return sorted(verdicts)[0]


def certificate_table(certificates: Iterable[Certificate]) -> Table:
    """Return one row per store-day: numbers its tills used, sales and returns among them, booked
    ones of these."""
    table = narrow_table("Store-day certificates")
    for heading in ("store", "day"):
        table.add_column(heading, no_wrap=True)
    for heading in ("numbers", "sales", "booked", "amount", "gaps", "rejected"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for each in certificates:
        amounts = [f"{amount['documents']} {amount['currency']}" for amount in each["amounts"]]
        table.add_row(
            f"{each['company']}/{each['store']}",
            each["business_day"],
            str(sum(terminal["facts"] for terminal in each["terminals"])),
            str(each["facts_seen"]),
            str(each["documents_posted"]),
            ", ".join(amounts),
            str(each["missing_sequences"]),
            str(len(each["rejected"])),
            Text(each["verdict"], style=_STYLES.get(each["verdict"], "red")),
        )
    return table


def remarks(certificates: Iterable[Certificate]) -> list[str]:
    """Return why store-days do not balance, and which rejected facts were put right later."""
    lines = []
    for each in certificates:
        where = f"{each['store']} {each['business_day']}"
        lines += [f"  {where}: {reason}" for reason in each["reasons"]]
        lines += [
            f"  {where}: {rejected['terminal']}/{rejected['sequence']} was rejected"
            f" ({rejected['reason']}) and came in correct later"
            for rejected in each["rejected"]
            if rejected["posted_later"]
        ]
    return lines
