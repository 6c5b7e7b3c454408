"""The table of fields names whatever the adapters really ask for: their requests are watched."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from infra.local.dynamics import DynamicsSimulator
from shared.dynamics.business_central import business_central
from shared.dynamics.business_central.tables import CUSTOM_FIELDS, FIELDS
from shared.dynamics.odata.messages import Operation, Response
from shared.dynamics.ports.documents import (
    DocumentKind,
    Journal,
    JournalLine,
    Payment,
    SalesDocument,
    SalesLine,
)
from shared.dynamics.ports.master_data import Customer
from shared.dynamics.ports.stock import Movement, StockChange, StockCount
from shared.dynamics.service import Service
from tests.contract.dynamics_business_central.conftest import CUSTOM_API, settings_for

DAY = date(2026, 3, 1)
AT = datetime(2026, 3, 1, tzinfo=UTC)
_KEY = re.compile(r"\([^()]*\)$")


class Spy:
    """Collects set -> fields read and filtered by, from the URLs of GETs."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: dict[str, set[str]] = defaultdict(set)
        self.by_replica: set[str] = set()
        real = Service.call

        async def call(service: Service, operation: Operation) -> Response:
            if operation.method == "GET":
                self._look(operation)
            return await real(service, operation)

        monkeypatch.setattr(Service, "call", call)

    def _look(self, operation: Operation) -> None:
        parts = urlsplit(operation.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        segments = [_KEY.sub("", each) for each in parts.path.split("/")]
        if ("Data-Access-Intent", "ReadOnly") in operation.headers:
            self.by_replica.add(segments[-1])
        asked = self.asked[segments[-1]]
        asked |= set(filter(None, query.get("$select", "").split(",")))
        asked |= set(re.findall(r"(\w+) (?:eq|gt) ", query.get("$filter", "")))
        for name, select in re.findall(r"(\w+)\(\$select=([^)]*)\)", query.get("$expand", "")):
            self.asked[name] |= set(select.split(","))


async def _use_everything(simulator: DynamicsSimulator) -> None:
    line = SalesLine(1, "10003", Decimal(1), Decimal(5), variant="RED-M", location="MAIN")
    sale = SalesDocument(DocumentKind.INVOICE, "dert", "k", "CASH", DAY, "EUR", (line,))
    entry = (JournalLine(1, "2910", Decimal(5), "6110"),)
    change = StockChange("e", "dert", "10002", Decimal(1), Movement.SOLD, "", "MAIN", AT)
    for custom_api in ("", CUSTOM_API):
        async with business_central(settings_for(simulator, custom_api=custom_api)) as bc:
            await bc.sales_documents.post([sale, sale])
            await bc.documents.ship_and_invoice("dert", "nothing")
            await bc.documents.pdf(DocumentKind.INVOICE, "dert", "k")
            await bc.customer_payments.post(
                [Payment("dert", "k", "CASH", DAY, Decimal(1), "EUR", applies_to="k")]
            )
            await bc.ledger_journals.post([Journal("dert", "k", "", DAY, "EUR", entry)])
            await bc.customers.save([Customer("dert", "C10001", "Ada")])
            await bc.customers.credit("dert", "C10001")
            for rows in (
                bc.master_data.products("dert", AT),
                bc.master_data.prices("dert", AT),
                bc.master_data.places("dert"),
                bc.master_data.vendors("dert"),
            ):
                assert [each async for each in rows]
            await bc.master_data.codes("dert", "currencies")
            await bc.master_data.dimension_values("dert", "STORE")
            await bc.stock.change([change, change])
            await bc.stock.count([StockCount("c", "dert", "10002", Decimal(2), "", "", AT)])
            assert await bc.stock.on_hand("dert", ["10002"], ["MAIN"])


def _known(tables: Iterable[Any]) -> dict[str, set[str]]:
    return {each.entity_set: set(each.names) for each in tables}


async def test_nothing_is_asked_for_that_the_table_does_not_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spy = Spy(monkeypatch)
    async with DynamicsSimulator() as simulator:
        await _use_everything(simulator)
    known = _known((*FIELDS, *CUSTOM_FIELDS))
    known["customerFinancialDetail"] = known["customerFinancialDetails"]
    unnamed = {name: asked - known.get(name, set()) for name, asked in spy.asked.items()}
    assert not {name: fields for name, fields in unnamed.items() if fields}
    assert len(spy.asked) > 15


async def test_only_what_may_be_some_seconds_old_is_read_from_the_replica(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spy = Spy(monkeypatch)
    async with DynamicsSimulator() as simulator:
        await _use_everything(simulator)
    assert spy.by_replica == {
        "items",
        "itemPrices",
        "locations",
        "vendors",
        "currencies",
        "dimensions",
        "locationStocks",
    }
