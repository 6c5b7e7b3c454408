"""Service Bus functions on the local bus, through the unmodified SDK at both ends."""

import asyncio
import json
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from azure.servicebus import ServiceBusMessage, ServiceBusReceivedMessage, ServiceBusSubQueue
from azure.servicebus.aio import ServiceBusClient

from infra.local.platform.ports import kept_port
from infra.local.servicebus import LocalServiceBus
from tests.integration.functions.running import (
    APPS,
    PATIENCE_SECONDS,
    ROOT,
    RunningHost,
    running_host,
    web,
)
from tests.integration.functions.topology import TOPOLOGY

TRACE = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"


@pytest.fixture
async def bus() -> AsyncIterator[LocalServiceBus]:
    async with LocalServiceBus(TOPOLOGY) as running:
        yield running


async def send(connection: str, *messages: tuple[str, dict[str, Any]]) -> None:
    """Send (message id, body) pairs to the topic, all in one go."""
    async with (
        ServiceBusClient.from_connection_string(connection) as client,
        client.get_topic_sender("sale-completed") as sender,
    ):
        await sender.send_messages(
            [
                ServiceBusMessage(
                    json.dumps(body),
                    message_id=message_id,
                    application_properties={"store": "S1", "traceparent": TRACE},
                )
                for message_id, body in messages
            ]
        )


async def dead_letters(connection: str, count: int) -> list[ServiceBusReceivedMessage]:
    async with (
        ServiceBusClient.from_connection_string(connection) as client,
        client.get_subscription_receiver(
            "sale-completed", "sales", sub_queue=ServiceBusSubQueue.DEAD_LETTER
        ) as receiver,
    ):
        found: list[ServiceBusReceivedMessage] = []
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(found) < count:
                found += await receiver.receive_messages(count, max_wait_time=1)
        return found


