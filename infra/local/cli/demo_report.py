"""What ``tillbus demo`` shows in the end, for people and programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.table import Table
from rich.text import Text

from infra.local.cli.certificates import BALANCED, certificate_table, remarks, verdict
from infra.local.cli.dead_letters import DeadLetter
from infra.local.cli.output import add_plain_row, narrow_table, out
from infra.local.cli.traces import draw_trace
from infra.local.demo import DemoDay, Ending
from shared.events import EFFECTS, SaleCompleted

Trace = dict[str, Any]


@dataclass(frozen=True)
class Report:
    """What the day came to; `faults` is empty when nothing is wrong."""

    day: DemoDay
    ending: Ending
    letters: Sequence[DeadLetter]
    traces: Mapping[str, Trace]
    seconds: float

    @property
    def faults(self) -> list[str]:
        """Return what is wrong, one sentence each; store-days say so themselves."""
        return [*self.ending.differences, *_wrong_letters(self.day, self.letters)]

    @property
    def balances(self) -> bool:
        """Return whether everything agrees."""
        return verdict(self.ending.certificates) == BALANCED and not self.faults

    def json(self) -> dict[str, object]:
        """Return the plain form for ``--json``."""
        ending = self.ending
        return {
            "balances": self.balances,
            "differences": self.faults,
            "certificates": list(ending.certificates),
            "documents": [
                {
                    "effect": effect,
                    "product": product,
                    "facts": facts,
                    "announced": announced,
                    "in_dynamics": held,
                }
                for effect, product, facts, announced, held in _documents(ending)
            ],
            "held_against_the_facts": {
                aspect.name: {
                    "told": len(aspect.told),
                    "differences": list(aspect.differences()),
                }
                for aspect in ending.aspects
            },
            "web_orders": {
                order: answer.model_dump(mode="json") for order, answer in ending.answers.items()
            },
            "parked": [each.key for each in ending.parked],
            "dead_letters": [letter.json() for letter in self.letters],
            "traces": dict(self.traces),
            "requests": ending.requests,
            "seconds": self.seconds,
        }


def print_report(report: Report) -> None:
    """Print it as a person reads it: the store-days first, the verdict last."""
    ending = report.ending
    out.print()
    out.print(certificate_table(ending.certificates))
    for remark in remarks(ending.certificates):
        out.print(remark)
    for part in (_document_table(ending), _aspect_table(ending), _letter_table(report)):
        out.print()
        out.print(part)
    out.print()
    for answer in sorted(ending.answers.values(), key=lambda each: each.order):
        why = answer.document or f"{answer.reason}: {answer.detail}"
        out.print(f"Web order {answer.order}: {answer.status}, {why}", markup=False)
    for title, trace in report.traces.items():
        if trace:
            out.print()
            out.print(title, style="italic")
            out.print(draw_trace(trace, brief=True))
    out.print()
    waits = sum(each.facts for each in ending.parked)
    out.print(f"{waits or 'Nothing'} parked any more. {_work(report)}")
    for fault in report.faults:
        out.print(f"  {fault}", style="red", markup=False)
    if report.balances:
        out.print("The books balance.", style="bold green")
    else:
        out.print("THE BOOKS DO NOT BALANCE.", style="bold red")


def _work(report: Report) -> str:
    facts, requests = len(report.day.facts), report.ending.requests
    calls = sum(requests.get(kind, 0) for kind in ("batch", "single"))
    return f"{facts} facts, {calls} requests to Dynamics, {report.seconds} s."


def _documents(ending: Ending) -> Iterator[tuple[str, str, int, int, int]]:
    """Yield effect, product, facts, announcements and documents, money first."""
    every = ending.told.documents.keys() | ending.announced.keys()
    for kept in sorted(every, key=lambda each: (EFFECTS.index(each[0]), each[1])):
        sides = (ending.told.documents, ending.announced, ending.held.documents)
        facts, announced, held = (side.get(kept, 0) for side in sides)
        yield (*kept, facts, announced, held)


def _document_table(ending: Ending) -> Table:
    table = narrow_table("What the facts became")
    for heading in ("effect", "kept by"):
        table.add_column(heading, no_wrap=True)
    for heading in ("facts", "announced", "in Dynamics"):
        table.add_column(heading, justify="right", no_wrap=True)
    for effect, product, facts, announced, held in _documents(ending):
        found = f"{held} changes" if effect == "stock" else f"{held}"
        add_plain_row(table, effect, product, str(facts), str(announced), found)
    return table


def _aspect_table(ending: Ending) -> Table:
    table = narrow_table("Counted from the facts, and read in Dynamics")
    table.add_column("what", no_wrap=True)
    table.add_column("compared", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for aspect in ending.aspects:
        wrong = len(list(aspect.differences()))
        says = Text(f"{wrong} differ", style="red") if wrong else Text("equal", style="green")
        table.add_row(aspect.name, f"{len(aspect.told)} {aspect.of}", says)
    return table


# Dead letters


def _wrong_letters(day: DemoDay, letters: Sequence[DeadLetter]) -> list[str]:
    """Return what is in the dead-letter queues and should not be, and the reverse.

    Each poison lies in the queues it names, and nothing else lies anywhere.
    """
    expected = {
        (f"{SaleCompleted.TOPIC}/{name}", poison.message_id): str(poison.reason)
        for poison in day.poison
        for name in poison.refused_by
    }
    found = {(f"{each.topic}/{each.subscription}", each.message_id): each for each in letters}
    reasons = {where: letter.reason for where, letter in found.items()}
    return [
        f"dead letter {message_id} in {queue}: {reasons.get((queue, message_id))}"
        f" instead of {expected.get((queue, message_id))}"
        for queue, message_id in sorted(expected.keys() | reasons.keys())
        if expected.get((queue, message_id)) != reasons.get((queue, message_id))
    ]


def _letter_table(report: Report) -> Table:
    """Return one row per message, whichever queues it lies in."""
    queues: dict[tuple[str, str, str], list[str]] = {}
    for letter in report.letters:
        what = letter.subject or letter.message_id, letter.reason, letter.description
        queues.setdefault(what, []).append(letter.subscription)
    table = narrow_table("Dead letters")
    for heading in ("fact", "reason", "dead letter of", "description"):
        table.add_column(heading, overflow="fold")
    for (fact, reason, description), names in sorted(queues.items()):
        add_plain_row(table, fact, reason, ", ".join(sorted(names)), description)
    return table
