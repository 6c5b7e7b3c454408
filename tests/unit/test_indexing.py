"""What a cold start pays for: indexing a service loads nothing that only booking needs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence

import pytest

HEAVY = ("httpx", "sqlalchemy", "alembic", "azure.identity", "aiohttp", "opentelemetry.sdk")

FUNCTIONS: Mapping[str, Sequence[str]] = {
    "sales": (
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
    ),
    "inventory": (
        "book_sold",
        "book_sold_backfill",
        "book_returned",
        "book_returned_backfill",
        "book_adjustments",
        "book_counts",
        "take_back",
        "return_parked_inventory",
        "forget_movements",
    ),
    "customers": (
        "register_customers",
        "update_customers",
        "book_points_earned",
        "book_points_redeemed",
        "book_gift_cards_sold",
        "book_gift_cards_redeemed",
        "note_feedback",
        "give_points_for_sales",
        "give_points_for_sales_backfill",
        "take_points_back_for_returns",
        "take_points_back_for_returns_backfill",
        "reverse_customer_effects",
        "return_parked_customers",
        "carry_out_decisions",
    ),
    "orders": (
        "place_orders",
        "change_orders",
        "cancel_orders",
        "book_payments",
        "return_parked_orders",
    ),
    "completeness": (
        "witness_sales",
        "witness_returns",
        "witness_voids",
        "witness_other_transactions",
        "witness_counts",
        "witness_cash",
        "witness_day_openings",
        "witness_day_closes",
        "witness_documents",
        "witness_rejections",
        "evaluate_store_days",
        "forget_what_is_over",
        "list_certificates",
        "get_certificate",
        "list_half_booked",
    ),
}
"""Their names are what Azure's portal, alerts and settings know them by."""


@pytest.mark.parametrize("service", FUNCTIONS)
def test_indexing_a_service_leaves_the_heavy_libraries_to_the_first_delivery(service: str) -> None:
    script = (
        f"import json, sys, services.{service}.function_app as service; "
        "functions = [each.build().get_function_name() for each in service.app._function_builders];"
        f"print(json.dumps([functions, [name for name in {HEAVY!r} if name in sys.modules]]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    functions, loaded = json.loads(done.stdout.splitlines()[-1])
    assert functions == list(FUNCTIONS[service])
    assert loaded == []
