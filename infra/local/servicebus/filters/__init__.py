"""Filters and actions of subscription rules: SQL expressions and correlation filters, compiled.

Grammar and semantics: Microsoft Learn, "Subscription rule SQL filter syntax" and "Subscription rule
SQL action syntax"; what is not documented there is decided in `values.py` and said so.
"""

from infra.local.servicebus.filters.compile import (
    ActionChanges,
    compile_action,
    compile_filter,
    compile_sql_filter,
)
from infra.local.servicebus.filters.definitions import (
    CORRELATION_FIELDS,
    CorrelationFilterConfig,
    FalseFilterConfig,
    FilterConfig,
    SqlFilterConfig,
    TrueFilterConfig,
)
from infra.local.servicebus.filters.errors import FilterError, FilterSyntaxError
from infra.local.servicebus.filters.view import MessageView

__all__ = [
    "CORRELATION_FIELDS",
    "ActionChanges",
    "CorrelationFilterConfig",
    "FalseFilterConfig",
    "FilterConfig",
    "FilterError",
    "FilterSyntaxError",
    "MessageView",
    "SqlFilterConfig",
    "TrueFilterConfig",
    "compile_action",
    "compile_filter",
    "compile_sql_filter",
]
