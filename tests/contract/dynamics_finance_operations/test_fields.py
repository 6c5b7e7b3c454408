"""The table of fields names everything the adapters send or ask for, and all of it exists."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from infra.local.dynamics import DynamicsSimulator
from infra.local.dynamics.finance_operations.entity_sets import ENTITY_SETS
from shared.dynamics.finance_operations import FinanceOperations
from shared.dynamics.finance_operations.fields import FIELDS
from shared.dynamics.service import Service
from tests.contract.dynamics_finance_operations import samples
from tests.contract.dynamics_finance_operations.test_ports import BOOKED, operation

_SET = re.compile(r"^(?:.*/data/)?(\w+)")
_REQUEST = re.compile(rb"(GET|POST|PATCH) (\S+) HTTP/1.1\r\n(?:.+\r\n)*\r\n(.*)")


def test_every_field_of_the_table_is_one_of_the_simulator() -> None:
    for table in FIELDS:
        assert table.names <= ENTITY_SETS[table.entity_set].fields.keys(), table.entity_set
        assert set(table.key) == set(ENTITY_SETS[table.entity_set].keys), table.entity_set


@pytest.mark.asyncio(loop_scope="session")
async def test_the_adapters_use_no_field_the_table_does_not_name(
    simulator: DynamicsSimulator, finance: FinanceOperations, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: dict[str, set[str]] = defaultdict(set)
    send = Service.call

    async def spying(self: Service, sent: Any) -> Any:
        requests = [(sent.path, sent.body)]
        if sent.path == "$batch":
            requests = [(path.decode(), body) for _, path, body in _REQUEST.findall(sent.body)]
        for path, body in requests:
            found = _SET.match(path)
            if found is not None and found[1] in ENTITY_SETS:
                used[found[1]] |= _names(path, body)
        return await send(self, sent)

    monkeypatch.setattr(Service, "call", spying)
    for name, make in BOOKED.values():
        await operation(finance, name)([make(1)])
        await operation(finance, name)([make(1)])
    await finance.stock.on_hand("dert", ["20223"], ["W1"], ["S1"])
    await finance.customers.credit("dert", "C-1001")
    await finance.gift_cards.balance("dert", "GC-1")
    await finance.loyalty.balance("dert", "LC-55001", "POINTS")
    await finance.customers.save([samples.customer(1, city="Bremen")])
    for each in ("products", "prices", "places", "vendors"):
        _ = [row async for row in getattr(finance.master_data, each)("dert")]

    named = {table.entity_set: table.names for table in FIELDS}
    assert {name: fields - named[name] for name, fields in used.items()} == {
        name: set() for name in used
    }
    retail = {name for name in named if name.startswith("RetailTransaction")}
    assert named.keys() - used.keys() == retail


def _names(path: str, body: bytes) -> set[str]:
    query = parse_qs(urlsplit(path).query)
    names = {name for text in query.get("$select", ()) for name in text.split(",")}
    names |= set(re.findall(r"(\w+) eq ", " ".join(query.get("$filter", ()))))
    names |= set(re.findall(r"[(,](\w+)=", unquote(urlsplit(path).path)))
    return names | set(json.loads(body) if body.strip() else ())
