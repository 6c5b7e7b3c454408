"""``tillbus certificate verify``: every link and hash anew, from the store or from exported files.

Nothing of the completeness service is trusted here but its word on what the ledger says now.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

from infra.local.cli.completeness import Completeness
from infra.local.cli.output import Unusable
from shared.certificates import certificate_page
from shared.store import DayFilter, Store
from shared.store.certificates import (
    IssuedCertificate,
    canonical_json,
    content_hash,
    first_break,
    link_hash,
)

_PAGE = 1000
_READINGS = 3
_MOST_CHANGING = 100_000
_EMBEDDED = re.compile(
    r'<script type="application/json" id="certificate">(.*?)</script>', re.DOTALL
)


@dataclass
class Verification:
    """What was looked at and what was found; `breaks` empty means that everything holds."""

    chains: int = 0
    certificates: int = 0
    breaks: list[str] = field(default_factory=list)
    open_days: list[str] = field(default_factory=list)
    """Days without a certificate because their stores have not closed them."""
    changing_days: list[str] = field(default_factory=list)
    """Days that have changed since they were certified and wait for the next look at them."""
    silent_days: list[str] = field(default_factory=list)
    """Days between a store's others of which nobody has said anything."""
    heads: dict[str, str] = field(default_factory=dict)
    """Hash of the last link by chain: what to note elsewhere, to know later that none was cut."""

    @property
    def holds(self) -> bool:
        return not self.breaks

    def json(self) -> dict[str, object]:
        return {**asdict(self), "holds": self.holds}


async def verify_store(
    store: Store, service: Completeness | None, company: str | None, shop: str | None
) -> Verification:
    """Recompute the chains of these stores; with the service, compare them with the ledger."""
    found = Verification()
    wanted = DayFilter(company=company, store=shop)
    certified = await store.certificates.days(wanted)
    known = await store.ledger.days(wanted)
    for of in sorted({(day.company, day.store) for day in (*certified, *known)}):
        _check_chain(found, await _chain(store, *of))
        if service:
            days = {each.business_day for each in known if (each.company, each.store) == of}
            found.silent_days += [f"{'/'.join(of)}/{day}" for day in _silent(days)]
            await _compare(found, store, service, of)
    return found


async def _chain(store: Store, company: str, shop: str) -> list[IssuedCertificate]:
    links: list[IssuedCertificate] = []
    while page := await store.certificates.chain(
        company, shop, after=links[-1].number if links else 0, limit=_PAGE
    ):
        links += page
    return links


def _check_chain(found: Verification, links: Sequence[IssuedCertificate]) -> None:
    if not links:
        return
    found.chains += 1
    found.certificates += len(links)
    found.heads[f"{links[0].company}/{links[0].store}"] = links[-1].hash
    broken = first_break(links)
    if broken:
        link = broken.link
        found.breaks.append(f"{link.day} revision {link.revision}: {broken.sentence}")


async def _compare(
    found: Verification, store: Store, service: Completeness, of: tuple[str, str]
) -> None:
    """Hold the newest certificate of each day against what the ledger says now.

    The two are read one after the other, so a difference counts only if it is still there when
    they are read again, and if the day is not waiting to be looked at.
    """
    where = "/".join(of)
    breaks: dict[str, str] = {}
    for _ in range(_READINGS):
        documents = {str(each["business_day"]): each for each in await service.certificates(*of)}
        latest = {link.business_day.isoformat(): link for link in await _chain(store, *of)}
        breaks = _differences(latest, documents)
        if not breaks:
            break
    changing = {
        day.business_day.isoformat()
        for day in await store.ledger.unevaluated(_MOST_CHANGING)
        if (day.company, day.store) == of
    }
    found.breaks += [f"{where}/{day} {breaks[day]}" for day in sorted(breaks.keys() - changing)]
    found.changing_days += [f"{where}/{day}" for day in sorted(breaks.keys() & changing)]
    found.open_days += [
        f"{where}/{day}"
        for day, document in sorted(documents.items())
        if not document["day_close"] and day not in latest
    ]