async def emptied(bus: LocalServiceBus) -> None:
    """Wait until the subscription holds nothing, waiting or locked."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            counts = bus.inspect()["entities"]["sale-completed/Subscriptions/sales"]
            if counts["active"] + counts["locked"] == 0:
                return
            await asyncio.sleep(0.05)


def ids(host: RunningHost) -> list[str]:
    return [each["id"] for each in host.seen]


def settling_at_least(count: int, folder: Path) -> Path:
    """The app that settles each message, told to wait until a batch is as large."""
    app = folder / "settling"
    shutil.copytree(APPS / "settling", app)
    configured = json.loads((app / "host.json").read_text())
    configured["extensions"]["serviceBus"]["minMessageBatchSize"] = count
    (app / "host.json").write_text(json.dumps(configured))
    return app


async def test_batch_settles_each_message_for_itself(bus: LocalServiceBus, tmp_path: Path) -> None:
    await send(
        bus.connection_string, ("good", {}), ("bad", {"do": "dead-letter"}), ("also-good", {})
    )
    settings = {"Bus": bus.connection_string, "TOPIC": "sale-completed"}
    async with running_host(settling_at_least(3, tmp_path), **settings) as host:
        await host.until(lambda: len(host.seen) == 3)
        await emptied(bus)
        (dead,) = await dead_letters(bus.connection_string, 1)
        code = await host.stop()

    assert host.seen[0] == {
        "id": "good",
        "batch": 3,
        "delivery": 1,
        "sequence": 1,
        "store": "S1",
    }
    assert (dead.dead_letter_reason, dead.dead_letter_error_description) == (
        "refused",
        "not a sale",
    )
    assert dead.message_id == "bad"
    assert code == 0


async def test_failing_batch_returns_only_what_it_had_not_settled(bus: LocalServiceBus) -> None:
    settings = {"Bus": bus.connection_string, "TOPIC": "sale-completed"}
    async with running_host(APPS / "settling", **settings) as host:
        await send(bus.connection_string, ("good", {}), ("failing", {"do": "fail"}))
        (dead,) = await dead_letters(bus.connection_string, 1)

    assert ids(host).count("good") == 1
    assert [each["delivery"] for each in host.seen if each["id"] == "failing"] == [1, 2, 3]
    assert dead.dead_letter_reason == "MaxDeliveryCountExceeded"


async def test_settling_twice_is_an_error_for_the_app_and_loses_nothing(
    bus: LocalServiceBus,
) -> None:
    settings = {"Bus": bus.connection_string, "TOPIC": "sale-completed"}
    async with running_host(APPS / "settling", **settings) as host:
        await send(bus.connection_string, ("twice", {"do": "settle-twice"}))
        await host.until(lambda: any("settle failed: SettlementError" in x for x in host.err))
        await emptied(bus)

    assert ids(host) == ["twice"]


async def test_single_messages_run_in_their_senders_trace_and_poison_ends_in_the_dead_letters(
    bus: LocalServiceBus,
) -> None:
    async with running_host(APPS / "plain", Bus=bus.connection_string) as host:
        await send(bus.connection_string, ("poison", {"do": "fail"}), ("good", {}))
        (dead,) = await dead_letters(bus.connection_string, 1)
        await emptied(bus)

    (good,) = [each for each in host.seen if each["id"] == "good"]
    assert good["trace"] == TRACE
    assert good["properties"] == {"store": "S1", "traceparent": TRACE}
    assert dead.message_id == "poison"
    assert [each["delivery"] for each in host.seen if each["id"] == "poison"] == [1, 2, 3]


async def test_output_is_sent_before_the_message_is_completed(bus: LocalServiceBus) -> None:
    async with (
        running_host(APPS / "plain", Bus=bus.connection_string),
        ServiceBusClient.from_connection_string(bus.connection_string) as client,
        client.get_queue_sender("questions") as questions,
        client.get_queue_receiver("answers") as answers,
    ):
        await questions.send_messages(ServiceBusMessage("why"))
        (answer,) = await answers.receive_messages(1, max_wait_time=PATIENCE_SECONDS)

    assert str(answer) == "why!"


async def test_stop_finishes_and_settles_what_is_in_flight(bus: LocalServiceBus) -> None:
    async with running_host(APPS / "plain", Bus=bus.connection_string) as host:
        await send(bus.connection_string, ("slow", {"seconds": 1}))
        await host.until(lambda: ids(host) == ["slow"])
        code = await host.stop()
        await emptied(bus)

    assert code == 0


async def test_drained_host_leaves_further_messages_on_the_bus(bus: LocalServiceBus) -> None:
    async with (
        running_host(APPS / "plain", Bus=bus.connection_string) as host,
        web(host) as http,
    ):
        assert (await http.post("/admin/host/drain")).status_code == 202
        await drained(http)
        await send(bus.connection_string, ("late", {}))
        status = (await http.get("/admin/host/status")).json()
        await host.stop()

    assert status["state"] == "Draining"
    assert host.seen == []
    assert bus.inspect()["entities"]["sale-completed/Subscriptions/sales"]["active"] == 1


async def drained(http: httpx.AsyncClient) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            if (await http.get("/admin/host/drain/status")).json()["state"] == "Completed":
                return
            await asyncio.sleep(0.05)


@asynccontextmanager
async def bus_process(port: int, folder: Path) -> AsyncIterator[None]:
    """The bus as a process of its own on this port, killed at the end."""
    config = folder / "topology.json"
    config.write_text(json.dumps(TOPOLOGY))
    arguments = ["--config", str(config), "--data", str(folder), "--amqp-port", str(port)]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "infra.local.servicebus", *arguments, "--admin-port", "0"),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        assert (await process.stdout.readline()).startswith(b"ready ")
        yield
    finally:
        process.kill()
        await process.wait()


async def test_host_finds_a_killed_bus_again_by_itself(tmp_path: Path) -> None:
    with kept_port() as port:
        connection = (
            f"Endpoint=sb://127.0.0.1:{port};SharedAccessKeyName=RootManageSharedAccessKey;"
            "SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;"
        )
        async with AsyncExitStack() as host_running:
            async with bus_process(port, tmp_path):
                host = await host_running.enter_async_context(
                    running_host(APPS / "settling", Bus=connection, TOPIC="sale-completed")
                )
                await send(connection, ("before", {}))
                await host.until(lambda: "before" in ids(host))
            await host.until(lambda: any("trying again until it works" in x for x in host.err))
            async with bus_process(port, tmp_path):
                await send(connection, ("after", {}))
                await host.until(lambda: "after" in ids(host))
                assert await host.stop() == 0
    assert len(host.err) < 12, "one outage is a few lines, not a flood"
