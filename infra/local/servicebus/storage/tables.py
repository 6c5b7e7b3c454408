"""The tables of the SQLite store, read back as changes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

from infra.local.servicebus.amqp.decode import decode_value
from infra.local.servicebus.broker.changes import (
    Change,
    DuplicateNoted,
    MessagePut,
    PayloadPut,
    RulePut,
    RuleRemoved,
    SequenceReached,
    SessionStatePut,
)
from infra.local.servicebus.storage.rules import decode_rule

_APPLICATION_ID = 0x5442_5342  # marks the file as ours ("TBSB")
_VERSION = 2
# An entity is written with every row of its messages, so it is a number there.
_SCHEMA = """
CREATE TABLE entity (id INTEGER PRIMARY KEY, address TEXT NOT NULL UNIQUE,
    sequence_number INTEGER NOT NULL);
CREATE TABLE payload (number INTEGER PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE message (
    entity INTEGER NOT NULL, sequence_number INTEGER NOT NULL,
    enqueued_sequence_number INTEGER NOT NULL, enqueued_time INTEGER NOT NULL,
    payload INTEGER NOT NULL, state INTEGER NOT NULL, delivery_count INTEGER NOT NULL,
    expires_at INTEGER, scheduled_enqueue_time INTEGER, session_id TEXT, partition_key TEXT,
    dead_letter_source TEXT, application_properties BLOB, property_changes BLOB,
    PRIMARY KEY (entity, sequence_number)
) WITHOUT ROWID;
CREATE TABLE duplicate (
    entity INTEGER NOT NULL, message_id TEXT NOT NULL, at INTEGER NOT NULL,
    PRIMARY KEY (entity, message_id)
) WITHOUT ROWID;
CREATE INDEX duplicate_by_time ON duplicate (entity, at);
CREATE TABLE session_state (
    entity INTEGER NOT NULL, session_id TEXT NOT NULL, state BLOB NOT NULL, at INTEGER NOT NULL,
    PRIMARY KEY (entity, session_id)
) WITHOUT ROWID;
-- Only what changed at run time; definition NULL: a configured rule was removed.
CREATE TABLE rule (
    entity INTEGER NOT NULL, name TEXT NOT NULL, definition BLOB, place INTEGER NOT NULL,
    PRIMARY KEY (entity, name)
) WITHOUT ROWID;
"""


def create(connection: sqlite3.Connection) -> None:
    """Make the tables in a new file. Raises ValueError when the file holds something else."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if tables == 0:
        connection.executescript(
            f"BEGIN; {_SCHEMA} PRAGMA application_id = {_APPLICATION_ID};"
            f"PRAGMA user_version = {_VERSION}; COMMIT;"
        )
    elif application != _APPLICATION_ID:
        raise ValueError("the file is a database of something else")
    elif version != _VERSION:
        raise ValueError(f"the file has layout {version}, this program reads layout {_VERSION}")


def load(connection: sqlite3.Connection) -> Iterator[Change]:
    """Yield the stored state in the order `broker.restore` wants."""
    addresses: dict[int, str] = {}
    for number, address, reached in connection.execute("SELECT * FROM entity"):
        addresses[number] = address
        yield SequenceReached(address, reached)
    for number, data in connection.execute("SELECT * FROM payload"):
        yield PayloadPut(number, data)
    for entity, *fields, application, properties in connection.execute(
        "SELECT * FROM message ORDER BY entity, sequence_number"
    ):
        yield MessagePut._make((addresses[entity], *fields, _map(application), _map(properties)))
    for entity, message_id, at in connection.execute("SELECT * FROM duplicate ORDER BY at"):
        yield DuplicateNoted(addresses[entity], message_id, at)
    for entity, session_id, state, at in connection.execute("SELECT * FROM session_state"):
        yield SessionStatePut(addresses[entity], session_id, state, at)
    for entity, name, definition in connection.execute(
        "SELECT entity, name, definition FROM rule ORDER BY place"
    ):
        address = addresses[entity]
        if definition is None:
            yield RuleRemoved(address, name)
        else:
            yield RulePut(address, decode_rule(definition))


def _map(data: bytes | None) -> dict[str, Any] | None:
    return None if data is None else dict(decode_value(data)[0])
