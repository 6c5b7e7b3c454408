"""From the bus to the certificate: real SDK, local bus, the host with the real worker, HTTP."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient

from infra.local.servicebus import LocalServiceBus
from shared.bus import Publisher
from shared.events import encode
from tests.commands import ROOT, tillbus
from tests.integration.functions.running import PATIENCE_SECONDS, RunningHost, running_host, web
from tests.unit.completeness.conftest import document, event, rejection, sale
from tests.unit.completeness.days import closing, transactions
from tests.unit.completeness.test_half_booked import refusal

CERTIFICATES = "/api/certificates"


async def test_a_day_on_the_bus_becomes_a_certificate_over_http(tmp_path: Path) -> None:
    day = transactions(["1.00"] * 40)
    invalid = day[6]
    body = json.loads(encode(event(sale(invalid))))
    body["data"]["total"] = "999.99"
    booked = [each for each in day if each is not invalid]

    async with LocalServiceBus(ROOT / "infra/topology.json") as bus:
        settings = {
            "ServiceBusConnection": bus.connection_string,
            "STORE_URL": f"sqlite+aiosqlite:///{tmp_path / 'store.db'}",
        }
        async with (
            running_host(None, "--service", "completeness", **settings) as host,
            web(host) as http,
            ServiceBusClient.from_connection_string(bus.connection_string) as client,
        ):
            publisher = Publisher(client)
            await publisher.publish(map(event, [*map(sale, booked), closing(day)]))
            async with client.get_topic_sender("sale-completed") as sender:
                message = ServiceBusMessage(json.dumps(body), message_id=str(invalid.fact_id))
                await sender.send_messages(message)
            await publisher.publish(map(event, [*map(document, booked), rejection(invalid)]))

            await _witnessed(bus)
            one = await _issued(host, http, f"{CERTIFICATES}/usrt/S1/2026-03-01")
            listed = (await http.get(CERTIFICATES, params={"company": "usrt"})).json()
            refused = await http.get(CERTIFICATES, params={"from": "soon"})
            dead = await _dead_letters(client)

    assert (one["facts_seen"], one["documents_posted"]) == (40, 39)
    assert one["verdict"] == "incomplete"
    assert one["missing_sequences"] == 0
    assert [each["sequence"] for each in one["rejected"]] == [7]
    assert "rejected, amounts-do-not-add-up: T1/7" in one["reasons"]
    assert listed == {
        "certificates": [one],
        "rejected_without_store_day": [],
        "days_without_anything": [],
    }
    assert (refused.status_code, refused.headers["content-type"].split(";")[0]) == (
        400,
        "application/problem+json",
    )
    assert dead == 0


async def test_what_is_issued_is_exported_and_verified_by_command(tmp_path: Path) -> None:
    day = transactions(["1.00"] * 5)
    half, store_url = day[2], f"sqlite+aiosqlite:///{tmp_path / 'store.db'}"

    async with LocalServiceBus(ROOT / "infra/topology.json") as bus:
        settings = {"ServiceBusConnection": bus.connection_string, "STORE_URL": store_url}
        async with (
            running_host(None, "--service", "completeness", **settings) as host,
            web(host) as http,
            ServiceBusClient.from_connection_string(bus.connection_string) as client,
        ):
            publisher = Publisher(client)
            await publisher.publish(map(event, [*map(sale, day), *map(document, day)]))
            await publisher.publish([event(refusal(half))])
            await _witnessed(bus)
            # Only now: of a closed day a certificate is issued, whatever is known of it by then.
            await publisher.publish([event(closing(day))])
            await _witnessed(bus)
            await _issued(host, http, f"{CERTIFICATES}/usrt/S1/2026-03-01")

            where = ("--completeness-url", host.url, "--store-url", store_url)
            verified = await tillbus("certificate", "verify", *where)
            page = tmp_path / "certificate.html"
            export = ("certificate", "export", "usrt", "S1", "2026-03-01", "--out", str(page))
            exported = await tillbus(*export, *where[:2])
            halves = await tillbus("half-booked", "--json", *where[:2])
    by_itself = await tillbus("certificate", "verify", "--files", str(page))

    assert verified[0] == exported[0] == by_itself[0] == 0, (verified, exported, by_itself)
    assert "1 certificates of 1 stores" in verified[1]
    assert "everything holds" in verified[1]
    assert "half-booked, ledger yes, points (master-data-missing) no: T1/3" in page.read_text()
    assert halves[0] == 1
    assert [each["fact_id"] for each in json.loads(halves[1])] == [str(half.fact_id)]


async def _witnessed(bus: LocalServiceBus) -> None:
    """Wait until the service has taken note of everything that was published."""

    def waits() -> bool:
        entities = bus.inspect()["entities"].items()
        return any(each["active"] for name, each in entities if name.endswith("/completeness"))

    async with asyncio.timeout(PATIENCE_SECONDS):
        while waits():  # noqa: ASYNC110 - the bus has no event for it
            await asyncio.sleep(0.05)


async def _issued(host: RunningHost, http: httpx.AsyncClient, url: str) -> dict[str, Any]:
    """Have the store-days looked at; return the certificate once it is issued as it is."""
    (await http.post("/admin/functions/evaluate_store_days")).raise_for_status()
    answer = await http.get(url)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not ((issued := answer.json().get("issued")) and issued["is_current"]):
                await asyncio.sleep(0.05)
                answer = await http.get(url)
    except TimeoutError:
        raise AssertionError("\n".join(["never issued:", answer.text, *host.err])) from None
    certificate: dict[str, Any] = answer.json()
    return certificate


async def _dead_letters(client: ServiceBusClient) -> int:
    receiver = client.get_subscription_receiver(
        "sale-completed", "completeness", sub_queue="deadletter"
    )
    async with receiver:
        return len(await receiver.peek_messages(10))
