"""Our tables against the published ones, and against what the adapters really send."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
import pytest

from infra.local.dynamics.dataverse import tables as simulated
from shared.dynamics.dataverse.changes import DataverseChanges
from shared.dynamics.dataverse.customers import DataverseCustomers
from shared.dynamics.dataverse.endpoints import (
    DataverseEndpoints,
    Interest,
    ServiceBusEntity,
    Webhook,
)
from shared.dynamics.dataverse.entries import DataverseGiftCards, DataverseLoyalty
from shared.dynamics.dataverse.errors import RULES
from shared.dynamics.dataverse.notes import DataverseNotes
from shared.dynamics.dataverse.tables import FIELDS, Tables
from shared.dynamics.ports.changes import Subject
from shared.dynamics.ports.loyalty import CardMovement, GiftCardEntry, PointsEntry, PointsKind
from shared.dynamics.ports.master_data import Customer
from shared.dynamics.ports.notes import Note
from shared.dynamics.service import Service

CDM = Path(__file__).parents[4] / "shared/data/d365/dataverse/cdm_tables.json"
AT = datetime(2026, 3, 1, tzinfo=UTC)
ROOT = "https://org.example/api/data/v9.2"
_ADDRESS = re.compile(r"address1_\w+")
"""CDM keeps addresses in a table of their own."""
_GUID = "00000000-0000-0000-0000-000000000001"


@pytest.mark.skipif(not CDM.exists(), reason="needs the Common Data Model extract")
def test_standard_columns_are_the_published_ones_in_type_and_length() -> None:
    published = {
        table["logicalName"]: {each["name"].lower(): each for each in table["attributes"]}
        for table in json.loads(CDM.read_text())
    }
    checked = 0
    for fields in FIELDS:
        logical = simulated.TABLES[fields.entity_set].logical
        for name in fields.names if logical in published else ():
            if name.startswith("tillbus_") or _ADDRESS.fullmatch(name):
                continue
            attribute = published[logical][name]
            length = simulated.TABLES[fields.entity_set].columns[name].length
            assert length == (attribute.get("maxLength") or 0), name
            assert fields.lengths.get(name, length) == length, name
            checked += 1
    assert checked == 16


def test_the_simulator_has_every_table_and_column_we_use() -> None:
    for fields in FIELDS:
        table = simulated.TABLES[fields.entity_set]
        assert fields.names <= table.columns.keys(), fields.entity_set
        assert set(fields.follows) <= table.lookups.keys(), fields.entity_set


class Spy:
    """Answers every request as if all were new, and notes the names it carries."""

    def __init__(self) -> None:
        self.used: dict[str, set[str]] = defaultdict(set)
        self.follows: dict[str, set[str]] = defaultdict(set)
        self.actions: dict[str, set[str]] = defaultdict(set)

    def service(self) -> Service:
        http = httpx.AsyncClient(transport=httpx.MockTransport(self._answer))
        return Service(http, ROOT, clock=lambda: AT, timeout=timedelta(seconds=5), rules=RULES)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("$batch"):
            return self._batch(request.content.decode())
        return self._one(request.method, str(request.url), request.content)

    def _batch(self, text: str) -> httpx.Response:
        answers = []
        for part in text.split("--batch_tillbus\r\n")[1:]:
            head, _, rest = part.split("\r\n\r\n", 1)[1].partition("\r\n\r\n")
            method, url, _ = head.split("\r\n")[0].split(" ")
            answer = self._one(method, url, rest.partition("\r\n")[0].encode())
            status = f"HTTP/1.1 {answer.status_code} X\r\n\r\n{answer.text}"
            answers.append(f"--r\r\nContent-Type: application/http\r\n\r\n{status}\r\n")
        return httpx.Response(
            200,
            headers={"Content-Type": "multipart/mixed; boundary=r"},
            text="".join(answers) + "--r--\r\n",
        )

    def _one(self, method: str, url: str, content: bytes) -> httpx.Response:
        path, _, query = unquote(url).removeprefix(f"{ROOT}/").partition("?")
        entity_set, _, key = path.partition("(")
        entity_set, _, action = entity_set.partition("/Microsoft.Dynamics.CRM.")
        self.used[entity_set] |= set(re.findall(r"(\w+)='", key))
        self._query(entity_set, query)
        body: dict[str, Any] = json.loads(content or b"{}")
        if action:
            self.actions[entity_set].add(action)
        for row in body["Targets"] if action else [body]:
            self.used[entity_set] |= set(re.findall(r"(\w+)='", row.get("@odata.id", "")))
            for name in row:
                if name.endswith("@odata.bind"):
                    self.follows[entity_set].add(name.removesuffix("@odata.bind"))
                elif not name.startswith("@"):
                    self.used[entity_set].add(name)
        return self._row(method, entity_set, query)

    def _query(self, entity_set: str, query: str) -> None:
        options = dict(pair.split("=", 1) for pair in query.split("&$")) if query else {}
        options = {name.lstrip("$"): value for name, value in options.items()}
        self.used[entity_set] |= set(filter(None, options.get("select", "").split(",")))
        expanded = re.findall(r"(\w+)\(\$select=(\w+)\)", options.get("expand", ""))
        for navigation, column in expanded:
            self.follows[entity_set].add(navigation)
            target = simulated.TABLES[entity_set].lookups[navigation].target
            self.used[simulated.BY_LOGICAL[target].entity_set].add(column)
        condition = options.get("filter", "") + options.get("apply", "")
        self.used[entity_set] |= set(re.findall(r"(\w+) (?:eq|with) ", condition))

    @staticmethod
    def _row(method: str, entity_set: str, query: str) -> httpx.Response:
        if method != "GET" or "(" in entity_set:
            return httpx.Response(204)
        table = simulated.TABLES[entity_set]
        row = {table.primary: _GUID, "isocurrencycode": "GBP", "@odata.etag": 'W/"1"'}
        row["sdkmessageid"] = {"name": "Update", "sdkmessageid": _GUID}  # type: ignore[assignment]
        found = [row] if "currenc" in entity_set or "filter" in entity_set else []
        link = f"{ROOT}/{entity_set}?$deltatoken=1"
        return httpx.Response(200, json={"value": found, "@odata.deltaLink": link})


async def test_the_fields_named_are_the_fields_sent() -> None:
    spy, tables = Spy(), Tables()
    service = spy.service()
    customer = Customer(
        "gbrt", "1", "Ada Lovelace", "VIP", "GBP", "en", "a@b", "+1", "1 Lane", "London", "N1", "GB"
    )
    company = Customer(
        "gbrt", "2", "Mill", "VIP", "GBP", "en", "a@b", "+1", "1 Lane", "York", "N1", "GB", False
    )
    customers = DataverseCustomers(service, tables, rows=10)
    await customers.save([customer, company, customer, company])
    points = PointsEntry("gbrt", "1", "c", PointsKind.EARNED, Decimal(1), "r", AT, "text")
    loyalty = DataverseLoyalty(service, tables, rows=10)
    await loyalty.record([points, points])
    await loyalty.balance("gbrt", "c", "r")
    entry = GiftCardEntry("gbrt", "1", "c", CardMovement.ISSUED, Decimal(1), "GBP", AT)
    cards = DataverseGiftCards(service, tables, rows=10)
    await cards.record([entry, entry])
    await cards.balance("gbrt", "c")
    for is_person in (True, False):
        note = Note("gbrt", "1", "1", "subject", "text", is_person)
        await DataverseNotes(service, tables).add([note])
    for subject in Subject:
        await DataverseChanges(service, tables).since(subject)
    endpoints = DataverseEndpoints(service)
    await endpoints.register(Webhook("w", "https://x", "k"), [Interest("contact", "Update")])
    await endpoints.register(ServiceBusEntity("q", "sb://x/", "p", "n", "k"), [])

    named = {fields.entity_set: fields for fields in FIELDS}
    for entity_set, used in spy.used.items():
        assert used <= named[entity_set].names, entity_set
        assert spy.follows[entity_set] <= set(named[entity_set].follows), entity_set
        assert spy.actions[entity_set] == set(named[entity_set].actions), entity_set
    assert spy.used.keys() == named.keys()
    for fields in FIELDS:
        unsent = set(fields.written) - spy.used[fields.entity_set]
        assert not unsent, f"{fields.entity_set} names what nobody writes: {unsent}"
