"""The program as people and other languages' tests run it: a process, its options, its output."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest
from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient
from azure.servicebus.exceptions import MessageSizeExceededError, ServiceBusServerBusyError

from infra.local.servicebus import logs
from infra.local.servicebus.__main__ import main
from tests.integration.servicebus_operation.conftest import CONFIG

FREE_PORTS = ("--amqp-port", "0", "--admin-port", "0")
SECONDS = 90
"""How long a test waits for what must come, on a machine that has much else to do."""


class Running:
    def __init__(self, process: asyncio.subprocess.Process, ready: dict[str, str]) -> None:
        self.process = process
        self.ready = ready

    @property
    def connection_string(self) -> str:
        return (
            f"Endpoint=sb://{self.ready['amqp']};SharedAccessKeyName=RootManageSharedAccessKey;"
            "SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;"
        )

    async def end(self, *signals: int) -> tuple[int, list[str]]:
        """Return the exit code and the lines of the log."""
        for number in signals:
            self.process.send_signal(number)
        _, log = await asyncio.wait_for(self.process.communicate(), SECONDS)
        assert self.process.returncode is not None
        return self.process.returncode, log.decode().splitlines()


@asynccontextmanager
async def program(*options: str) -> AsyncIterator[Running]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "infra.local.servicebus", *FREE_PORTS, *options),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        line = (await asyncio.wait_for(process.stdout.readline(), SECONDS)).decode()
        assert line.startswith("ready servicebus amqp=127.0.0.1:"), line
        yield Running(process, dict(word.split("=", 1) for word in line.split()[2:]))
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_one_process_from_ready_to_a_graceful_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "Config.json"
    config.write_text(json.dumps(CONFIG))
    options = ("--config", str(config), "--data", str(tmp_path / "data"), "--clock", "manual")
    more = ("--log-format", "json", "--max-message-bytes", "2000")
    async with program(*options, *more) as running:
        admin = running.ready["admin"]

        def ask(*words: str) -> tuple[int, str]:
            code = main([*words, "--admin", admin])
            said = capsys.readouterr()
            return code, said.out + said.err

        async with (
            ServiceBusClient.from_connection_string(
                running.connection_string, retry_total=0
            ) as client,
            client.get_queue_sender("work", client_identifier="till-7") as sender,
        ):
            await sender.send_messages(ServiceBusMessage("x", message_id="sale-1"))
            with pytest.raises(MessageSizeExceededError):
                await sender.send_messages(ServiceBusMessage("x" * 2000))
            added = await asyncio.to_thread(ask, "faults", "add", "refuse", "--times", "1")
            with pytest.raises(ServiceBusServerBusyError):
                await sender.send_messages(ServiceBusMessage("x"))
            listed = await asyncio.to_thread(ask, "faults", "list")
            cleared = await asyncio.to_thread(ask, "faults", "clear")
            await sender.send_messages(ServiceBusMessage("x", message_id="sale-2"))
            counts = await asyncio.to_thread(ask, "inspect")
            messages = await asyncio.to_thread(ask, "inspect", "work")
            unknown = await asyncio.to_thread(ask, "inspect", "nowhere")
            who = await asyncio.to_thread(ask, "connections")
            before = (await asyncio.to_thread(ask, "clock"))[1].strip()
            after = (await asyncio.to_thread(ask, "clock", "PT30S"))[1].strip()
            cut = await asyncio.to_thread(ask, "faults", "add", "disconnect", "--client", "till-7")
            code, log = await running.end(signal.SIGTERM)

    assert re.search(r"1 +refuse +send +0$", added[1], re.MULTILINE), added
    assert re.search(r"1 +refuse +send +1$", listed[1], re.MULTILINE), listed
    assert (cleared, unknown[0]) == ((0, ""), 1)
    assert "could not be found" in unknown[1]
    assert re.search(r"^work +2 +0 +0 +0 +0$", counts[1], re.MULTILINE), counts
    assert [line.split()[1] for line in messages[1].splitlines()[1:]] == ["sale-1", "sale-2"]
    assert datetime.fromisoformat(after) - datetime.fromisoformat(before) == timedelta(seconds=30)
    assert re.search(r"^till-7 .* send +\S+/work +\d+ +0$", who[1], re.MULTILINE), who
    assert "$DeadLetterQueue" not in counts[1]  # nothing is in it
    assert (cut[0], code) == (0, 0)
    lines = [json.loads(line) for line in log]
    assert [each["message"] for each in lines if each.get("client") == "till-7"] == [
        "connection cut: a fault was ordered",
        "connection ended: the transport was lost",
    ]


async def test_an_empty_namespace_needs_no_configuration_and_a_key_locks_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with program("--in-memory", "--verbose", "--key", "boss=c2VjcmV0") as running:
        admin = ("--admin", running.ready["admin"], "--json")
        unknown = await asyncio.to_thread(main, ["inspect", *admin])
        known = await asyncio.to_thread(main, ["inspect", *admin, "--key", "boss=c2VjcmV0"])
        said = capsys.readouterr()
        async with httpx.AsyncClient(timeout=SECONDS) as http:
            authority = await http.get(running.ready["ca"])
        code, _ = await running.end(signal.SIGINT)

    assert (unknown, known, authority.status_code) == (1, 0, 200)
    assert json.loads(said.out)["entities"] == {}
    assert len(said.err.strip().splitlines()) == 1
    assert code == 0


STUCK = """
import asyncio
import gzip
from infra.local.servicebus.__main__ import stop_at_signal

