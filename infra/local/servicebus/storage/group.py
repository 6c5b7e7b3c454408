"""One transaction's worth of changes, written with as few statements as they need."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from typing import Any

from infra.local.servicebus.amqp.encode import encode_value
from infra.local.servicebus.broker.changes import (
    Change,
    DuplicateNoted,
    DuplicatesForgotten,
    EntityPut,
    EntityRemoved,
    MessagePut,
    MessageRemoved,
    PayloadPut,
    PayloadRemoved,
    RulePut,
    RuleRemoved,
    SequenceReached,
    SessionStatePut,
)
from infra.local.servicebus.settings import EntityConfig
from infra.local.servicebus.storage.entities import encode_entity
from infra.local.servicebus.storage.rules import encode_rule

_PUT_RULE = (
    "INSERT INTO rule VALUES (?, ?, ?, (SELECT coalesce(max(place), 0) + 1 FROM rule))"
    " ON CONFLICT DO UPDATE SET definition = excluded.definition, place = excluded.place"
)
# The file may be older than the configuration's way to write the name.
_FIND_ENTITY = "SELECT id FROM entity WHERE address = ? COLLATE NOCASE"
_OF_ENTITIES = ("message", "duplicate", "session_state", "rule", "definition")


class Writer:
    """Knows the numbers the file has for addresses."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._entities: dict[str, int] = {}

    def write(self, changes: Iterable[Change]) -> None:
        """Write all changes or none. Raises sqlite3.Error; may then be called again with the same
        changes, also if it is unknown whether they were written."""
        group = _Group(self._entity)
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            for change in changes:
                if type(change) is EntityRemoved:
                    # What came before is removed, too; what comes after is of another entity.
                    group.write(self._connection)
                    group = _Group(self._entity)
                    self._remove_entity(change.entity)
                else:
                    group.add(change)
            group.write(self._connection)
            self._connection.execute("COMMIT")
        except BaseException:
            # Addresses numbered in this transaction are forgotten with it.
            self._entities.clear()
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    def _entity(self, address: str) -> int:
        number = self._entities.get(address)
        if number is None:
            execute = self._connection.execute
            if execute(_FIND_ENTITY, (address,)).fetchone() is None:
                execute("INSERT INTO entity VALUES (NULL, ?, 0)", (address,))
            (number,) = execute(_FIND_ENTITY, (address,)).fetchone()
            self._entities[address] = number
        return number

    def _remove_entity(self, address: str) -> None:
        """Everything but payloads, which other entities may share."""
        self._entities.clear()
        for (number,) in self._connection.execute(_FIND_ENTITY, (address,)).fetchall():
            for table in _OF_ENTITIES:
                self._connection.execute(f"DELETE FROM {table} WHERE entity = ?", (number,))
            self._connection.execute("DELETE FROM entity WHERE id = ?", (number,))


class _Group:
    """Later changes of the same row replace earlier ones; a row that came and went leaves only its
    removal, which costs nothing where there is no such row."""

    def __init__(self, entity: Callable[[str], int]) -> None:
        self._entity = entity
        self._payloads: dict[int, bytes] = {}
        self._gone_payloads: list[tuple[int]] = []
        self._messages: dict[tuple[int, int], MessagePut] = {}
        self._gone_messages: list[tuple[int, int]] = []
        self._reached: dict[int, int] = {}
        self._others: list[tuple[str, tuple[Any, ...]]] = []
        self._states: dict[tuple[int, str], SessionStatePut] = {}
        self._noted: list[tuple[int, str, int]] = []
        self._add: dict[type[Change], Callable[[Any], None]] = {
            PayloadPut: self._put_payload,
            PayloadRemoved: self._remove_payload,
            MessagePut: self._put_message,
            MessageRemoved: self._remove_message,
            SequenceReached: self._reach,
            DuplicateNoted: self._note_duplicate,
            DuplicatesForgotten: self._forget_duplicates,
            SessionStatePut: self._put_session_state,
            EntityPut: self._put_entity,
            RulePut: self._put_rule,
            RuleRemoved: self._remove_rule,
        }

    def add(self, change: Change) -> None:
        self._add[type(change)](change)

    def _put_payload(self, change: PayloadPut) -> None:
        self._payloads[change.number] = change.data

    def _remove_payload(self, change: PayloadRemoved) -> None:
        self._payloads.pop(change.number, None)
        self._gone_payloads.append((change.number,))

    def _put_message(self, change: MessagePut) -> None:
        self._messages[self._entity(change.entity), change.sequence_number] = change

    def _remove_message(self, change: MessageRemoved) -> None:
        key = (self._entity(change.entity), change.sequence_number)
        self._messages.pop(key, None)
        self._gone_messages.append(key)

    def _reach(self, change: SequenceReached) -> None:
        self._reached[self._entity(change.entity)] = change.sequence_number

    def _note_duplicate(self, change: DuplicateNoted) -> None:
        self._noted.append((self._entity(change.entity), change.message_id, change.at))

    def _forget_duplicates(self, change: DuplicatesForgotten) -> None:
        self._others.append(
            (
                "DELETE FROM duplicate WHERE entity = ? AND at <= ?",
                (self._entity(change.entity), change.until),
            )
        )

    def _put_session_state(self, change: SessionStatePut) -> None:
        self._states[self._entity(change.entity), change.session_id] = change

    def _put_entity(self, change: EntityPut) -> None:
        row = (
            self._entity(change.entity),
            _settings(change.config),
            change.created_at,
            change.updated_at,
            _settings(change.configured),
        )
        self._others.append(("INSERT OR REPLACE INTO definition VALUES (?, ?, ?, ?, ?)", row))

    def _put_rule(self, change: RulePut) -> None:
        name = change.rule.name.lower()
        row = (self._entity(change.entity), name, encode_rule(change.rule))
        self._others.append((_PUT_RULE, row))

    def _remove_rule(self, change: RuleRemoved) -> None:
        row = (self._entity(change.entity), change.name.lower(), None)
        self._others.append((_PUT_RULE, row))

    def write(self, connection: sqlite3.Connection) -> None:
        many = connection.executemany
        many("INSERT OR REPLACE INTO payload VALUES (?, ?)", self._payloads.items())
        many(
            "INSERT OR REPLACE INTO message VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                (entity, *row[1:12], _blob(row[12]), _blob(row[13]))
                for (entity, _), row in self._messages.items()
            ),
        )
        many("DELETE FROM message WHERE entity = ? AND sequence_number = ?", self._gone_messages)
        many("DELETE FROM payload WHERE number = ?", self._gone_payloads)
        many("INSERT OR REPLACE INTO duplicate VALUES (?, ?, ?)", self._noted)
        many(
            "UPDATE entity SET sequence_number = ? WHERE id = ?",
            ((reached, entity) for entity, reached in self._reached.items()),
        )
        many(
            "DELETE FROM session_state WHERE entity = ? AND session_id = ?",
            (key for key, row in self._states.items() if row.state is None),
        )
        many(
            "INSERT OR REPLACE INTO session_state VALUES (?, ?, ?, ?)",
            (
                (entity, *row[1:])
                for (entity, _), row in self._states.items()
                if row.state is not None
            ),
        )
        for statement, row in self._others:
            connection.execute(statement, row)


def _blob(values: dict[str, Any] | None) -> bytes | None:
    return None if values is None else encode_value(values)


def _settings(config: EntityConfig | None) -> bytes | None:
    return None if config is None else encode_entity(config)
