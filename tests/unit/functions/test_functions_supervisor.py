"""How one command line becomes several hosts, and which of them start again."""

import pytest

from infra.local.functions.__main__ import _commands, parser
from infra.local.functions.errors import EXIT_BAD_CONFIGURATION, EXIT_FUNCTION_TIMEOUT
from infra.local.functions.supervisor import parse_ready, should_restart


def commands(*arguments: str) -> list[list[str]]:
    return _commands(arguments, parser().parse_args(arguments))


def test_each_service_gets_its_own_process_and_port() -> None:
    given = commands("--service", "sales", "--port", "7071", "--service=completeness")

    assert [parser().parse_args(each).service for each in given] == [["sales"], ["completeness"]]
    assert [parser().parse_args(each).port for each in given] == [7071, 7072]


def test_free_ports_stay_free_ports() -> None:
    given = commands("--service", "sales", "--service", "completeness", "--port", "0")

    assert [parser().parse_args(each).port for each in given] == [0, 0]


def test_supervised_host_is_not_supervised_again() -> None:
    assert commands("--restart", "--app", "here") == [["--app", "here"]]


@pytest.mark.parametrize(
    ("exit_code", "restart", "expected"),
    [
        (EXIT_FUNCTION_TIMEOUT, True, True),
        (-9, True, True),
        (EXIT_BAD_CONFIGURATION, True, False),
        (0, True, False),
        (EXIT_FUNCTION_TIMEOUT, False, False),
    ],
)
def test_what_is_started_again(exit_code: int, restart: bool, expected: bool) -> None:
    assert should_restart(exit_code, restart=restart) is expected


def test_ready_line_is_read_back() -> None:
    line = "ready functions http=http://127.0.0.1:7071 functions=5"
    assert parse_ready(line) == {"http": "http://127.0.0.1:7071", "functions": "5"}
