"""Received telemetry in one SQLite file: what is answered with 200 is there after a kill -9."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from infra.local.appinsights.ingestion import LogLine, Measurement, Received, Span

_SCHEMA = """
CREATE TABLE IF NOT EXISTS spans (
  operation_id TEXT NOT NULL, id TEXT NOT NULL, parent_id TEXT, kind TEXT NOT NULL,
  name TEXT NOT NULL, role TEXT NOT NULL, start TEXT NOT NULL, duration_ms REAL NOT NULL,
  success INTEGER NOT NULL, result_code TEXT NOT NULL, attributes TEXT NOT NULL,
  links TEXT NOT NULL, subject TEXT);
CREATE INDEX IF NOT EXISTS spans_by_operation ON spans (operation_id);
CREATE INDEX IF NOT EXISTS spans_by_subject ON spans (subject) WHERE subject IS NOT NULL;
CREATE TABLE IF NOT EXISTS logs (
  operation_id TEXT, parent_id TEXT, time TEXT NOT NULL, severity INTEGER NOT NULL,
  message TEXT NOT NULL, role TEXT NOT NULL, attributes TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS logs_by_operation ON logs (operation_id);
CREATE TABLE IF NOT EXISTS measurements (
  name TEXT NOT NULL, time TEXT NOT NULL, value REAL NOT NULL, count INTEGER NOT NULL,
  role TEXT NOT NULL, attributes TEXT NOT NULL);
"""

SUBJECT = "tillbus.subject"
"""The span attribute with a fact's natural key; indexed, because it is what people ask by."""


class TelemetryStorage:
    """Adds and finds telemetry; safe to call from several threads, one at a time inside."""

    def __init__(self, data: Path | None) -> None:
        if data is not None:
            data.mkdir(parents=True, exist_ok=True)
        file = ":memory:" if data is None else str(data / "telemetry.sqlite")
        self._db = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
        self._lock = threading.Lock()
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file; later calls fail."""
        with self._lock:
            self._db.close()

    def add(self, received: Received) -> None:
        """Store all rows of one request in one transaction."""
        with self._lock:
            self._db.execute("BEGIN")
            self._insert("spans", map(_span_row, received.spans))
            self._insert("logs", map(_log_row, received.logs))
            self._insert("measurements", map(_measurement_row, received.measurements))
            self._db.execute("COMMIT")

    def clear(self) -> None:
        """Forget everything received."""
        with self._lock:
            for table in ("spans", "logs", "measurements"):
                self._db.execute(f"DELETE FROM {table}")

    def spans(self, operation_id: str) -> list[Span]:
        """Return the spans of one trace in order of start; empty when it is unknown."""
        return [
            _span_of(row)
            for row in self._select(
                "SELECT operation_id, id, parent_id, kind, name, role, start, duration_ms,"
                " success, result_code, attributes, links FROM spans"
                " WHERE operation_id = ? ORDER BY start, rowid",
                (operation_id,),
            )
        ]

    def operations(self, attribute: str, value: str, limit: int = 100) -> list[str]:
        """Return ids of traces with a span whose `attribute` equals `value`, first seen first."""
        parameters: tuple[object, ...]
        if attribute == SUBJECT:
            where, parameters = "subject = ?", (value, limit)
        else:
            where = "json_extract(attributes, '$.' || json_quote(?)) = ?"
            parameters = (attribute, value, limit)
        rows = self._select(
            f"SELECT operation_id FROM spans WHERE {where}"
            " GROUP BY operation_id ORDER BY min(start) LIMIT ?",
            parameters,
        )
        return [row[0] for row in rows]

    def links(self) -> list[tuple[str, str, str | None]]:
        """Return (operation id, span id, parent id) of every span: what connectedness needs."""
        return self._select("SELECT operation_id, id, parent_id FROM spans", ())

    def logs(
        self, operation_id: str | None = None, contains: str = "", limit: int = 1000
    ) -> list[LogLine]:
        """Return log lines in order of time, optionally of one trace or holding a text."""
        rows = self._select(
            "SELECT operation_id, parent_id, time, severity, message, role, attributes FROM logs"
            " WHERE (? IS NULL OR operation_id = ?) AND instr(message, ?) > 0"
            " ORDER BY time, rowid LIMIT ?",
            (operation_id, operation_id, contains, limit),
        )
        return [LogLine(*(*row[:6], json.loads(row[6]))) for row in rows]

    def metrics(self) -> list[dict[str, Any]]:
        """Return one summary per metric name: points, sum and last value."""
        rows = self._select(
            "SELECT name, count(*), sum(value), max(rowid), sum(count) FROM measurements"
            " GROUP BY name ORDER BY name",
            (),
        )
        return [
            {"name": name, "points": points, "sum": total, "count": count}
            for name, points, total, _, count in rows
        ]

    def stats(self) -> dict[str, int]:
        """Return how many rows of each kind, and how many traces, are stored."""
        row = self._select(
            "SELECT (SELECT count(*) FROM spans), (SELECT count(*) FROM logs),"
            " (SELECT count(*) FROM measurements),"
            " (SELECT count(DISTINCT operation_id) FROM spans)",
            (),
        )[0]
        return dict(zip(("spans", "logs", "measurements", "traces"), row, strict=True))

    def _insert(self, table: str, rows: Iterable[tuple[object, ...]]) -> None:
        for batch in (list(rows),):
            if batch:
                marks = ", ".join("?" * len(batch[0]))
                self._db.executemany(f"INSERT INTO {table} VALUES ({marks})", batch)

    def _select(self, sql: str, parameters: Sequence[object]) -> list[Any]:
        with self._lock:
            return self._db.execute(sql, parameters).fetchall()


def _span_row(span: Span) -> tuple[object, ...]:
    return (
        *(span.operation_id, span.id, span.parent_id, span.kind, span.name, span.role),
        *(span.start, span.duration_ms, span.success, span.result_code),
        *(json.dumps(dict(span.attributes)), json.dumps(span.links), span.attributes.get(SUBJECT)),
    )


def _span_of(row: tuple[Any, ...]) -> Span:
    links = tuple((operation, span) for operation, span in json.loads(row[11]))
    return Span(*(*row[:8], bool(row[8]), row[9], json.loads(row[10]), links))


def _log_row(line: LogLine) -> tuple[object, ...]:
    return (
        *(line.operation_id, line.parent_id, line.time, line.severity, line.message, line.role),
        json.dumps(dict(line.attributes)),
    )


def _measurement_row(point: Measurement) -> tuple[object, ...]:
    return (
        *(point.name, point.time, point.value, point.count, point.role),
        json.dumps(dict(point.attributes)),
    )
