"""The completeness service as commands ask it: over HTTP, on this machine or on Azure."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import httpx
import typer

from infra.local.cli.output import Refused
from infra.local.platform import read_addresses

CompletenessUrl = Annotated[
    str | None,
    typer.Option(
        "--completeness-url",
        help="Another completeness app than the local platform's.",
        envvar="TILLBUS_COMPLETENESS_URL",
    ),
]
CompletenessKey = Annotated[
    str | None,
    typer.Option("--completeness-key", help="Its function key.", envvar="TILLBUS_COMPLETENESS_KEY"),
]

_TIMEOUT_SECONDS = 120
Document = Mapping[str, Any]


@dataclass(frozen=True)
class Completeness:
    """Certificates are as the service answers them; methods raise `Refused` on a bad question."""

    http: httpx.AsyncClient

    async def certificates(self, company: str | None, store: str | None) -> list[Document]:
        """Return what a certificate issued now would say, of every store-day."""
        answer = await self._answer("/api/certificates", {"company": company, "store": store})
        certificates: list[Document] = answer.json()["certificates"]
        return certificates

    async def certificate(
        self, company: str, store: str, day: str, *, issued: bool = False, page: bool = False
    ) -> str:
        """Return one store-day's certificate as text: JSON, or the page."""
        path = "/".join(quote(part, safe="") for part in (company, store, day))
        parameters = {"as": "issued" if issued else "now", "format": "html" if page else "json"}
        answer = await self._answer(f"/api/certificates/{path}", parameters)
        return answer.text

    async def half_booked(self, company: str | None, store: str | None) -> list[Document]:
        """Return the facts that are booked in one place and refused in another."""
        answer = await self._answer("/api/half-booked", {"company": company, "store": store})
        facts: list[Document] = answer.json()["half_booked"]
        return facts

    async def _answer(self, path: str, parameters: Mapping[str, str | None]) -> httpx.Response:
        given = {name: value for name, value in parameters.items() if value is not None}
        answer = await self.http.get(path, params=given)
        if answer.is_client_error:
            raise Refused(_detail(answer))
        return answer.raise_for_status()


def _detail(answer: httpx.Response) -> str:
    """Return the sentence of a problem document (RFC 9457), or whatever else was answered."""
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"the completeness service answered {answer.status_code} {answer.reason_phrase}"


@asynccontextmanager
async def completeness(data: Path, url: str | None, key: str | None) -> AsyncIterator[Completeness]:
    """Yield the service at `url`, by default that of the platform over `data`.

    Raises `NotRunning` when neither is there.
    """
    headers = {"x-functions-key": key} if key else {}
    base = url.rstrip("/") if url else read_addresses(data).functions
    async with httpx.AsyncClient(base_url=base, headers=headers, timeout=_TIMEOUT_SECONDS) as http:
        yield Completeness(http)
