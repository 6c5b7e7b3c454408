"""`tillbus simulator …` against a running simulator."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.cli import main

_ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A simulator whose clock stands still."""
    options = "--in-memory --port 0 --identity-port 0 --clock manual --limits on"
    process = subprocess.Popen(
        [sys.executable, "-m", "infra.local.dynamics", *options.split()],
        cwd=_ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    words = process.stdout.readline().split()[2:]
    yield dict(word.split("=", 1) for word in words)["api"]
    process.terminate()
    process.wait()
    process.stdout.close()


@pytest.fixture
def ask(url: str, capsys: pytest.CaptureFixture[str]) -> Ask:
    return Ask(url, capsys)


class Ask:
    def __init__(self, url: str, capsys: pytest.CaptureFixture[str]) -> None:
        self._url = url
        self._capsys = capsys

    def text(self, *arguments: str) -> str:
        """What a command prints; it ends with 0."""
        assert main(["simulator", *arguments, "--url", self._url]) == 0
        return self._capsys.readouterr().out

    def json(self, *arguments: str) -> object:
        return json.loads(self.text(*arguments, "--json"))

    def refusal(self, *arguments: str) -> tuple[int, str]:
        code = main(["simulator", *arguments, "--url", self._url])
        return code, self._capsys.readouterr().err


def test_faults_are_ordered_listed_and_cleared(ask: Ask) -> None:
    added = ask.json("faults", "add", "throttle", "count=null", "path=RetailTransactions")
    ask.text("faults", "add", "freeze", "company=usrt", "seconds=60")

    listed = ask.json("faults", "list")
    shown = ask.text("faults", "list")
    assert isinstance(added, dict)
    ask.text("faults", "clear", str(added["ids"][0]))
    left = ask.json("faults", "list")
    ask.text("faults", "clear")

    assert isinstance(listed, list)
    assert isinstance(left, list)
    assert [(each["kind"], each["count"], each["company"]) for each in listed] == [
        ("throttle", None, None),
        ("freeze", 1, "usrt"),
    ]
    assert "path=RetailTransactions" in shown
    assert [each["kind"] for each in left] == ["freeze"]
    assert ask.json("faults", "list") == []


def test_the_clock_is_told_and_moved_on(ask: Ask) -> None:
    before, after = ask.json("clock"), ask.json("clock", "PT5M")

    assert isinstance(before, dict)
    assert isinstance(after, dict)
    assert before["manual"]
    assert before["now"] < after["now"]
    assert ask.text("clock").strip() == after["now"]


def test_every_products_rows_are_shown_page_by_page(ask: Ask) -> None:
    counts = ask.json("entities")
    page = ask.json("entities", "finance-operations", "LegalEntities", "--top", "2")
    rest = ask.text("entities", "finance-operations", "LegalEntities", "--skip", "2")

    assert isinstance(counts, dict)
    assert isinstance(page, dict)
    assert counts["finance-operations"]["LegalEntities"] == page["count"] == 6
    assert (len(page["value"]), page["next"]) == (2, 2)
    assert len(rest.splitlines()) == 4
    assert "LegalEntities" in ask.text("entities")


def test_requests_and_webhooks_are_shown(ask: Ask) -> None:
    assert isinstance(ask.json("requests"), dict)
    assert ask.json("webhooks") == {"subscriptions": [], "notifications": []}


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["faults", "add", "earthquake"], 2, "earthquake"),
        (["faults", "add", "slow", "colour=red"], 2, "'colour=red' is not NAME=VALUE"),
        (["faults", "add", "slow", "delay=-1"], 1, "delay"),
        (["faults", "clear", "99"], 1, "there is no fault 99"),
        (["entities", "nowhere"], 1, "nowhere"),
        (["entities", "finance-operations", "Nothing"], 1, "Nothing"),
        (["clock", "-PT1S"], 2, "-PT1S"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_done_is_one_sentence(
    ask: Ask, arguments: list[str], code: int, words: str
) -> None:
    exit_code, complaint = ask.refusal(*arguments)

    assert exit_code == code
    assert complaint.count("tillbus:") == 1


def test_no_simulator_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulator", "clock", "--url", "http://127.0.0.1:1"]) == 2
    assert "did not answer" in capsys.readouterr().err
