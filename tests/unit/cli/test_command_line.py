"""What the command line says when it cannot do what was asked: one sentence, and an exit code."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from infra.local.cli import main
from infra.local.cli.certificates import verdict
from infra.local.cli.output import PLAIN_STEP, progress
from infra.local.cli.traces import draw_trace
from infra.local.platform import Addresses

COMMANDS = [
    "up",
    "demo",
    "bus",
    "simulator",
    "replay",
    "publish",
    "certify",
    "chain",
    "dlq",
    "trace",
    "metadata",
    "certificate",
    "half-booked",
    "reverse",
    "waive",
    "reemit",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == 0

    assert "usage" in capsys.readouterr().out.lower()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["certify"], "start one with `tillbus up`"),
        (["chain"], "start one with `tillbus up`"),
        (["chain", "--stores", "0"], "--stores"),
        (["chain", "--outages", "few"], "--outages"),
        (["dlq", "list"], "start one with `tillbus up`"),
        (["dlq", "replay", "--reason", "unknown-company"], "start one with `tillbus up`"),
        (["dlq", "replay", "--yes"], "say which"),
        (["trace", "a/b/2026-03-02/T1/1"], "start one with `tillbus up`"),
        (["publish", "--sales", "1"], "start one with `tillbus up`"),
        (["replay", "nothing.csv"], "start one with `tillbus up`"),
        (["publish"], "give either a FILE or --sales N"),
        (["publish", "--sales", "many"], "valid integer"),
        (["publish", "--sales", "0"], "--sales"),
        (["publish", "--sales", "1", "--rate", "0"], "--rate"),
        (["replay", "nothing.csv", "--invoices", "-1"], "--invoices"),
        (["certify", "--shop", "x"], "--shop"),
        (["certify", "--day", "nonsense"], "--day"),
        (["metadata", "check"], "start one with `tillbus up`"),
        (["metadata", "check", "--file", "nothing.xml"], "--product"),
        (["metadata", "check", "--product", "crm"], "these have: finance-operations"),
        (["certificate", "verify"], "start one with `tillbus up`"),
        (["certificate", "verify", "--chain-only"], "give --store-url"),
        (["certificate", "export", "usrt", "S1", "today"], "does not match"),
        (["half-booked"], "start one with `tillbus up`"),
        (["reverse", "no-id", "--effect", "ledger", "--reason", "x"], "a valid UUID"),
        (["reemit", "--company", "usrt", "--store", "S1"], "--day"),
        (["erase", "gbrt", "C-17"], "start one with `tillbus up`"),
        (["audit", "verify"], "give --store-url"),
        (["audit", "verify", "--noted", "ledger:x:abc"], "not CHAIN:NUMBER:HASH"),
        (["parked", "list"], "give --store-url"),
        (["parked", "list", "--store-url", "mysql://h/d"], "must start with one of"),
        (["dance"], "No such command"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_command_that_cannot_run_says_why_in_one_line(
    arguments: list[str],
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)

    assert main(arguments) == 2

    complaint = capsys.readouterr().err
    assert sentence in complaint
    assert len(complaint.strip().splitlines()) == 1


def test_the_bus_calls_itself_by_the_command_it_is_run_by(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["bus", "--help"]) == 0
    assert main(["bus", "faults", "add", "--help"]) == 0
    assert main(["bus", "--data", "here", "--in-memory"]) == 2

    said = capsys.readouterr()
    assert said.out.count("usage: tillbus bus") == 2
    assert "tillbus bus: error: " in said.err


def test_publishing_an_empty_file_says_that_nothing_was_published(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nothing = tmp_path / "facts.jsonl"
    nothing.touch()
    Addresses("127.0.0.1:1", *[""] * 6).write(tmp_path)

    assert main(["publish", str(nothing), "--data", str(tmp_path)]) == 0

    assert capsys.readouterr().out == "0 events published\n"


def test_outside_a_terminal_progress_is_plain_lines_on_stderr(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with progress("publishing", 2 * PLAIN_STEP) as advance:
        for _ in range(4):
            advance(PLAIN_STEP // 2)

    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == [
        f"publishing: {PLAIN_STEP} of {2 * PLAIN_STEP}",
        f"publishing: {2 * PLAIN_STEP} of {2 * PLAIN_STEP}",
        f"publishing: {2 * PLAIN_STEP}",
    ]


@pytest.mark.parametrize(
    ("verdicts", "overall"),
    [
        ([], "nothing seen"),
        (["balanced", "balanced"], "balanced"),
        (["balanced", "open"], "open"),
        (["differs", "open"], "differs"),
        (["differs", "incomplete", "balanced"], "incomplete"),
    ],
)
def test_the_worst_store_day_decides_the_overall_verdict(verdicts: list[str], overall: str) -> None:
    assert verdict([{"verdict": each} for each in verdicts]) == overall


def test_a_trace_is_drawn_with_names_durations_and_failures() -> None:
    child = {
        "name": "process sale-completed",
        "duration_ms": 12.4,
        "role": "functions",
        "success": False,
        "result_code": "500",
        "links": [{}, {}],
        "attributes": {"tillbus.subscription": "sales"},
        "children": [],
    }
    root = {
        **child,
        "name": "publish sale-completed",
        "role": "till",
        "success": True,
        "links": [],
        "attributes": {},
        "children": [child],
    }
    console = Console(width=120, record=True, file=None, quiet=False)
    with console.capture() as drawn:
        console.print(draw_trace({"operation_id": "abc", "roots": [root]}))

    lines = drawn.get().splitlines()
    assert lines[0].strip() == "trace abc"
    assert "publish sale-completed  12 ms  till" in lines[1]
    assert "process sale-completed for sales  12 ms  functions  failed 500  linked to 2" in lines[2]
