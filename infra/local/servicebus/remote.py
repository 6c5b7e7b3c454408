"""Commands that ask a running bus over its admin port; COMMANDS has them all."""

from __future__ import annotations

import argparse
import hmac
import json
import time
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any
from urllib.parse import quote, quote_plus

from infra.local.servicebus.server.faults import KINDS, Fault

DEFAULT_ADMIN = "http://127.0.0.1:5300"


class NotAnswered(Exception):
    """The bus is not there or refuses; the text is one sentence."""


def _ask(arguments: argparse.Namespace, method: str, path: str, document: object = None) -> Any:
    import httpx

    admin = arguments.admin.rstrip("/")
    headers = {} if arguments.key is None else {"Authorization": _token(arguments.key, admin)}
    try:
        answer = httpx.request(method, f"{admin}{path}", json=document, headers=headers, timeout=30)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise NotAnswered(f"No local Service Bus answers at {admin}: {error}.") from error
    if answer.is_success:
        return answer.json() if answer.content else None
    try:
        raise NotAnswered(answer.json()["detail"])
    except (ValueError, KeyError, TypeError) as error:
        raise NotAnswered(f"{admin} answered {answer.status_code}.") from error


def _token(key: str, resource: str) -> str:
    """Return a shared access signature of a key NAME=KEY, for as long as one question takes."""
    name, _, secret = key.partition("=")
    resource, ends = quote_plus(resource), int(time.time()) + 60
    signed = hmac.digest(secret.encode(), f"{resource}\n{ends}".encode(), "sha256")
    signature = quote_plus(b64encode(signed))
    return f"SharedAccessSignature sr={resource}&sig={signature}&se={ends}&skn={quote_plus(name)}"


# faults


def _all_or_int(text: str) -> int | None:
    return None if text == "all" else int(text)


_READERS: Mapping[Any, Callable[[str], Any]] = {
    "str": str,
    "str | None": str,
    "int": int,
    "int | None": _all_or_int,
    "float": float,
}
_HELP = {
    "at": "operation, such as send, settle or management:renew-lock",
    "entity": "only of this entity",
    "client": "only of this container id, see the command connections",
    "link": "only on the link of this name",
    "message_id": "only messages of this id",
    "session_id": "only messages of this session",
    "after": "matching operations that pass first",
    "times": "how many are hit, or all (1)",
    "probability": "chance of each, up to 1",
    "seed": "of that chance",
    "delay_ms": "for delay (1000)",
    "condition": "AMQP error condition, for refuse",
    "description": "the text that goes with it",
}


