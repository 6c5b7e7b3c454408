"""How flat spans become a tree, and how a broken trace is recognised."""

from __future__ import annotations

from infra.local.appinsights.ingestion import Span
from infra.local.appinsights.tree import build_tree, disconnected


def _span(id_: str, parent: str | None, start: str) -> Span:
    return Span("t", id_, parent, "InProc", id_, "role", start, 1.0, True, "0", {}, ())


def test_children_stand_under_their_parent_in_order_of_start() -> None:
    spans = [_span("late", "root", "3"), _span("root", None, "1"), _span("early", "root", "2")]

    (root,) = build_tree(spans)

    assert [child.span.id for child in root.children] == ["early", "late"]


def test_a_span_whose_parent_never_arrived_is_shown_as_a_root() -> None:
    roots = build_tree([_span("root", None, "1"), _span("lost", "unknown", "2")])

    assert [node.span.id for node in roots] == ["root", "lost"]


def test_a_trace_is_connected_when_it_has_one_root_and_no_orphan() -> None:
    good = [("a", "1", None), ("a", "2", "1")]
    two_roots = [("b", "1", None), ("b", "2", None)]
    orphan = [("c", "1", None), ("c", "2", "9")]

    assert disconnected([*good, *two_roots, *orphan]) == {"b": (2, 0), "c": (1, 1)}
