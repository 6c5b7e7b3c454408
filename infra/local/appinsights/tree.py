"""From the flat spans of a trace to the tree a person reads, and to what does not hang together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from infra.local.appinsights.ingestion import Span


@dataclass(frozen=True)
class SpanNode:
    """One span and, in order of their start, the spans it caused."""

    span: Span
    children: tuple[SpanNode, ...]


def build_tree(spans: Iterable[Span]) -> tuple[SpanNode, ...]:
    """Return the roots of a trace in order of start.

    A span whose parent was not received stands as a root of its own, so that nothing is hidden.
    """
    ordered = sorted(spans, key=lambda span: span.start)
    known = {span.id for span in ordered}
    children: dict[str | None, list[Span]] = defaultdict(list)
    for span in ordered:
        children[span.parent_id if span.parent_id in known else None].append(span)

    def node(span: Span) -> SpanNode:
        return SpanNode(span, tuple(node(child) for child in children[span.id]))

    return tuple(node(span) for span in children[None])


def disconnected(
    spans: Sequence[tuple[str, str, str | None]],
) -> dict[str, tuple[int, int]]:
    """Return the traces that are not one tree: operation id -> (roots, orphans).

    `spans` holds (operation id, span id, parent id). An orphan names a parent that was not received
    in its trace. A trace is connected when it has exactly one root and no orphan.
    """
    known = {(operation, span) for operation, span, _ in spans}
    roots: dict[str, int] = defaultdict(int)
    orphans: dict[str, int] = defaultdict(int)
    for operation, _, parent in spans:
        if parent is None or parent == operation:
            roots[operation] += 1
        elif (operation, parent) not in known:
            orphans[operation] += 1
    operations = {operation for operation, _, _ in spans}
    return {
        operation: (roots[operation], orphans[operation])
        for operation in sorted(operations)
        if (roots[operation], orphans[operation]) != (1, 0)
    }
