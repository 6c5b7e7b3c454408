"""W3C trace context of an invocation (https://www.w3.org/TR/trace-context/)."""

import re
import secrets
from collections.abc import Mapping

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
# The SDK writes both, equal; the host's extension reads the older name first.
_NAMES = ("Diagnostic-Id", "traceparent")


def new_traceparent() -> str:
    """Return the context of a new, sampled trace."""
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"


def valid_traceparent(text: str | None) -> str | None:
    """Return the text if it is a trace context, otherwise None."""
    return text if text and _TRACEPARENT.fullmatch(text) else None


def message_traceparent(application_properties: Mapping[str, object]) -> str | None:
    """Return the context its sender put on a message, None when there is none."""
    for name in _NAMES:
        value = application_properties.get(name)
        if isinstance(value, str) and (found := valid_traceparent(value)):
            return found
    return None
