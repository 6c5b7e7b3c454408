"""Certificates as documents: what the ledger says now, and what was issued. Pure."""

from __future__ import annotations

import json
from typing import Any

from services.completeness.certificate import Certificate
from shared.store.certificates import Draft, IssuedCertificate, content_hash
from shared.store.ledger_entries import StoreDay


def draft(day: StoreDay, certificate: Certificate) -> Draft | None:
    """Return what is to be issued; None for a day that its store has not closed."""
    if certificate.day_close is None:
        return None
    return Draft(day, certificate.verdict.value, certificate.canonical())


def current_document(certificate: Certificate, latest: IssuedCertificate | None) -> dict[str, Any]:
    """Return what a certificate issued now would say, and what was issued last."""
    is_current = latest is not None and latest.content == certificate.canonical()
    issued = None if latest is None else _issued(latest, is_current=is_current)
    return certificate.document() | {"issued": issued}


def issued_document(link: IssuedCertificate) -> dict[str, Any]:
    """Return what was issued, with its place in the chain."""
    return {
        **json.loads(link.content),
        "hash": f"sha256:{content_hash(link.content)}",
        "issued": _issued(link, is_current=True),
    }


def _issued(link: IssuedCertificate, *, is_current: bool) -> dict[str, Any]:
    """Return a link without its content; `is_current`: the content beside it is its own."""
    return {
        "number": link.number,
        "revision": link.revision,
        "verdict": link.verdict,
        "issued_at": link.issued_at.isoformat(timespec="microseconds"),
        "day_before": link.day_before,
        "previous": link.previous,
        "hash": link.hash,
        "is_current": is_current,
    }
