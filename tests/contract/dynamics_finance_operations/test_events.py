"""An invoice posted in the simulator tells whoever activated its business event."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import httpx

from infra.local.dynamics import DynamicsSimulator, ManualClock
from shared.dynamics.finance_operations import finance_operations
from shared.dynamics.finance_operations.business_events import parse
from shared.dynamics.ports.documents import DocumentKind
from tests.contract.dynamics_finance_operations import samples
from tests.contract.dynamics_finance_operations.conftest import all_settings

NAME = "SalesInvoicePostedBusinessEvent"


async def test_an_event_is_tested_on_activation_and_tried_again() -> None:
    received: list[bytes] = []
    statuses = [200, 503, 200]

    async def endpoint(url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, str]:
        received.append(body)
        return statuses.pop(0), ""

    clock = ManualClock()
    async with DynamicsSimulator(clock=clock, senders={"sb": endpoint}) as simulator:
        wanted = {"event": NAME, "company": "dert", "endpoint": "sb://bus/events"}
        async with httpx.AsyncClient(base_url=simulator.api_url) as http:
            activated = await http.post("/_simulator/business-events", json=wanted)
            assert activated.status_code == 201
        assert parse(received[0]).is_test
        async with finance_operations(all_settings(simulator), clock) as finance:
            await finance.documents.post([samples.document(1, DocumentKind.INVOICE)])
        await simulator.settle()
        clock.advance(timedelta(seconds=1))
        await simulator.settle()
    first, second = parse(received[1]), parse(received[2])
    assert first == second
    assert (first.name, first.company) == (NAME, "dert")
    assert first.fields["SalesId"] == "SO-000001"
    assert first.follows(parse(received[0]))