def _differences(
    latest: Mapping[str, IssuedCertificate], documents: Mapping[str, Mapping[str, Any]]
) -> dict[str, str]:
    """Return what does not agree, by day."""
    found = dict.fromkeys(latest, "was certified and is gone from the ledger")
    for day, document in documents.items():
        found.pop(day, None)
        issued = latest.get(day)
        if issued is None:
            if document["day_close"]:
                found[day] = "is closed and has no certificate"
        elif document["hash"] != f"sha256:{content_hash(issued.content)}":
            why = "; ".join(document["reasons"][:1]) or document["verdict"]
            found[day] = f"was certified {issued.verdict}, the ledger says otherwise now: {why}"
    return found


def _silent(known: Iterable[date]) -> list[str]:
    """Return what lies between the days and is none of them, as dates."""
    ordinals = sorted(day.toordinal() for day in known)
    if not ordinals:
        return []
    between = set(range(ordinals[0], ordinals[-1])) - set(ordinals)
    return [date.fromordinal(each).isoformat() for each in sorted(between)]


# Files


def verify_files(paths: Sequence[Path]) -> Verification:
    """Recompute exported certificates, each by itself and where two follow one another.

    JSON or HTML; a folder stands for those in it. Raises Unusable for what is none.
    """
    found = Verification()
    links: dict[tuple[str, str], dict[int, IssuedCertificate]] = {}
    for path in _files(paths):
        link, wrong = _read(path)
        found.certificates += 1
        found.breaks += [f"{path.name}: {sentence}" for sentence in wrong]
        if link is None:
            continue
        chain = links.setdefault((link.company, link.store), {})
        other = chain.setdefault(link.number, link)
        if other.hash != link.hash:
            found.breaks.append(f"{path.name}: another file has number {link.number} otherwise")
    for (company, shop), chain in sorted(links.items()):
        found.chains += 1
        found.heads[f"{company}/{shop}"] = chain[max(chain)].hash
        for number, link in sorted(chain.items()):
            before = chain.get(number - 1)
            if before and link.previous != before.hash:
                found.breaks.append(
                    f"{link.day} revision {link.revision} does not follow {before.day}"
                )
    return found


def _files(paths: Sequence[Path]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        inside = sorted(path.glob("*.json")) + sorted(path.glob("*.html"))
        found += inside if path.is_dir() else [path]
    return found


def _read(path: Path) -> tuple[IssuedCertificate | None, list[str]]:
    """Return the link in a file, and what is wrong with it."""
    document, wrong = _document(path)
    issued = document.pop("issued", None)
    stated = document.pop("hash", "")
    content = canonical_json(document)
    if stated != f"sha256:{content_hash(content)}":
        wrong.append("its content is not what was hashed")
    if not issued:
        return None, [*wrong, "it was exported before it was issued"]
    try:
        link = IssuedCertificate(
            company=document["company"],
            store=document["store"],
            number=issued["number"],
            business_day=date.fromisoformat(document["business_day"]),
            revision=issued["revision"],
            verdict=issued["verdict"],
            issued_at=datetime.fromisoformat(issued["issued_at"]),
            content=content,
            day_before=issued["day_before"],
            previous=issued["previous"],
            hash=issued["hash"],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Unusable(f"{path} is no certificate: {error}") from error
    if link_hash(link) != link.hash:
        wrong.append("its hash is not that of the certificate")
    if link.verdict != document.get("verdict"):
        wrong.append("its verdict is not the one it was issued with")
    return link, wrong


def _document(path: Path) -> tuple[dict[str, Any], list[str]]:
    """Return what a file holds, and what is wrong with how it shows it."""
    text, wrong = path.read_text("utf-8"), []
    if path.suffix == ".html":
        page, embedded = text, _EMBEDDED.search(text)
        if not embedded:
            raise Unusable(f"{path} is no page of a certificate")
        text = embedded[1]
    try:
        document = json.loads(text)
        if path.suffix == ".html" and certificate_page(document) != page:
            wrong.append("it does not show what is embedded in it, or another version made it")
    except (ValueError, KeyError, TypeError) as error:
        raise Unusable(f"{path} is no certificate: {error}") from error
    if not isinstance(document, dict):
        raise Unusable(f"{path} is no certificate")
    return document, wrong
