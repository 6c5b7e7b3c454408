"""What our Dynamics client costs on top of bare httpx: `python -m tests.bench.dynamics_client`.

Both post the same sales (20 lines each) to a simulator in another process. Bare httpx sends bodies
built beforehand and reads the answer's bytes; ours builds the batches, signs in, parses and judges
every answer. Prints one line of figures; the ratio is what counts, the machine cancels out.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from decimal import Decimal

import httpx

from shared.clock import utc_now
from shared.dynamics import Booked, DynamicsSettings, RetailTransaction, finance_operations
from shared.dynamics.auth import TokenAuth, credential
from shared.dynamics.finance_operations.retail_transactions import changeset
from shared.dynamics.odata.batch import batch_headers, build_batch

LINES = 20
SALES_PER_CALL = 5_000 // (LINES * 2 + 2)
TENANT = "11111111-1111-1111-1111-111111111111"
CLIENT = "22222222-2222-2222-2222-222222222222"


def _sale(run: str, number: int) -> RetailTransaction:
    amount = Decimal("12.10")
    return RetailTransaction(
        company="usrt",
        operating_unit="S1",
        terminal=run,
        transaction_number=f"20260301-{number}",
        header={
            "ChannelReferenceId": f"{run}-{number}",
            "Currency": "USD",
            "GrossAmount": -amount * LINES,
            "NetAmount": -amount * LINES,
            "PaymentAmount": amount * LINES,
        },
        sales_lines=tuple(
            {"LineNumber": n, "ItemId": "20117", "Quantity": -1, "NetAmount": -amount}
            for n in range(LINES)
        ),
        payment_lines=(
            {"LineNumber": 1, "Store": "S1", "TenderType": "1", "AmountTendered": amount * LINES},
        ),
        tax_lines=tuple(
            {"SalesLineNumber": n, "TaxCode": "STD", "TaxAmount": Decimal(0)} for n in range(LINES)
        ),
    )


def _sales(run: str, count: int) -> list[RetailTransaction]:
    return [_sale(run, number) for number in range(count)]


async def _bare(settings: DynamicsSettings, sales: Sequence[RetailTransaction]) -> float:
    root = f"{settings.base_url}/data"
    items = [changeset(sale) for sale in sales]
    bodies = [
        build_batch(items[start : start + SALES_PER_CALL], root)
        for start in range(0, len(items), SALES_PER_CALL)
    ]
    auth = TokenAuth(lambda: credential(settings), settings.token_scope)
    async with httpx.AsyncClient(auth=auth, timeout=120) as http:
        await http.get(f"{root}/Companies")  # signs in outside the measurement
        start_at = time.perf_counter()
        for body in bodies:
            response = await http.post(f"{root}/$batch", content=body, headers=batch_headers())
            assert response.status_code == 200, response.text
        elapsed = time.perf_counter() - start_at
        await auth.aclose()
    return elapsed


async def _ours(settings: DynamicsSettings, sales: Sequence[RetailTransaction], run: str) -> float:
    async with finance_operations(settings, utc_now) as dynamics:
        await dynamics.transactions.post([_sale(f"{run}W", 0)])
        start_at = time.perf_counter()
        postings = await dynamics.transactions.post(sales)
        elapsed = time.perf_counter() - start_at
    assert all(isinstance(posting, Booked) for posting in postings)
    return elapsed


async def _measure(count: int, rounds: int) -> None:
    arguments = ("-m", "infra.local.dynamics", "--port", "0", "--identity-port", "0")
    simulator = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, "--in-memory", stdout=asyncio.subprocess.PIPE
    )
    try:
        assert simulator.stdout is not None
        words = (await simulator.stdout.readline()).decode().split()[2:]
        ready = dict(word.split("=", 1) for word in words)
        settings = DynamicsSettings.model_validate(
            {
                "url": ready["api"],
                "authority": ready["identity"],
                "ca_file": ready["ca"],
                "tenant_id": TENANT,
                "client_id": CLIENT,
                "client_secret": "local-secret",
            }
        )
        bare, ours = [], []
        for number in range(rounds):
            bare.append(await _bare(settings, _sales(f"B{number}", count)))
            ours.append(await _ours(settings, _sales(f"O{number}", count), f"O{number}"))
    finally:
        simulator.terminate()
        await simulator.wait()
    calls = -(-count // SALES_PER_CALL)
    print(
        f"dynamics-client sales={count} lines={LINES} calls={calls} "
        f"bare_seconds={min(bare):.2f} ours_seconds={min(ours):.2f} "
        f"ratio={min(ours) / min(bare):.2f}"
    )


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sales", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=2)
    arguments = parser.parse_args(argv)
    asyncio.run(_measure(arguments.sales, arguments.rounds))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
