"""An Inventory Visibility that answers what it is told and keeps what it was asked."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from shared.dynamics.inventory_visibility import InventoryVisibilitySettings
from shared.dynamics.inventory_visibility.rules import RULES
from shared.dynamics.service import Service

SETTINGS = InventoryVisibilitySettings.model_validate(
    {"url": "https://iv.example", "environment_id": "e"}
)
ROOT = "/api/environment/e/"

Answer = Callable[[str, Any], httpx.Response]
"""Takes the path below the root and the body."""


def service(answer: Answer) -> Service:
    def handle(request: httpx.Request) -> httpx.Response:
        return answer(request.url.path.removeprefix(ROOT), json.loads(request.content))

    return Service(
        httpx.AsyncClient(transport=httpx.MockTransport(handle)),
        f"https://iv.example{ROOT}".rstrip("/"),
        clock=lambda: datetime(2026, 3, 2, tzinfo=UTC),
        timeout=timedelta(seconds=5),
        rules=RULES,
    )


def done(**more: object) -> dict[str, object]:
    return {"id": "x", "processingStatus": "success", "message": "", "statusCode": 200, **more}
