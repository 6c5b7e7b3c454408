"""What a cold start pays for: indexing the service loads nothing that only booking needs."""

from __future__ import annotations

import json
import subprocess
import sys

HEAVY = ("httpx", "sqlalchemy", "alembic", "azure.identity", "aiohttp", "opentelemetry.sdk")


def test_indexing_the_service_leaves_the_heavy_libraries_to_the_first_delivery() -> None:
    script = (
        "import json, sys, services.sales.function_app as service; "
        "functions = [each.build().get_function_name() for each in service.app._function_builders];"
        f"print(json.dumps([functions, [name for name in {HEAVY!r} if name in sys.modules]]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    functions, loaded = json.loads(done.stdout.splitlines()[-1])
    assert functions == [
        "book_sales",
        "book_sales_backfill",
        "book_returns",
        "book_returns_backfill",
        "book_cash_movements",
        "book_tender_declarations",
        "sum_up_days",
        "reverse_bookings",
        "return_parked_sales",
        "book_ripe_aggregates",
    ]
    assert loaded == []
