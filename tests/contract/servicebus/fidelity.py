"""The fidelity matrix of the local bus's README: every scenario, and where it was seen to hold.

`python -m tests.contract.servicebus.fidelity` runs the suite and rewrites the table. What could not
run here keeps saying so. Exit code 1 when a scenario failed; the table then shows that too.
"""

from __future__ import annotations

import re
import sys
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from tests.contract.servicebus.drivers import DRIVERS, Driver
from tests.contract.servicebus.scenario import Scenario, all_scenarios
from tests.contract.servicebus.targets import TARGETS, LocalBus

README = Path("infra/local/servicebus/README.md")
_TABLE = re.compile(r"(<!-- fidelity: begin.*?-->\n).*?(<!-- fidelity: end -->)", re.DOTALL)
_HERE = "✓"
_FAILED = "✗"
_LACKS = "–"
_NOT_RUN = "·"

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
    README.write_text(with_table(README.read_text(), table(collector.outcomes)))
    return int(code)


def with_table(readme: str, table_: str) -> str:
    return _TABLE.sub(lambda found: f"{found[1]}{table_}{found[2]}", readme)


def table(outcomes: Outcomes) -> str:
    """Return the matrix in Markdown: a table per topic, and below it why there are dashes."""
    others = [target for target in TARGETS if not isinstance(target, LocalBus)]
    columns = [driver.title for driver in DRIVERS] + [target.title for target in others]
    reasons: list[str] = []
    legend = (
        f"{_HERE} holds, {_FAILED} does not, {_LACKS} the SDK cannot ask, {_NOT_RUN} not run here"
    )
    parts = [f"{len(all_scenarios())} scenarios: {legend}.\n"]
    for topic, scenarios in groupby(all_scenarios().values(), lambda scenario: scenario.topic):
        parts.append(f"\n| [{topic.title}]({topic.source}) | {' | '.join(columns)} |\n")
        parts.append(f"|---|{'---|' * len(columns)}\n")
        for scenario in scenarios:
            cells = [_cell(scenario, driver, outcomes, reasons) for driver in DRIVERS]
            cells += [_elsewhere(scenario, target.name, outcomes) for target in others]
            parts.append(f"| {scenario.sentence} | {' | '.join(cells)} |\n")
    parts.append("\n")
    parts += [f"* {_LACKS} {reason}.\n" for reason in reasons]
    return "".join(parts)


def _cell(scenario: Scenario, driver: Driver, outcomes: Outcomes, reasons: list[str]) -> str:
    for need in sorted(scenario.needs & driver.lacks.keys()):
        if driver.lacks[need] not in reasons:
            reasons.append(driver.lacks[need])
        return _LACKS
    outcome = outcomes.get((LocalBus.name, driver.name, scenario.name))
    return {"passed": _HERE, "failed": _FAILED}.get(outcome or "", _NOT_RUN)


def _elsewhere(scenario: Scenario, target: str, outcomes: Outcomes) -> str:
    found = {outcomes.get((target, driver.name, scenario.name)) for driver in DRIVERS}
    if "failed" in found:
        return _FAILED
    return _HERE if "passed" in found else _NOT_RUN


def listed(readme: str) -> list[str]:
    """Return the sentences in the README's table, in its order."""
    found = _TABLE.search(readme)
    assert found is not None, "the README has lost its markers"
    rows = re.findall(r"^\| ([^|\[\n][^|]*?\.) \|", found[0], re.MULTILINE)
    return [row.strip() for row in rows]


if __name__ == "__main__":
    sys.exit(main())
