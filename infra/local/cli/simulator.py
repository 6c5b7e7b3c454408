"""`tillbus simulator …`: ask a running Dynamics simulator, order faults, move its clock."""

from __future__ import annotations

import json
from typing import Annotated, Any

import httpx
import typer
from rich.table import Table

from infra.local.cli.output import Refused, out, print_json
from infra.local.dynamics import Fault, FaultKind

DEFAULT_URL = "http://127.0.0.1:7080"

asking = typer.Typer(help="Ask a running Dynamics simulator.", no_args_is_help=True)
faults = typer.Typer(help="What goes wrong on purpose.", no_args_is_help=True)
asking.add_typer(faults, name="faults")

Url = Annotated[str, typer.Option("--url", help="The simulator's API.", envvar="TILLBUS_SIMULATOR")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


def _ask(url: str, method: str, path: str, document: object = None) -> Any:
    """The JSON answer, None for an empty one. Raises Refused with what a problem document says."""
    answer = httpx.request(method, f"{url.rstrip('/')}/_simulator/{path}", json=document)
    if answer.is_success:
        return answer.json() if answer.content else None
    try:
        raise Refused(answer.json()["detail"])
    except (ValueError, KeyError, TypeError) as error:
        raise Refused(f"{url} answered {answer.status_code}") from error


def _show(columns: list[str], rows: list[list[object]]) -> None:
    table = Table(*columns, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    out.print(table)


@faults.command("add")
def add_fault(
    kind: Annotated[FaultKind, typer.Argument(help="What goes wrong.")],
    options: Annotated[
        list[str] | None, typer.Argument(help="NAME=VALUE of the fault, VALUE as JSON or text.")
    ] = None,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> int:
    """Order a fault, such as: add throttle count=null seconds=60 path=RetailTransactions."""
    fault: dict[str, object] = {"kind": kind.value}
    for option in options or ():
        name, equals, value = option.partition("=")
        if not equals or name not in Fault.model_fields:
            known = ", ".join(each for each in Fault.model_fields if each != "kind")
            raise typer.BadParameter(f"{option!r} is not NAME=VALUE with a NAME of {known}")
        fault[name] = _value(value)
    answer = _ask(url, "POST", "faults", fault)
    if as_json:
        print_json(answer)
    else:
        out.print(f"fault {answer['ids'][0]}")
    return 0


def _value(text: str) -> object:
    try:
        value: object = json.loads(text)
    except ValueError:
        return text
    return value


@faults.command("list")
def list_faults(url: Url = DEFAULT_URL, as_json: AsJson = False) -> int:
    """Show every fault, how often it struck and what is left of it."""
    listed = _ask(url, "GET", "faults")["faults"]
    if as_json:
        print_json(listed)
        return 0
    usual = {name: field.default for name, field in Fault.model_fields.items()}
    rows = []
    for each in listed:
        told = [f"{k}={v}" for k, v in each.items() if k in usual and k != "kind" and v != usual[k]]
        left = "over" if each["over"] else each["left"]
        rows.append([each["id"], each["kind"], each["taken"], left, " ".join(told)])
    _show(["id", "kind", "taken", "left", ""], rows)
    return 0


@faults.command("clear")
def clear_faults(
    identifier: Annotated[int | None, typer.Argument(help="Only this one.")] = None,
    url: Url = DEFAULT_URL,
) -> int:
    """Remove one fault, or all."""
    _ask(url, "DELETE", "faults" if identifier is None else f"faults/{identifier}")
    return 0


@asking.command()
def requests(url: Url = DEFAULT_URL, as_json: AsJson = False) -> int:
    """Show how often what was asked of the simulator."""
    counts = _ask(url, "GET", "requests")
    if as_json:
        print_json(counts)
    else:
        _show(["", "count"], [[name, count] for name, count in counts.items()])
    return 0


@asking.command()
def entities(
    product: Annotated[str | None, typer.Argument(help="Such as finance-operations.")] = None,
    entity_set: Annotated[str | None, typer.Argument(help="Its rows, one JSON a line.")] = None,
    skip: Annotated[int, typer.Option(min=0, help="Rows to leave out.")] = 0,
    top: Annotated[int, typer.Option(min=1, help="Rows to show at most.")] = 100,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> int:
    """Show what the products hold: counts of every entity set, or the rows of one."""
    query: dict[str, Any] = {"product": product, "set": entity_set, "skip": skip, "top": top}
    given = {name: value for name, value in query.items() if value is not None}
    document = _ask(url, "GET", f"entities?{httpx.QueryParams(given)}")
    if as_json:
        print_json(document)
    elif entity_set is not None:
        for row in document["value"]:
            out.print(json.dumps(row, ensure_ascii=False), soft_wrap=True, markup=False)
    else:
        rows = [[name, each, n] for name, sets in document.items() for each, n in sets.items()]
        _show(["product", "set", "rows"], [row for row in rows if row[2]])
    return 0


@asking.command()
def webhooks(url: Url = DEFAULT_URL, as_json: AsJson = False) -> int:
    """Show subscriptions and the notifications not delivered."""
    document = _ask(url, "GET", "webhooks")
    if as_json:
        print_json(document)
        return 0
    for each in document["subscriptions"]:
        out.print(f"{each['product']} {each['id']}: {each['topic']} to {each['url']}", markup=False)
    names = ("id", "product", "subscription", "tries", "failure")
    rows = [[each[name] for name in names] for each in document["notifications"]]
    _show(list(names), rows)
    return 0


@asking.command()
def clock(
    advance: Annotated[
        str | None, typer.Argument(metavar="PT5M", help="Move the clock on this far.")
    ] = None,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> int:
    """Tell the simulator's time, or move it on (--clock manual)."""
    told = () if advance is None else ({"advance": advance},)
    document = _ask(url, "GET" if advance is None else "POST", "clock", *told)
    if as_json:
        print_json(document)
    else:
        out.print(document["now"])
    return 0


COMMANDS = frozenset({"faults", "requests", "entities", "webhooks", "clock"})
