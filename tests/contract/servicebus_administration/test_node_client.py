"""The stock ServiceBusAdministrationClient of Node, in a process of its own, over https."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Any

import pytest

from infra.local.servicebus import LocalServiceBus

SCRIPT = Path(__file__).with_name("administer.mjs")
PEERS = Path(__file__).parents[3] / ".peers" / "node"


@pytest.fixture
async def seen(bus: LocalServiceBus) -> dict[str, Any]:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    if not (PEERS / "node_modules" / "@azure" / "service-bus").is_dir():
        pytest.skip("tools/install_peers.sh has not installed @azure/service-bus")
    process = await asyncio.create_subprocess_exec(
        node,
        str(SCRIPT),
        str(PEERS),
        bus.tls_connection_string,
        env={**os.environ, "NODE_EXTRA_CA_CERTS": str(bus.ca_file)},
        stdout=PIPE,
        stderr=PIPE,
    )
    out, complaints = await asyncio.wait_for(process.communicate(), 240)
    assert process.returncode == 0, complaints.decode()
    found: dict[str, Any] = json.loads(out)
    return found


async def test_node_administers_everything(seen: dict[str, Any], bus: LocalServiceBus) -> None:
    wanted, host = seen["wanted"], f"sb://{bus.host}:{bus.amqp_port}"
    settings = wanted["queueSettings"]

    assert seen["namespace"] == "sbemulatorns"
    assert seen["queue"] == settings
    assert seen["updated"] == {**settings, "status": "Active", "maxDeliveryCount": 3}
    assert seen["forwarding"] == [f"{host}/q1", f"{host}/q2"]
    assert seen["queues"] == seen["queueRuntime"]
    assert sorted(seen["queues"]) == ["orders", "q1", "q2", "q3", "q4", "shop/till"]
    assert seen["runtime"]["totalMessageCount"] == 0
    assert seen["topic"] == {
        "name": "sales",
        "userMetadata": "m",
        "supportOrdering": False,
        "status": "Active",
    }
    assert seen["topicMetadata"] == "n"
    assert seen["subscription"] == {
        "topicName": "sales",
        "subscriptionName": "books",
        "lockDuration": "PT2M",
    }
    assert seen["subscriptionRuntime"]["activeMessageCount"] == 0
    assert seen["subscriptions"] == ["books", "s1", "s2", "s3"]
    assert seen["topicRuntime"]["subscriptionCount"] == 4
    assert seen["correlation"] == wanted["correlation"]
    assert seen["sql"] == [
        {"sqlExpression": "price > @p", "sqlParameters": {"@p": 10}},
        {"sqlExpression": "SET tier = @t", "sqlParameters": {"@t": "gold"}},
    ]
    assert seen["updatedSql"] == "price > 20"
    assert seen["rules"] == ["first", "correlation", "sql"]
    assert seen["defaultRule"] == "1=1"
    assert seen["exists"] == [True, False]
    assert seen["failures"] == {
        "again": ["MessageEntityAlreadyExistsError", 409],
        "missing": ["MessageEntityNotFoundError", 404],
        "updateMissing": ["MessageEntityNotFoundError", 404],
        "deleteMissing": ["MessageEntityNotFoundError", 404],
        "immutable": ["ServiceError", 400],
        "bad": ["ServiceError", 400],
    }
    assert seen["left"] == []
