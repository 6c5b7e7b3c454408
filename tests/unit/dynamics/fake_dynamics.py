"""A Dynamics of forty lines behind `httpx.MockTransport`: keys, changesets, scripted misfortune.

Reads batches with the standard library's MIME parser, so that it does not share our mistakes.
"""

from __future__ import annotations

import email
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.message import Message
from typing import Any
from urllib.parse import unquote

import httpx

from shared.dynamics.client import ODataClient
from shared.dynamics.finance_operations.retail_transactions import (
    FinanceOperationsRetailTransactions,
)
from shared.dynamics.service import Service

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
URL = "https://erp.example"
KEY = ("dataAreaId", "OperatingUnitNumber", "Terminal", "TransactionNumber")

Misfortune = Callable[[httpx.Request, Callable[[], httpx.Response]], httpx.Response]
"""Sees a request and how it would be answered normally; calling that carries it out."""


class FakeDynamics:
    """Headers by their key as it stands in a URL; `script` is used up one call at a time."""

    def __init__(self, *script: Misfortune) -> None:
        self.headers: dict[str, dict[str, Any]] = {}
        self.calls: list[str] = []
        self.refusals: dict[str, list[tuple[int, str]]] = {}
        self.waits: list[float] = []
        self._script = list(script)

    def port(self, *, batch_operations: int = 5000) -> FinanceOperationsRetailTransactions:
        http = httpx.AsyncClient(transport=httpx.MockTransport(self._handle))
        service = Service(
            http,
            f"{URL}/data",
            clock=lambda: NOW,
            timeout=timedelta(seconds=5),
            sleep=self._sleep,
        )
        return FinanceOperationsRetailTransactions(
            ODataClient(service), clock=lambda: NOW, batch_operations=batch_operations
        )

    async def _sleep(self, seconds: float) -> None:
        self.waits.append(seconds)

    def _handle(self, request: httpx.Request) -> httpx.Response:
        misfortune = self._script.pop(0) if self._script else _none
        return misfortune(request, lambda: self._answer(request))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
        batch = email.message_from_bytes(head + request.content)
        parts: list[bytes] = []
        kinds = set()
        for item in batch.get_payload():
            assert isinstance(item, Message)
            kinds.add("post" if item.is_multipart() else "look-up")
            parts += [b"--r", self._changeset(item) if item.is_multipart() else self._get(item)]
        self.calls.append("+".join(sorted(kinds)))
        body = b"\r\n".join([*parts, b"--r--", b""])
        return httpx.Response(
            200, headers={"content-type": "multipart/mixed; boundary=r"}, content=body
        )

    def _changeset(self, item: Message) -> bytes:
        requests = [_request(part) for part in item.get_payload() if isinstance(part, Message)]
        header = next(body for path, body in requests if path == "RetailTransactions")
        key = ",".join(f"{name}='{header[name]}'" for name in KEY)
        refusal = self.refusals.get(header["TransactionNumber"])
        if refusal:
            return _http(*refusal.pop(0))
        if key in self.headers:
            return _http(400, "Infolog: Error: The record already exists.")
        self.headers[key] = header
        nested = b"".join(b"--c\r\n" + _http(204, "") + b"\r\n" for _ in requests)
        return b"Content-Type: multipart/mixed; boundary=c\r\n\r\n" + nested + b"--c--"

    def _get(self, item: Message) -> bytes:
        path, _ = _request(item)
        found = self.headers.get(path.split("(", 1)[1].split(")", 1)[0])
        return _http(404, "") if found is None else _http(200, json.dumps(found), wrap=False)


def _none(_: httpx.Request, answer: Callable[[], httpx.Response]) -> httpx.Response:
    return answer()


def _request(part: Message) -> tuple[str, dict[str, Any]]:
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    head, _, body = payload.partition(b"\r\n\r\n")
    path = head.split(b" ")[1].decode().removeprefix(f"{URL}/data/")
    return unquote(path), json.loads(body) if body.strip() else {}


def _http(status: int, text: str, *, wrap: bool = True) -> bytes:
    body = json.dumps({"error": {"message": text}}) if wrap and text else text
    return (
        "Content-Type: application/http\r\n\r\n"
        f"HTTP/1.1 {status} Words\r\nContent-Type: application/json\r\n\r\n{body}"
    ).encode()


def dropped_before(request: httpx.Request, _: Callable[[], httpx.Response]) -> httpx.Response:
    raise httpx.ReadError("connection reset", request=request)


def dropped_after(request: httpx.Request, answer: Callable[[], httpx.Response]) -> httpx.Response:
    answer()
    raise httpx.RemoteProtocolError("server disconnected", request=request)


def unreachable(request: httpx.Request, _: Callable[[], httpx.Response]) -> httpx.Response:
    raise httpx.ConnectError("refused", request=request)


def cut_off(_: httpx.Request, answer: Callable[[], httpx.Response]) -> httpx.Response:
    whole = answer()
    return httpx.Response(200, headers=whole.headers, content=whole.content[:-60])


def answers(status: int, **headers: str) -> Misfortune:
    return lambda _, __: httpx.Response(status, headers=headers)
