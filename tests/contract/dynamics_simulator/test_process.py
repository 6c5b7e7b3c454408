"""The simulator as the process a developer starts, and kills."""

from __future__ import annotations

import itertools
import signal
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.local.dynamics import Registration
from tests.contract.dynamics_simulator.talking import PATIENCE_SECONDS, batch, changeset, sale

_ROOT = Path(__file__).resolve().parents[3]

_MIXED = {"Content-Type": "multipart/mixed; boundary=b"}

Start = Callable[[], tuple["subprocess.Popen[str]", dict[str, str]]]


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "infra.local.dynamics", *arguments]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a process on the test's data directory; returns it and the words of its ready line."""
    started: list[subprocess.Popen[str]] = []

    def run() -> tuple[subprocess.Popen[str], dict[str, str]]:
        command = _command("--port", "0", "--identity-port", "0", "--data", str(tmp_path / "d"))
        process = subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        words = process.stdout.readline().split()
        assert words[:2] == ["ready", "dynamics"]
        return process, dict(word.split("=", 1) for word in words[2:])

    yield run
    for process in started:
        with suppress(ProcessLookupError):
            process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def _client(url: str) -> httpx.Client:
    token = httpx.get(
        f"{url}/msi/token",
        params={"resource": url},
        headers={"X-IDENTITY-HEADER": Registration().identity_header},
        timeout=PATIENCE_SECONDS,
    ).json()["access_token"]
    return httpx.Client(
        base_url=url,
        headers={"Authorization": f"Bearer {token}"},
        verify=False,
        timeout=PATIENCE_SECONDS,
    )


def _book(url: str, answered: list[str], enough: threading.Event) -> None:
    """Book one sale after another until the connection breaks."""
    with _client(url) as client, suppress(httpx.TransportError):
        for number in itertools.count(1):
            response = client.post("/data/$batch", content=_batch(number), headers=_MIXED)
            assert response.text.count("HTTP/1.1 201") == 4
            answered.append(str(number))
            if len(answered) == 20:
                enough.set()


def _batch(number: int) -> bytes:
    return batch(changeset(sale(str(number))))


def test_every_answered_changeset_is_there_whole_after_a_kill(start: Start) -> None:
    process, ready = start()
    answered: list[str] = []
    enough = threading.Event()
    sender = threading.Thread(target=_book, args=(ready["api"], answered, enough))
    sender.start()
    assert enough.wait(PATIENCE_SECONDS)
    process.kill()
    sender.join()

    _, ready = start()
    with _client(ready["api"]) as client:
        rows = client.get("/_simulator/transactions").json()["rows"]
        listing = client.get("/_simulator/transactions/list").json()["value"]
        again = client.post("/data/$batch", content=_batch(1), headers=_MIXED)

    booked = [row["TransactionNumber"] for row in listing]
    assert booked[: len(answered)] == answered
    assert len(booked) - len(answered) in (0, 1)
    assert {count for count in rows.values() if count} == {len(booked)}
    assert "already exists" in again.text


@st.composite
def _damaged_batches(draw: st.DrawFn) -> bytes:
    """A good batch with one stretch of it replaced by something else."""
    good = _batch(draw(st.integers(1, 3)))
    begin = draw(st.integers(0, len(good)))
    end = draw(st.integers(begin, min(len(good), begin + 60)))
    pieces = [b"--b", b"--b--", b"--c", b"\r\n", b"\n", b"Content-ID: 1", b"{", b'"', b"GET", b"%"]
    inserted = draw(st.lists(st.sampled_from(pieces) | st.binary(max_size=4), max_size=4))
    return good[:begin] + b"".join(inserted) + good[end:]


def test_no_damaged_batch_is_a_server_error(start: Start) -> None:
    _, ready = start()
    with _client(ready["api"]) as client:

        @settings(max_examples=150)
        @given(body=_damaged_batches())
        def check(body: bytes) -> None:
            answer = client.post("/data/$batch", content=body, headers=_MIXED)
            assert answer.status_code in (200, 400), answer.text

        check()
        assert client.get("/_simulator/health").status_code == 200


def test_process_names_its_addresses_and_stops_when_asked(start: Start) -> None:
    process, ready = start()

    healthy = httpx.get(f"{ready['api']}/_simulator/health", timeout=PATIENCE_SECONDS)
    process.send_signal(signal.SIGTERM)

    assert "finance-operations" in healthy.json()["products"]
    assert ready["identity"].startswith("https://localhost:")
    assert Path(ready["ca"]).read_text().startswith("-----BEGIN CERTIFICATE-----")
    assert process.wait(timeout=PATIENCE_SECONDS) == 0


@pytest.mark.parametrize("content", ["file", "database"])
def test_unusable_data_directory_is_one_sentence(tmp_path: Path, content: str) -> None:
    if content == "file":
        data = tmp_path / "d"
        data.write_text("not a directory")
    else:
        data = tmp_path
        (data / "finance-operations.sqlite").write_text("not a database" * 100)

    done = subprocess.run(
        _command("--port", "0", "--identity-port", "0", "--data", str(data)),
        cwd=_ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr.startswith("the Dynamics simulator cannot start: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("shared", ["port", "data"])
def test_second_simulator_on_port_or_data_is_one_sentence(
    start: Start, tmp_path: Path, shared: str
) -> None:
    _, ready = start()
    port = ready["api"].rpartition(":")[2] if shared == "port" else "0"
    data = tmp_path / ("d" if shared == "data" else "other")

    done = subprocess.run(
        _command("--port", port, "--identity-port", "0", "--data", str(data)),
        cwd=_ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr.count("\n") == 1


def test_damaged_certificate_is_made_anew(start: Start) -> None:
    process, ready = start()
    process.terminate()
    process.wait()
    Path(ready["ca"]).with_name("server.pem").write_text("cut off")

    _, ready = start()
    trust = ssl.create_default_context(cafile=ready["ca"])

    answer = httpx.get(f"{ready['identity']}/common/discovery/instance", verify=trust)
    assert answer.status_code == 200
