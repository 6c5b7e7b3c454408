"""`python -m infra.local.dynamics.benchmark`: rows per second through `$batch`, over real HTTP.

The simulator is a process of its own, as it is in use; bodies have the fields a till's sale has.
Its processor seconds are printed beside the elapsed ones, because the sender shares the machine.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from infra.local.dynamics.identity.registration import IDENTITY_HEADER

_HEAD = "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n"


def main() -> int:
    parser = argparse.ArgumentParser("infra.local.dynamics.benchmark", description=__doc__)
    parser.add_argument("--batches", type=int, default=5)
    parser.add_argument("--changesets", type=int, default=100, help="per batch (%(default)s)")
    parser.add_argument("--rows", type=int, default=45, help="per changeset (%(default)s)")
    parser.add_argument("--minimal", action="store_true", help="ask for answers without bodies")
    arguments = parser.parse_args()
    prefer = "Prefer: return=minimal\r\n" if arguments.minimal else ""
    bodies = [
        _batch(number, arguments.changesets, arguments.rows, prefer)
        for number in range(arguments.batches)
    ]
    with _simulator() as url, httpx.Client(base_url=url, timeout=120) as client:
        answer = client.get(
            "/msi/token", params={"resource": url}, headers={"X-IDENTITY-HEADER": IDENTITY_HEADER}
        )
        headers = {
            "Authorization": f"Bearer {answer.json()['access_token']}",
            "Content-Type": "multipart/mixed; boundary=b",
        }
        begin = time.perf_counter()
        for body in bodies:
            client.post("/data/$batch", content=body, headers=headers).raise_for_status()
        seconds = time.perf_counter() - begin
        booked = client.get("/_simulator/transactions").json()["rows"]
    rows = sum(booked.values())
    if rows != arguments.batches * arguments.changesets * arguments.rows:
        print(f"only {rows} rows were booked", file=sys.stderr)
        return 1
    size = sum(map(len, bodies)) / 1e6
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = used.ru_utime + used.ru_stime
    print(
        f"{rows} rows, {size:.1f} MB in {seconds:.2f} s: {rows / seconds:,.0f} rows/s; "
        f"simulator used {processor:.2f} s of a processor, its start included"
    )
    return 0


@contextmanager
def _simulator() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as directory:
        command = [sys.executable, "-m", "infra.local.dynamics", "--data", directory]
        process = subprocess.Popen(
            [*command, "--port", "0", "--identity-port", "0"], stdout=subprocess.PIPE, text=True
        )
        try:
            assert process.stdout is not None
            ready = dict(word.split("=", 1) for word in process.stdout.readline().split()[2:])
            yield ready["api"]
        finally:
            process.terminate()
            process.wait()


def _batch(number: int, changesets: int, rows: int, prefer: str) -> bytes:
    pieces = []
    for sale in range(changesets):
        pieces.append("--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n")
        key = {
            "dataAreaId": "usrt",
            "OperatingUnitNumber": "052",
            "Terminal": "T1",
            "TransactionNumber": f"{number}-{sale}",
        }
        for row in range(rows):
            name, body = _row(key, row)
            pieces.append(
                f"--c\r\n{_HEAD}Content-ID: {row + 1}\r\n\r\nPOST /data/{name} HTTP/1.1\r\n"
                f"Content-Type: application/json\r\n{prefer}\r\n{json.dumps(body)}\r\n"
            )
        pieces.append("--c--\r\n")
    return "".join([*pieces, "--b--\r\n"]).encode()


def _row(key: dict[str, str], row: int) -> tuple[str, dict[str, object]]:
    if row == 0:
        return "RetailTransactions", _HEADER | key
    if row % 2:
        return "RetailTransactionSalesLinesV2", _LINE | key | {"LineNumber": row}
    return "RetailTransactionTaxLines", _TAX | key | {"SalesLineNumber": row}


_HEADER: dict[str, object] = {
    "TransactionType": "Sales",
    "TransactionStatus": "None",
    "ChannelReferenceId": "0b0f4ac4-6f4b-5b06-8a34-1d5d0b2e9f55",
    "TransactionDate": "2011-01-04T12:00:00Z",
    "businessDate": "2011-01-04T12:00:00Z",
    "TransactionTime": 36000,
    "Currency": "USD",
    "GrossAmount": -123.45,
    "NetAmount": -110.0,
    "PaymentAmount": 123.45,
    "SaleIsReturnSale": "No",
    "IsTaxIncludedInPrice": "No",
}
_LINE: dict[str, object] = {
    "ItemId": "85123A",
    "Quantity": -6,
    "Unit": "EA",
    "Price": 2.55,
    "NetAmount": -15.3,
    "NetAmountInclusiveTax": -16.83,
    "SalesTaxAmount": -1.53,
    "LineDiscount": 0,
    "TransactionStatus": "None",
    "BusinessDate": "2011-01-04T12:00:00Z",
}
_TAX: dict[str, object] = {
    "TaxCode": "STANDARD",
    "TaxAmount": 1.53,
    "TaxPercentage": 10,
    "IsTaxIncludedInPrice": "No",
}

if __name__ == "__main__":
    sys.exit(main())