async def stuck():
    stop = stop_at_signal()
    print("ready", flush=True)
    await stop.wait()
    print("stopping", flush=True)
    await asyncio.Event().wait()

asyncio.run(stuck())
"""


async def test_a_second_signal_ends_a_process_that_does_not_stop() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", STUCK), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    said = []
    for _ in range(2):
        said.append(await asyncio.wait_for(process.stdout.readline(), SECONDS))
        process.terminate()

    assert await asyncio.wait_for(process.wait(), SECONDS) == 128 + signal.SIGTERM
    assert said == [b"ready\n", b"stopping\n"]


@pytest.mark.parametrize(
    ("options", "code", "sentence"),
    [
        (["--in-memory", "--config", "nowhere.json"], 1, "nowhere.json"),
        (
            ["--in-memory", "--key", "k=v", "--host", "203.0.113.1"],
            1,
            "Cannot listen on 203.",
        ),
        (["--in-memory", "--certificate", "mine.pem"], 1, "--certificate-key"),
        (["faults", "list", "--admin", "http://127.0.0.1:1"], 1, "No local Service Bus answers"),
        ([], 2, "either --data FOLDER or --in-memory"),
        (["--in-memory", "--data", "."], 2, "either --data FOLDER or --in-memory"),
        (["clock", "--admin", "http://127.0.0.1:1"], 1, "No local Service Bus answers"),
        (["--in-memory", "--clock", "sand"], 2, "--clock"),
        (["--in-memory", "--max-message-bytes", "0"], 2, "above 0"),
        (["faults", "add", "earthquake"], 2, "earthquake"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_done_is_one_sentence_and_an_exit_code(
    options: list[str],
    code: int,
    sentence: str,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bad = tmp_path / "BAD"
    bad.write_text('{"UserConfig": 5}')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(logs, "configure", lambda *_, **__: None)  # the log is the tests' own
    ports = [] if options[:1] in (["faults"], ["clock"]) else FREE_PORTS
    try:
        ended = main([*options, *ports])
    except SystemExit as stop:
        ended = int(stop.code or 0)

    complaint = capfd.readouterr().err.strip().splitlines()
    assert ended == code
    assert sentence in complaint[-1]
    assert code == 2 or len(complaint) == 1


async def test_measures_are_exported_where_opentelemetrys_variables_say(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    exported: list[bytes] = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        body = await reader.readexactly(int(length[1])) if length else b""
        exported.append(head + gzip.decompress(body))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()

    collector = await asyncio.start_server(take, "127.0.0.1", 0)
    port = collector.sockets[0].getsockname()[1]
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
    async with program("--in-memory") as running:
        code, _ = await running.end(signal.SIGTERM)
    collector.close()

    assert code == 0
    assert exported[0].startswith(b"POST /v1/metrics ")
    assert b"servicebus.connections" in exported[0]
