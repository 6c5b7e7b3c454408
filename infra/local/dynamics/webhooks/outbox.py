"""Subscriptions and undelivered notifications in one SQLite file. Moments are UTC, in seconds.

A notification is written when its change is published and goes when its receiver has it; killed in
between, the simulator sends it again. What is given up stays, as the products' own logs do.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic_core import from_json, to_json

_TABLES = """
CREATE TABLE IF NOT EXISTS subscription (
    product TEXT, id TEXT, body TEXT NOT NULL, PRIMARY KEY (product, id));
CREATE TABLE IF NOT EXISTS notification (
    id INTEGER PRIMARY KEY, product TEXT NOT NULL, subscription TEXT NOT NULL,
    resource TEXT NOT NULL, body TEXT NOT NULL, due REAL NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0, failure TEXT);
CREATE INDEX IF NOT EXISTS notification_due ON notification (due) WHERE failure IS NULL;
CREATE INDEX IF NOT EXISTS notification_resource ON notification (product, subscription, resource);
"""


@dataclass(frozen=True, slots=True)
class Subscription:
    product: str
    """Name of the product; with `id` the key."""
    id: str
    topic: str
    """What it listens to, in the product's words; a change with the same topic reaches it."""
    url: str
    """http, https, or sb://host/entity for a sender that was given for it."""
    policy: str
    """One of POLICIES."""
    client_state: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Sent with every notification, such as the webhook's own key."""
    expires_at: float | None = None


@dataclass(frozen=True, slots=True)
class Change:
    resource: str
    """What changed, in the product's words; policies that coalesce do so by it."""
    kind: str
    """Such as created, updated, deleted."""
    at: float
    body: object = None
    """What is sent by policies that send each change as it is: a JSON value."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Sent with it."""


@dataclass(frozen=True, slots=True)
class Notification:
    id: int
    subscription: Subscription
    change: Change
    tries: int
    """Failed ones so far."""


class Outbox:
    def __init__(self, path: Path | str) -> None:
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(_TABLES)
        self._subscriptions = {
            (each.product, each.id): each
            for (body,) in self._db.execute("SELECT body FROM subscription ORDER BY rowid")
            for each in [Subscription(**from_json(body))]
        }

    def close(self) -> None:
        self._db.close()

    def put(self, subscription: Subscription) -> None:
        """Add it, or replace the one of the same product and id."""
        self._subscriptions[subscription.product, subscription.id] = subscription
        self._db.execute(
            "INSERT INTO subscription VALUES (?, ?, ?) "
            "ON CONFLICT DO UPDATE SET body=excluded.body",
            (subscription.product, subscription.id, to_json(subscription).decode()),
        )

    def get(self, product: str, identifier: str) -> Subscription | None:
        return self._subscriptions.get((product, identifier))

    def subscriptions(self, product: str | None = None) -> list[Subscription]:
        every = self._subscriptions.values()
        return [each for each in every if product in (None, each.product)]

    def remove(self, product: str, identifier: str) -> bool:
        """Drop it with its notifications; return whether there was one."""
        found = self._subscriptions.pop((product, identifier), None)
        key = (product, identifier)
        self._db.execute("DELETE FROM subscription WHERE product=? AND id=?", key)
        self._db.execute(
            "DELETE FROM notification WHERE product=? AND subscription=? AND failure IS NULL", key
        )
        return found is not None

    def add(self, subscription: Subscription, change: Change, due: float) -> None:
        self._db.execute(
            "INSERT INTO notification (product, subscription, resource, body, due) "
            "VALUES (?, ?, ?, ?, ?)",
            (
                subscription.product,
                subscription.id,
                change.resource,
                to_json(change).decode(),
                due,
            ),
        )

    def merge(self, subscription: Subscription, change: Change, kind: str) -> None:
        """Let the untried notification of this resource tell the later change, as of this kind."""
        self._db.execute(
            "UPDATE notification SET body=? WHERE product=? AND subscription=? AND resource=? "
            "AND tries=0 AND failure IS NULL",
            (
                to_json(replace(change, kind=kind)).decode(),
                subscription.product,
                subscription.id,
                change.resource,
            ),
        )

    def untried(self, subscription: Subscription, resource: str) -> str | None:
        """The kind of the change that is yet to be told of this resource."""
        found = self._db.execute(
            "SELECT body FROM notification WHERE product=? AND subscription=? AND resource=? "
            "AND tries=0 AND failure IS NULL",
            (subscription.product, subscription.id, resource),
        ).fetchone()
        return None if found is None else str(from_json(found[0])["kind"])

    def due(self, now: float) -> list[Notification]:
        found = self._db.execute(
            "SELECT id, product, subscription, body, tries FROM notification "
            "WHERE failure IS NULL AND due<=? ORDER BY id",
            (now,),
        )
        return [
            Notification(identifier, subscription, Change(**from_json(body)), tries)
            for identifier, product, name, body, tries in found
            if (subscription := self._subscriptions.get((product, name))) is not None
        ]

    def next_due(self) -> float | None:
        sql = "SELECT min(due) FROM notification WHERE failure IS NULL"
        found: float | None = self._db.execute(sql).fetchone()[0]
        return found

    def delivered(self, ids: Sequence[int]) -> None:
        self._each("DELETE FROM notification WHERE id=?", [(each,) for each in ids])

    def failed(self, ids: Sequence[int], due: float) -> None:
        """To be tried again."""
        sql = "UPDATE notification SET tries=tries+1, due=? WHERE id=?"
        self._each(sql, [(due, each) for each in ids])

    def given_up(self, ids: Sequence[int], failure: str) -> None:
        sql = "UPDATE notification SET tries=tries+1, failure=? WHERE id=?"
        self._each(sql, [(failure, each) for each in ids])

    def again(self, identifier: int, due: float) -> bool:
        """Send what was given up once more; return whether there is such a one."""
        sql = "UPDATE notification SET tries=0, failure=NULL, due=? WHERE id=? AND failure NOTNULL"
        return self._db.execute(sql, (due, identifier)).rowcount > 0

    def listing(self) -> list[dict[str, object]]:
        """Notifications not delivered: waiting ones, and those given up with their `failure`."""
        found = self._db.execute(
            "SELECT id, product, subscription, body, due, tries, failure FROM notification "
            "ORDER BY id"
        )
        names = ("id", "product", "subscription", "change", "due", "tries", "failure")
        return [
            dict(zip(names, (*row[:3], from_json(row[3]), *row[4:]), strict=True)) for row in found
        ]

    def clear(self) -> None:
        self._subscriptions.clear()
        self._db.execute("DELETE FROM subscription")
        self._db.execute("DELETE FROM notification")

    def _each(self, sql: str, rows: Sequence[tuple[object, ...]]) -> None:
        self._db.execute("BEGIN")
        self._db.executemany(sql, rows)
        self._db.execute("COMMIT")
