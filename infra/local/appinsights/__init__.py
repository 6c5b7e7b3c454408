"""A local Application Insights: receives what the real Azure Monitor exporter sends, and answers.

`LocalAppInsights` runs it inside a test; ``python -m infra.local.appinsights`` runs it alone.
`build_tree` turns the spans of one trace into the tree that ``tillbus trace`` draws.
"""

from infra.local.appinsights.server import INSTRUMENTATION_KEY, LocalAppInsights
from infra.local.appinsights.tree import SpanNode, build_tree, disconnected

__all__ = ["INSTRUMENTATION_KEY", "LocalAppInsights", "SpanNode", "build_tree", "disconnected"]
