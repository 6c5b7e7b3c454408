"""How the tests talk to the simulator: tokens, rows, batch bodies, and their answers read."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import httpx

from infra.local.dynamics import DynamicsSimulator

PATIENCE_SECONDS = 60
"""How long a test waits for what must come, on a machine that has much else to do."""


def api_client(
    simulator: DynamicsSimulator, headers: Mapping[str, str] | None = None
) -> httpx.AsyncClient:
    """A client of the API port. It speaks no TLS, and loading trust for it takes 50 ms."""
    return httpx.AsyncClient(
        base_url=simulator.api_url, headers=headers, verify=False, timeout=PATIENCE_SECONDS
    )


async def access_token(simulator: DynamicsSimulator, audience: str | None = None) -> str:
    """A token by the managed-identity endpoint, for the simulator itself unless told."""
    async with api_client(simulator) as client:
        answer = await client.get(
            simulator.identity_endpoint,
            params={"resource": audience or simulator.api_url},
            headers={"X-IDENTITY-HEADER": simulator.registration.identity_header},
        )
    token: str = answer.json()["access_token"]
    return token


async def waited(condition: Callable[[], object]) -> None:
    """Return as soon as the condition holds."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110 - conditions of any kind
            await asyncio.sleep(0.001)


Row = Mapping[str, object]
Write = tuple[str, Row]


def key(number: str = "1", company: str = "usrt") -> dict[str, object]:
    return {
        "dataAreaId": company,
        "OperatingUnitNumber": "052",
        "Terminal": "T1",
        "TransactionNumber": number,
    }


def key_path(number: str = "1", company: str = "usrt") -> str:
    pairs = ",".join(f"{name}='{value}'" for name, value in key(number, company).items())
    return f"/data/RetailTransactions({pairs})"


def header(number: str = "1", company: str = "usrt", **fields: object) -> dict[str, object]:
    """A sale's header that the simulator accepts."""
    return (
        key(number, company)
        | {
            "TransactionType": "Sales",
            "Currency": "USD",
            "businessDate": "2026-03-02T12:00:00Z",
            "NetAmount": -10.5,
            "GrossAmount": -12.6,
            "PaymentAmount": 12.6,
        }
        | fields
    )


def sale(number: str = "1", company: str = "usrt", **fields: object) -> list[Write]:
    """One whole sale: header, a line, its tax, its payment."""
    own = key(number, company)
    return [
        ("RetailTransactions", header(number, company, **fields)),
        (
            "RetailTransactionSalesLinesV2",
            own | {"LineNumber": 1, "ItemId": "A", "Quantity": -1, "NetAmount": -10.5},
        ),
        (
            "RetailTransactionTaxLines",
            own | {"SalesLineNumber": 1, "TaxCode": "S", "TaxAmount": 2.1},
        ),
        (
            "RetailTransactionPaymentLinesV2",
            own | {"LineNumber": 1, "Store": "052", "TenderType": "1", "AmountTendered": 12.6},
        ),
    ]


def http_part(line: str, content_id: str = "", body: object = None, end: str = "\r\n") -> str:
    head = f"Content-Type: application/http{end}Content-Transfer-Encoding: binary{end}"
    if content_id:
        head += f"Content-ID: {content_id}{end}"
    text = "" if body is None else json.dumps(body)
    return f"{head}{end}{line} HTTP/1.1{end}Content-Type: application/json{end}{end}{text}{end}"


def changeset(writes: Sequence[Write], end: str = "\r\n") -> str:
    """One changeset as a part, Content-IDs counted from 1."""
    parts = [
        f"--c{end}{http_part(f'POST /data/{name}', str(number), row, end)}"
        for number, (name, row) in enumerate(writes, start=1)
    ]
    return f"Content-Type: multipart/mixed; boundary=c{end}{end}{''.join(parts)}--c--{end}"


def batch(*parts: str, end: str = "\r\n") -> bytes:
    return ("".join(f"--b{end}{part}" for part in parts) + f"--b--{end}").encode()


@dataclass(frozen=True)
class Answered:
    """What one operation in a batch was answered."""

    status: int
    content_id: str
    body: dict[str, object]

    @property
    def text(self) -> str:
        return json.dumps(self.body)


async def send_batch(
    client: httpx.AsyncClient, body: bytes, *, continue_on_error: bool = False
) -> list[list[Answered]]:
    """The answers of each part; a part outside a changeset has one."""
    headers = {"Content-Type": "multipart/mixed; boundary=b"}
    if continue_on_error:
        headers["Prefer"] = "odata.continue-on-error"
    response = await client.post("/data/$batch", content=body, headers=headers)
    assert response.status_code == 200, response.text
    boundary = response.headers["content-type"].partition("boundary=")[2]
    return [_answers(part) for part in _split(response.text, boundary)]


def _split(text: str, boundary: str) -> list[str]:
    return text.split(f"--{boundary}--")[0].split(f"--{boundary}\r\n")[1:]


def _answers(part: str) -> list[Answered]:
    head, _, rest = part.partition("\r\n\r\n")
    if "multipart/mixed" not in head:
        return [_answer(part)]
    return [_answer(nested) for nested in _split(rest, head.partition("boundary=")[2])]


def _answer(part: str) -> Answered:
    outer, inner, body = part.split("\r\n\r\n", 2)
    headers = dict(line.split(": ", 1) for line in outer.strip().split("\r\n"))
    content = body.strip()
    return Answered(
        int(inner.split(" ", 2)[1]),
        headers.get("Content-ID", ""),
        json.loads(content) if content else {},
    )
