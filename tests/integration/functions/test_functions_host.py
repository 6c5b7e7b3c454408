"""The host as a process with the real worker: HTTP, timers, stops and bad configurations."""

import asyncio
import json
import re
import signal
from pathlib import Path

import httpx
import pytest

from infra.local.functions.errors import EXIT_BAD_CONFIGURATION, EXIT_FUNCTION_TIMEOUT
from tests.integration.functions.running import (
    APPS,
    PATIENCE_SECONDS,
    running_host,
    start_host,
    web,
)

TRACE = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
BUS = (
    "Endpoint=sb://127.0.0.1:1;SharedAccessKeyName=n;SharedAccessKey=k;UseDevelopmentEmulator=true;"
)


async def test_http_functions_answer_through_the_real_worker(tmp_path: Path) -> None:
    async with (
        running_host(APPS / "web", "--state", str(tmp_path)) as host,
        web(host) as http,
    ):
        greeting = await http.post(
            "/api/greet/Ada?a=1", content=b"hello", headers={"traceparent": TRACE}
        )
        plain = await http.get("/api/text")
        broken = await http.get("/api/broken")
        status = (await http.get("/admin/host/status")).json()
        code = await host.stop()

    assert greeting.status_code == 201
    assert greeting.headers["set-cookie"].startswith("till=4")
    assert greeting.json() == {
        "name": "Ada",
        "query": {"a": "1"},
        "body": "hello",
        "trace": TRACE,
        "function": "greet",
    }
    assert plain.text == "GET is fine"
    assert broken.status_code == 500
    assert status["state"] == "Running"
    assert status["failures"] == 1
    assert "broken failed: ValueError: broken on purpose" in "\n".join(host.err)
    assert code == 0


async def test_timer_runs_at_startup_and_on_demand(tmp_path: Path) -> None:
    async with running_host(APPS / "web", "--state", str(tmp_path)) as host:
        await host.until(lambda: 'seen sweep {"past_due": false}' in host.out)
        async with web(host) as http:
            assert (await http.post("/admin/functions/sweep")).status_code == 202
        await host.until(lambda: host.out.count('seen sweep {"past_due": false}') == 2)

    assert json.loads((tmp_path / "timers" / "sweep.json").read_text())["Next"]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
async def test_stop_lets_a_running_request_finish(tmp_path: Path, how: signal.Signals) -> None:
    async with (
        running_host(APPS / "web", "--state", str(tmp_path)) as host,
        web(host) as http,
    ):
        request = asyncio.ensure_future(http.get("/api/slow"))
        await host.until(lambda: "seen slow" in host.out)
        code = await host.stop(how)

        assert (await request).text == "finished"
        assert code == 0


async def test_function_that_runs_too_long_ends_its_process() -> None:
    async with (
        running_host(APPS / "endless", "--function", "endless") as host,
        web(host) as http,
    ):
        response = await http.get("/api/endless")
        code = await host.ended()

    assert response.status_code == 500
    assert code == EXIT_FUNCTION_TIMEOUT
    assert sum("functionTimeout of 0:00:01.500000: its worker" in line for line in host.err) == 1


async def test_supervised_host_starts_again_after_a_timeout(tmp_path: Path) -> None:
    async with (
        running_host(APPS / "endless", "--state", str(tmp_path), "--restart") as host,
        web(host) as http,
    ):
        await host.until(lambda: "seen sweep" in host.out)  # else the restart's is the first
        await http.get("/api/endless")
        await host.until(lambda: any("starting it again" in line for line in host.err))
        await host.until(lambda: host.out.count("seen sweep") == 2)
        code = await host.stop()

    assert code == 0
    assert sum(line.startswith("ready ") for line in host.out) == 1


async def test_keys_are_checked_when_given(tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps({"master": "m", "functions": {"default": "d"}}))
    arguments = ("--state", str(tmp_path), "--keys", str(keys))
    async with (
        running_host(APPS / "web", *arguments) as host,
        web(host) as http,
    ):
        assert (await http.get("/api/greet/Ada")).status_code == 401
        assert (await http.get("/api/greet/Ada?code=d")).status_code == 201
        assert (await http.get("/admin/host/status")).status_code == 401


async def test_disabled_and_unselected_functions_are_not_served(tmp_path: Path) -> None:
    disabled = {"AzureWebJobs.text.Disabled": "true"}
    async with (
        running_host(APPS / "web", "--state", str(tmp_path), **disabled) as host,
        web(host) as http,
    ):
        assert (await http.get("/api/text")).status_code == 404
    async with (
        running_host(APPS / "web", "--function", "text") as host,
        web(host) as http,
    ):
        names = [entry["name"] for entry in (await http.get("/admin/functions")).json()]
        assert names == ["text"]


APP = "import azure.functions as func\napp = func.FunctionApp()\n"
TYPED = (
    "@app.service_bus_queue_trigger('m', queue_name='q', connection='Bus', cardinality='many')\n"
    "def f(m: list[func.ServiceBusMessage]): ...\n"
)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"function_app.py": "import nothing_like_this"}, "No module named 'nothing_like_this'"),
        ({"function_app.py": "app = 1"}, "Could not find top level function app"),
        ({"function_app.py": APP + TYPED}, "'f'|the f function"),
        ({"host.json": '{"version": "2.0", "functonTimeout": 1}'}, "functonTimeout: is not a"),
        ({"function_app.py": None}, r"has no function_app\.py"),
    ],
)
async def test_bad_configuration_is_one_sentence_and_exit_code_2(
    tmp_path: Path, files: dict[str, str | None], words: str
) -> None:
    content = {"host.json": '{"version": "2.0"}', "function_app.py": APP, **files}
    for name, text in content.items():
        if text is not None:
            (tmp_path / name).write_text(text)

    host = await start_host(tmp_path, Bus=BUS)

    assert await host.ended() == EXIT_BAD_CONFIGURATION
    assert host.out == []
    *logs, sentence = host.err
    assert all(" WARNING " in line for line in logs)
    assert re.search(words, sentence), sentence


async def test_port_that_is_taken_is_named(tmp_path: Path) -> None:
    async with running_host(APPS / "web", "--function", "text") as host:
        port = host.url.rsplit(":", 1)[1]
        second = await start_host(APPS / "web", "--port", port)
        assert await second.ended() == EXIT_BAD_CONFIGURATION
        assert second.err[-1].startswith(f"Cannot listen on 127.0.0.1:{port}")


async def test_service_that_does_not_exist_is_named() -> None:
    host = await start_host(None, "--service", "nobody")
    assert await host.ended() == EXIT_BAD_CONFIGURATION
    assert "There is no service 'nobody'" in host.err[-1]


async def test_services_run_in_processes_of_their_own(tmp_path: Path) -> None:
    arguments = ("--settings", "local.settings.example.json", "--state", str(tmp_path))
    settings = {
        "ServiceBusConnection": BUS,
        "STORE_URL": f"sqlite+aiosqlite:///{tmp_path}/store.sqlite",
        "APPLICATIONINSIGHTS_CONNECTION_STRING": "",
    }
    services = ("--service", "sales", "--service", "completeness")
    async with running_host(None, *services, *arguments, **settings) as host:
        urls = host.url.split(",")
        async with httpx.AsyncClient(timeout=PATIENCE_SECONDS) as http:
            answers = [await http.get(f"{url}/admin/functions") for url in urls]
        code = await host.stop()

    sales, completeness = ([each["name"] for each in answer.json()] for answer in answers)
    assert sales
    assert completeness
    assert not set(sales) & set(completeness)
    assert code == 0
