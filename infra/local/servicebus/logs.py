"""How the bus writes its log: for people, or one JSON object a line for programs."""

from __future__ import annotations

import json
import logging
import sys
from datetime import datetime, timezone

CONTEXT = ("peer", "client")
"""What a record may say about whom it is about: address and container id."""


def _context(record: logging.LogRecord) -> dict[str, str]:
    known = {name: getattr(record, name, None) for name in CONTEXT}
    return {name: str(value) for name, value in known.items() if value}


class Human(logging.Formatter):
    def __init__(self) -> None:
        super().__init__("%(asctime)s servicebus %(levelname)s %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        context = " ".join(f"{name}={value}" for name, value in _context(record).items())
        return f"{super().formatMessage(record)} {context}".rstrip()


class Json(logging.Formatter):
    """time (ISO 8601, UTC), level, logger, message, peer and client where there is one, exception
    (the traceback)."""

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created, timezone.utc)
        document = {
            "time": time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_context(record),
        }
        if record.exc_info:
            document["exception"] = self.formatException(record.exc_info)
        return json.dumps(document, ensure_ascii=False)


FORMATS: dict[str, type[logging.Formatter]] = {"human": Human, "json": Json}


def configure(log_format: str, *, verbose: bool) -> None:
    """Log to stderr, from INFO on, or from DEBUG on when verbose."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(FORMATS[log_format]())
    level = logging.DEBUG if verbose else logging.INFO
    logging.basicConfig(handlers=[handler], level=level, force=True)  # `tillbus` has its own
