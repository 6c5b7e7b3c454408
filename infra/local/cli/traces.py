"""``tillbus trace``: one fact's way from the till to the ledger, drawn as a tree."""

from __future__ import annotations

from typing import Any

import httpx
from rich.text import Text
from rich.tree import Tree

from infra.local.cli.output import Refused
from infra.local.platform import Addresses

_TRANSPORT = frozenset({"ServiceBus.message", "ServiceBus.send"})
"""Spans of the Service Bus SDK, between sender and receiver."""

_WAITS = {"tillbus.retry.due": "  tried again later", "tillbus.parked.key": "  parked under {}"}
"""Attributes of a fact that was not booked yet."""


async def find_trace(addresses: Addresses, which: str) -> dict[str, Any]:
    """Return the trace of a fact's natural key, or of a 32-digit trace id.

    The mapping has ``operation_id``, ``roots`` (nested by ``children``) and ``logs``. Raises
    `Refused` when nothing of it was received.
    """
    async with httpx.AsyncClient(base_url=addresses.appinsights, timeout=60) as http:
        operation_id = which
        if "/" in which:
            answer = await http.get("/api/traces", params={"value": which})
            found = answer.raise_for_status().json()["operation_ids"]
            if not found:
                raise Refused(f"no trace of {which} was received")
            operation_id = found[0]
        answer = await http.get(f"/api/traces/{operation_id}")
        if answer.status_code == httpx.codes.NOT_FOUND:
            raise Refused(f"no span of the trace {operation_id} was received")
        trace: dict[str, Any] = answer.raise_for_status().json()
        return trace


def draw_trace(trace: dict[str, Any], *, brief: bool = False) -> Tree:
    """Return the trace as a tree: name, application, duration, outcome.

    Brief leaves out what the Service Bus SDK notes of its own work, and links.
    """
    tree = Tree(Text(f"trace {trace['operation_id']}", style="bold"))
    for root in trace["roots"]:
        _draw(tree, root, brief)
    return tree


def _draw(parent: Tree, span: dict[str, Any], brief: bool) -> None:
    if brief and span["name"] in _TRANSPORT:
        for child in span["children"]:
            _draw(parent, child, brief)
        return
    label = Text(span["name"])
    if subscription := span["attributes"].get("tillbus.subscription"):
        label.append(f" for {subscription}")
    label.append(f"  {span['duration_ms']:.0f} ms", style="cyan")
    label.append(f"  {span['role']}", style="dim")
    for attribute, what in _WAITS.items():
        if waits := span["attributes"].get(attribute):
            label.append(what.format(waits), style="yellow")
    if not span["success"]:
        label.append(f"  failed {span['result_code']}", style="red")
    if (links := span["links"]) and not brief:
        label.append(f"  linked to {len(links)} span{'s' if len(links) > 1 else ''}", style="dim")
    branch = parent.add(label)
    for child in span["children"]:
        _draw(branch, child, brief)