def _faults_parser(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True)
    _admin(actions.add_parser("list", help="show every fault and how often it struck"))
    clear = actions.add_parser("clear", help="remove one fault, or all")
    clear.add_argument("id", type=int, nargs="?")
    _admin(clear)
    kinds = "\n".join(f"  {kind:<12} {', '.join(at)}" for kind, at in KINDS.items())
    add = actions.add_parser(
        "add",
        help="order a fault",
        usage="%(prog)s KIND [--at OPERATION] [option ...]",
        epilog=f"kinds, and what they can happen at (the first unless told otherwise):\n{kinds}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add.add_argument("kind", choices=KINDS, metavar="KIND", help="what goes wrong, see below")
    for each in fields(Fault):
        if each.name in _HELP:
            option = f"--{each.name.replace('_', '-')}"
            reader = _READERS[each.type]
            add.add_argument(option, type=reader, default=each.default, help=_HELP[each.name])
    add.add_argument(
        "--before",
        action="store_false",
        dest="takes_effect",
        help="before the operation took effect, not after",
    )
    _admin(add)


def _faults(arguments: argparse.Namespace) -> int:
    _FAULT_ACTIONS[arguments.action](arguments)
    return 0


def _list(arguments: argparse.Namespace) -> None:
    _print_faults(_ask(arguments, "GET", "/faults")["faults"], arguments.json)


def _add(arguments: argparse.Namespace) -> None:
    fault = {each.name: getattr(arguments, each.name) for each in fields(Fault)}
    answer = _ask(arguments, "POST", "/faults", fault)
    _print_faults(answer["faults"], arguments.json)


def _clear(arguments: argparse.Namespace) -> None:
    path = "/faults" if arguments.id is None else f"/faults/{arguments.id}"
    _ask(arguments, "DELETE", path)


_FAULT_ACTIONS = {"list": _list, "add": _add, "clear": _clear}


def _print_faults(faults: Sequence[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        print(json.dumps(faults, indent=2))
        return
    usual = {each.name: each.default for each in fields(Fault)}
    rows = []
    for fault in faults:
        named = {"id", "hits", "kind", "at"}
        more = [
            f"{name}={'all' if value is None else value}"
            for name, value in fault.items()
            if name not in named and value != usual[name]
        ]
        rows.append((fault["id"], fault["kind"], fault["at"], fault["hits"], " ".join(more)))
    _print_table(("id", "kind", "at", "hits", ""), rows)


# inspect


def _inspect_parser(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("entity", nargs="?", help="address; every entity's counts without it")
    _page(parser)
    _admin(parser)


def _inspect(arguments: argparse.Namespace) -> int:
    if arguments.entity is None:
        document = _ask(arguments, "GET", "/inspect")
        columns = ("active", "locked", "scheduled", "deferred", "deadLettered")
        rows = [
            (name, *(counts.get(key, "") for key in columns))
            for name, counts in document["entities"].items()
            if any(counts.values()) or not name.endswith("/$DeadLetterQueue")
        ]
        header = ("entity", *columns)
    else:
        page = f"?skip={arguments.skip}&top={arguments.top}"
        path = f"/inspect/{quote(arguments.entity.strip('/'), safe='/$')}{page}"
        document = _ask(arguments, "GET", path)
        header = ("sequence", "id", "session", "state", "deliveries", "why or until")
        rows = [_row(message) for message in document["messages"]]
    if arguments.json:
        print(json.dumps(document, indent=2))
    else:
        _print_table(header, rows)
    return 0


def _row(message: dict[str, Any]) -> tuple[object, ...]:
    holder = message["lockHolder"] or {"client": "nobody connected"}
    dead = ": ".join(
        text
        for text in (message["deadLetterReason"], message["deadLetterErrorDescription"])
        if text
    )
    until = f"{message['lockedUntil']} by {holder['client']}" if message["lockedUntil"] else None
    return (
        message["sequenceNumber"],
        message["messageId"] or "",
        message["sessionId"] or "",
        message["state"],
        message["deliveryCount"],
        dead or until or (message["scheduledTime"] if message["state"] == "scheduled" else ""),
    )


# connections


def _connections_parser(parser: argparse.ArgumentParser) -> None:
    _page(parser)
    _admin(parser)


def _connections(arguments: argparse.Namespace) -> int:
    page = f"?skip={arguments.skip}&top={arguments.top}"
    document = _ask(arguments, "GET", f"/connections{page}")
    if arguments.json:
        print(json.dumps(document, indent=2))
        return 0
    columns = ("direction", "address", "credit", "unsettled")
    rows = [
        (each["client"], each["peer"], *(link[key] for key in columns))
        for each in document["connections"]
        for link in each["links"] or [dict.fromkeys(columns, "")]
    ]
    _print_table(("client", "peer", *columns), rows)
    return 0


# clock


def _clock_parser(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("advance", nargs="?", metavar="PT30S", help="move the clock on this far")
    _admin(parser)


def _clock(arguments: argparse.Namespace) -> int:
    step = arguments.advance
    told = () if step is None else ({"advance": step},)
    document = _ask(arguments, "GET" if step is None else "POST", "/clock", *told)
    print(json.dumps(document) if arguments.json else document["now"])
    return 0


def _page(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--skip", type=int, default=0, help="how many to leave out (0)")
    parser.add_argument("--top", type=int, default=100, help="how many to show at most (100)")


def _print_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    table = [tuple(map(str, row)) for row in (header, *rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        print("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip())


def _admin(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--admin", default=DEFAULT_ADMIN, help="the bus's admin URL (%(default)s)")
    parser.add_argument("--key", metavar="NAME=KEY", help="a policy of the bus that may manage")
    parser.add_argument("--json", action="store_true", help="print JSON")


COMMANDS = {
    "faults": ("order, list and clear faults of a running bus", _faults_parser, _faults),
    "inspect": ("show what a running bus holds, and why", _inspect_parser, _inspect),
    "connections": (
        "show who is connected to a running bus, and their links",
        _connections_parser,
        _connections,
    ),
    "clock": (
        "tell the time of a running bus, or move it on (--clock manual)",
        _clock_parser,
        _clock,
    ),
}


def run(program: str, argv: Sequence[str]) -> int:
    """Run `argv[0]`, one of COMMANDS. Raises NotAnswered; SystemExit 2 for wrong usage."""
    name, *rest = argv
    description, prepare, command = COMMANDS[name]
    parser = argparse.ArgumentParser(prog=f"{program} {name}", description=description.capitalize())
    prepare(parser)
    return command(parser.parse_args(rest))
