"""The fidelity matrix of the local bus: every scenario, and where it was seen to hold.

`python -m tests.contract.servicebus.fidelity` runs the suite and writes the matrix to FIDELITY.md
and its sums to the README. What could not run here keeps saying so. Exit code 1 when a scenario
failed; the tables then show that too.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from tests.contract.servicebus.drivers import DRIVERS, Driver
from tests.contract.servicebus.scenario import Scenario, Topic, all_scenarios
from tests.contract.servicebus.targets import TARGETS, LocalBus, Target

_FOLDER = Path("infra/local/servicebus")
README = _FOLDER / "README.md"
MATRIX = _FOLDER / "FIDELITY.md"
_TABLE = re.compile(r"(<!-- fidelity: begin.*?-->\n).*?(<!-- fidelity: end -->)", re.DOTALL)
HERE, FAILED, LACKS, NOT_RUN = "✓", "✗", "–", "·"
_OTHERS: list[Target] = [target for target in TARGETS if not isinstance(target, LocalBus)]
_COLUMNS = [driver.title for driver in DRIVERS] + [target.title for target in _OTHERS]

Outcomes = dict[tuple[str, str, str], str]
"""(target, driver, scenario) -> passed, failed or skipped."""


class Collector:
    """A pytest plugin that keeps what became of each scenario."""

    def __init__(self) -> None:
        self.outcomes: Outcomes = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: Any) -> Any:
        report: pytest.TestReport = yield
        against: Any = getattr(item, "cls", None)
        scenario = getattr(item, "callspec", None) and item.callspec.params.get("scenario")  # type: ignore[attr-defined]
        if scenario is not None and (report.when == "call" or not report.passed):
            key = against.target.name, against.driver.name, scenario.name
            self.outcomes[key] = report.outcome
        return report


def main() -> int:
    collector = Collector()
    code = pytest.main(["-q", str(Path(__file__).with_name("test_scenarios.py"))], [collector])
    for file, table in ((MATRIX, matrix), (README, sums)):
        file.write_text(with_table(file.read_text(), table(collector.outcomes)))
    return int(code)


def with_table(text: str, table: str) -> str:
    return _TABLE.sub(lambda found: f"{found[1]}{table}{found[2]}", text)


def matrix(outcomes: Outcomes) -> str:
    """Return in Markdown a table of scenarios per topic, and below why there are dashes."""
    legend = f"{HERE} holds, {FAILED} does not, {LACKS} the SDK cannot ask, {NOT_RUN} not run here"
    parts = [f"{len(all_scenarios())} scenarios: {legend}.\n"]
    for topic, scenarios in _topics():
        parts.append(f"\n{_head(f'[{topic.title}]({topic.source})')}")
        parts += [_row(each.sentence, _cells(each, outcomes)) for each in scenarios]
    parts.append("\n")
    reasons = dict.fromkeys(
        reason
        for scenario in all_scenarios().values()
        for driver in DRIVERS
        if (reason := _lack(scenario, driver)) is not None
    )
    parts += [f"* {LACKS} {reason}.\n" for reason in reasons]
    return "".join(parts)


def sums(outcomes: Outcomes) -> str:
    """Return in Markdown how many scenarios of each topic hold, of those that could be asked."""
    parts = [_head("Scenarios that hold")]
    total: list[Counter[str]] = [Counter() for _ in _COLUMNS]
    for topic, scenarios in _topics():
        counts = [
            Counter(column)
            for column in zip(*(_cells(each, outcomes) for each in scenarios), strict=True)
        ]
        parts.append(_row(topic.title, map(_sum, counts)))
        for all_, some in zip(total, counts, strict=True):
            all_ += some
    parts.append(_row("all", map(_sum, total)))
    return "".join(parts)


def _sum(counts: Counter[str]) -> str:
    held, failed = counts[HERE], counts[FAILED]
    if not held + failed:
        return NOT_RUN
    return f"{held} of {held + failed}" if failed else str(held)


def _topics() -> Iterable[tuple[Topic, Sequence[Scenario]]]:
    for topic, scenarios in groupby(all_scenarios().values(), lambda scenario: scenario.topic):
        yield topic, list(scenarios)


def _head(title: str) -> str:
    return f"{_row(title, _COLUMNS)}|---|{'---|' * len(_COLUMNS)}\n"


def _row(title: str, cells: Iterable[str]) -> str:
    return f"| {title} | {' | '.join(cells)} |\n"


def _cells(scenario: Scenario, outcomes: Outcomes) -> list[str]:
    here = [
        LACKS
        if _lack(scenario, driver)
        else _mark({outcomes.get((LocalBus.name, driver.name, scenario.name))})
        for driver in DRIVERS
    ]
    elsewhere = [
        _mark({outcomes.get((target.name, driver.name, scenario.name)) for driver in DRIVERS})
        for target in _OTHERS
    ]
    return here + elsewhere


def _lack(scenario: Scenario, driver: Driver) -> str | None:
    """Return why the driver cannot ask this; None when it can."""
    lacks = sorted(scenario.needs & driver.lacks.keys())
    return driver.lacks[lacks[0]] if lacks else None


def _mark(found: set[str | None]) -> str:
    if "failed" in found:
        return FAILED
    return HERE if "passed" in found else NOT_RUN


def listed(text: str) -> list[str]:
    """Return the first cells of the tables' rows, in their order."""
    found = _TABLE.search(text)
    assert found is not None, "the markers of the table are lost"
    rows = re.findall(r"^\| ([^|\[\n]+?) \|", found[0], re.MULTILINE)
    return [row.strip() for row in rows]


if __name__ == "__main__":
    sys.exit(main())
