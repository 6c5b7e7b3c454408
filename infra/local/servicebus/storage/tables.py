"""The tables of the SQLite store, read back as changes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

from infra.local.servicebus.amqp.decode import decode_value
from infra.local.servicebus.broker.changes import (
    Change,
    DuplicateNoted,
    EntityPut,
    MessagePut,
    PayloadPut,
    RulePut,
    RuleRemoved,
    SequenceReached,
    SessionStatePut,
)
from infra.local.servicebus.settings import EntityConfig
from infra.local.servicebus.storage.entities import decode_entity
from infra.local.servicebus.storage.rules import decode_rule

_APPLICATION_ID = 0x5442_5342  # marks the file as ours ("TBSB")
# What each layout added to the one before it; a file of an older layout gets what it lacks.
# An entity is written with every row of its messages, so it is a number there.
_LAYOUTS = (
    """
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
-- Only what changed at run time; definition NULL: a configured rule was removed.
CREATE TABLE rule (
    entity INTEGER NOT NULL, name TEXT NOT NULL, definition BLOB, place INTEGER NOT NULL,
    PRIMARY KEY (entity, name)
) WITHOUT ROWID;
""",
    """
CREATE TABLE session_state (
    entity INTEGER NOT NULL, session_id TEXT NOT NULL, state BLOB NOT NULL, at INTEGER NOT NULL,
    PRIMARY KEY (entity, session_id)
) WITHOUT ROWID;
-- config NULL: deleted though the file names it; configured NULL: the file does not name it.
CREATE TABLE definition (
    entity INTEGER PRIMARY KEY, config BLOB, created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL, configured BLOB
);
""",
)
_VERSION = len(_LAYOUTS)
_WITHOUT_PAYLOAD = (
    "SELECT payload FROM message WHERE payload NOT IN (SELECT number FROM payload) LIMIT 1"
)


def create(connection: sqlite3.Connection) -> None:
    """Make the tables in a new file, and add to an older one what its layout lacks, keeping what
    it holds. Raises ValueError when the file holds something else."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if tables == 0:
        version = 0
    elif application != _APPLICATION_ID:
        raise ValueError("the file is a database of something else")
    elif not 0 < version <= _VERSION:
        raise ValueError(
            f"the file has layout {version}, this program reads layouts up to {_VERSION}"
        )
    if version < _VERSION:
        connection.executescript(
            f"BEGIN; {''.join(_LAYOUTS[version:])} PRAGMA application_id = {_APPLICATION_ID};"
            f"PRAGMA user_version = {_VERSION}; COMMIT;"
        )


def load(connection: sqlite3.Connection) -> Iterator[Change]:
    """Yield the stored state in the order `broker.restore` wants."""
    addresses: dict[int, str] = dict(connection.execute("SELECT id, address FROM entity"))
    for entity, config, created_at, updated_at, configured in connection.execute(
        "SELECT * FROM definition ORDER BY entity"
    ):
        yield EntityPut(
            addresses[entity], _settings(config), created_at, updated_at, _settings(configured)
        )
    for address, reached in connection.execute("SELECT address, sequence_number FROM entity"):
        yield SequenceReached(address, reached)
    for (number,) in connection.execute(_WITHOUT_PAYLOAD):
        raise LookupError(f"a message's content is missing (payload {number})")
    for number, data in connection.execute("SELECT * FROM payload"):
        yield PayloadPut(number, data)
    for row in connection.execute("SELECT * FROM message ORDER BY entity, sequence_number"):
        application, properties = row[-2:]
        if application is not None or properties is not None:
            row = (*row[:-2], _map(application), _map(properties))
        yield MessagePut(addresses[row[0]], *row[1:])
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


def _settings(data: bytes | None) -> EntityConfig | None:
    return None if data is None else decode_entity(data)
