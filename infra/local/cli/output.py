"""How commands speak: results to stdout, talk and progress to stderr, JSON where asked."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

PLAIN_WIDTH = 120
"""Columns outside a terminal, where nobody says how many there are."""


def _console(*, stderr: bool) -> Console:
    console = Console(stderr=stderr, highlight=False)
    return (
        console
        if console.is_terminal
        else Console(stderr=stderr, highlight=False, width=PLAIN_WIDTH)
    )


def narrow_table(title: str) -> Table:
    """Return an empty table that wastes no column: certificates fit into eighty."""
    return Table(
        title=title,
        title_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
        show_edge=False,
        collapse_padding=True,
    )


def add_plain_row(table: Table, *cells: str) -> None:
    """Add a row printed as it is: square brackets in it are no markup."""
    table.add_row(*(Text(cell) for cell in cells))


out = _console(stderr=False)
talk = _console(stderr=True)

PLAIN_STEP = 1000
"""Outside a terminal one line of progress is printed for every so many items."""


class Refused(Exception):
    """The command cannot do what was asked; the text is the one sentence the caller reads."""


class Unusable(Refused):
    """What the command needs is not there or not readable: no answer, so no answer of no."""


def print_json(value: object) -> None:
    """Print one JSON document to stdout."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


@contextlib.contextmanager
def progress(what: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """Yield a function to be told how many more items are done.

    A bar in a terminal; outside one a plain line now and then.
    """
    if talk.is_terminal:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=talk, transient=False) as bar:
            task = bar.add_task(what, total=total)
            yield lambda count: bar.update(task, advance=count)
        return
    done = 0

    def advance(count: int) -> None:
        nonlocal done
        before, done = done, done + count
        if done // PLAIN_STEP > before // PLAIN_STEP:
            talk.print(f"{what}: {done}" + (f" of {total}" if total else ""))

    yield advance
    talk.print(f"{what}: {done}")
