"""Entities come, change and go while the bus runs, and a restart finds what was said last."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from infra.local.servicebus.broker import (
    BrokerError,
    EntityAlreadyExists,
    EntityDisabled,
    EntityNotFound,
    InvalidArgument,
    Namespace,
    NotAllowed,
)
from infra.local.servicebus.broker.entity import Closing
from infra.local.servicebus.settings import (
    AuthorizationRule,
    EntityStatus,
    NamespaceConfig,
    QueueConfig,
    SubscriptionConfig,
    TopicConfig,
)
from infra.local.servicebus.storage import SqliteStorage
from tests.unit.servicebus_broker.helpers import (
    MINUTE,
    SECOND,
    message,
    names,
    one_queue,
    queue_of,
    sql_rule,
    subscription_of,
)

FILE = NamespaceConfig(
    queues=(QueueConfig("q"),),
    topics=(TopicConfig("t", subscriptions=(SubscriptionConfig("s"),)),),
)


class Restarts:
    """A namespace that can be started again, with the same or another configuration file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._storage: SqliteStorage | None = None

    async def start(self, file: NamespaceConfig = FILE, now: int = 0) -> Namespace:
        await self.stop()
        self._storage = SqliteStorage(self._path)
        self.namespace = Namespace(file, now=now)
        self.namespace.restore(self._storage.load())
        self.namespace.advance(now)
        return self.namespace

    def stored(self) -> set[str]:
        """The kinds of rows in the store."""
        assert self._storage is not None
        return {type(change).__name__ for change in self._storage.load()}

    async def stop(self) -> None:
        if self._storage is not None:
            await self._storage.commit(self.namespace.take_changes())
            await self._storage.aclose()


@pytest.fixture
async def restarts(tmp_path: Path) -> AsyncIterator[Restarts]:
    restarts = Restarts(tmp_path / "messages.db")
    yield restarts
    await restarts.stop()


async def test_entities_made_at_run_time_survive_a_restart(restarts: Restarts) -> None:
    namespace = await restarts.start()
    rule = AuthorizationRule("reader", frozenset({"Listen"}), "one", "two")
    queue = QueueConfig(
        "new", lock_duration=7 * SECOND, user_metadata="ours", authorization_rules=(rule,)
    )
    red, blue = sql_rule("red", "colour = 'red'"), sql_rule("blue", "colour = 'blue'")
    namespace.create_queue(queue, 10)
    namespace.create_topic(
        TopicConfig("made", subscriptions=(SubscriptionConfig("one", rules=(red,)),)), 20
    )
    namespace.create_subscription("T", SubscriptionConfig("two", rules=(blue,)), 30)
    subscription_of(namespace, "t/subscriptions/two").update_rule(replace(blue, action="SET a = 1"))
    namespace.send("new", [message("a")], 40)
    namespace.send("made", [message("b", properties={"colour": "red"})], 50)

    namespace = await restarts.start(now=90)

    again = queue_of(namespace, "new")
    assert (again.config, again.created_at, again.updated_at) == (queue, 10, 10)
    assert names(again.receive(9, 90)) == ["a"]
    assert names(queue_of(namespace, "made/subscriptions/one").receive(9, 90)) == ["b"]
    assert subscription_of(namespace, "made/subscriptions/one").rules() == [red]
    assert subscription_of(namespace, "t/subscriptions/two").rules() == [
        replace(blue, action="SET a = 1")
    ]
    assert [each.address for each in namespace.queues()] == ["new", "q"]
    assert [each.address for each in namespace.topics()] == ["made", "t"]


async def test_what_was_deleted_stays_deleted_with_all_it_held(restarts: Restarts) -> None:
    namespace = await restarts.start()
    namespace.create_queue(QueueConfig("new", requires_duplicate_detection=True), 0)
    for address in ("q", "t", "new"):
        namespace.send(address, [message("a")] * 2, 0)
    subscription_of(namespace, "t/subscriptions/s").add_rule(sql_rule("more", "1 = 1"))
    (locked,) = queue_of(namespace, "new").receive(1, 0)
    new = queue_of(namespace, "new")
    for address in ("q", "t", "new"):
        namespace.delete(address, 0)
    with pytest.raises(BrokerError):
        new.complete(locked.lock_token, 0)

    namespace = await restarts.start()

    assert list(namespace.entities()) == []
    assert namespace.orphans == {}
    assert restarts.stored() == {"EntityPut", "SequenceReached"}
    with pytest.raises(EntityNotFound):
        namespace.send("q", [message("b")], 0)
    namespace.create_queue(QueueConfig("new", requires_duplicate_detection=True), 0)
    namespace.send("new", [message("a")], 0)
    assert [each.sequence_number for each in queue_of(namespace, "new").peek(0, 9, 0)] == [1]


async def test_an_entity_deleted_and_made_anew_in_one_commit_is_the_new_one(
    restarts: Restarts,
) -> None:
    namespace = await restarts.start()
    namespace.send("q", [message("old")], 0)
    namespace.delete("q", 0)
    namespace.create_queue(QueueConfig("q", requires_session=True), 5)
    namespace.send("q", [message("new", group_id="s")], 5)

    namespace = await restarts.start()

    queue = queue_of(namespace, "q")
    assert names(queue.peek(0, 9, 0)) == ["new"]
    assert (queue.config.requires_session, queue.created_at) == (True, 5)


async def test_of_file_and_calls_what_was_said_last_counts(restarts: Restarts) -> None:
    namespace = await restarts.start(now=1)
    namespace.update_queue(replace(FILE.queues[0], lock_duration=5 * SECOND), 2)
    namespace.delete("t/subscriptions/s", 3)

    namespace = await restarts.start(now=10)
    queue = queue_of(namespace, "q")
    assert (queue.config.lock_duration, queue.created_at, queue.updated_at) == (5 * SECOND, 1, 2)
    with pytest.raises(EntityNotFound):
        namespace.entity("t/subscriptions/s")

    changed = NamespaceConfig(
        queues=(QueueConfig("q", lock_duration=9 * SECOND),),
        topics=(TopicConfig("t", subscriptions=(SubscriptionConfig("s", user_metadata="x"),)),),
    )
    namespace = await restarts.start(changed, now=20)
    queue = queue_of(namespace, "q")
    assert (queue.config.lock_duration, queue.created_at, queue.updated_at) == (9 * SECOND, 1, 20)
    assert subscription_of(namespace, "t/subscriptions/s").config.user_metadata == "x"

    namespace = await restarts.start(changed, now=30)
    assert queue_of(namespace, "q").updated_at == 20


async def test_an_entity_the_file_dropped_gets_its_messages_when_it_is_made_again(
    restarts: Restarts,
) -> None:
    namespace = await restarts.start()
    namespace.send("q", [message("a"), message("b")], 0)
    namespace = await restarts.start(NamespaceConfig())
    assert namespace.orphans == {"q": 2}

    namespace.create_queue(QueueConfig("q"), 0)
    assert namespace.orphans == {}
    queue_of(namespace, "q").receive(1, 0, settle_on_delivery=True)
    namespace.send("q", [message("c")], 0)

    namespace = await restarts.start(NamespaceConfig())
    assert names(queue_of(namespace, "q").receive(9, 0)) == ["b", "c"]


async def test_a_name_written_otherwise_is_the_same_entity(restarts: Restarts) -> None:
    namespace = await restarts.start()
    namespace.send("q", [message("a"), message("b")], 0)

    namespace = await restarts.start(NamespaceConfig(queues=(QueueConfig("Q"),)))
    namespace.entity("q")
    queue_of(namespace, "q").receive(1, 0, settle_on_delivery=True)

    namespace = await restarts.start()
    assert names(queue_of(namespace, "q").receive(9, 0)) == ["b"]


async def test_a_store_of_the_first_layout_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "messages.db"
    with sqlite3.connect(path) as old:
        old.executescript(FIRST_LAYOUT)
        old.execute("INSERT INTO entity VALUES (1, 'q', 4)")
        old.execute("INSERT INTO payload VALUES (1, ?)", (message("a"),))
        old.execute(
            "INSERT INTO message VALUES (1, 4, 4, 0, 1, 0, 2, NULL, NULL, NULL, NULL, NULL, NULL,"
            " NULL)"
        )
    old.close()
    restarts = Restarts(path)

    namespace = await restarts.start()
    namespace.send("q", [message("b")], 0)
    namespace = await restarts.start()

    held = queue_of(namespace, "q").peek(0, 9, 0)
    assert names(held) == ["a", "b"]
    assert [(each.sequence_number, each.delivery_count) for each in held] == [(4, 2), (5, 0)]
    await restarts.stop()


FIRST_LAYOUT = """
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
CREATE TABLE rule (
    entity INTEGER NOT NULL, name TEXT NOT NULL, definition BLOB, place INTEGER NOT NULL,
    PRIMARY KEY (entity, name)
) WITHOUT ROWID;
PRAGMA application_id = 0x54425342;
PRAGMA user_version = 1;
"""


def test_two_entities_cannot_have_one_name_in_any_case() -> None:
    namespace, _ = one_queue()

    for make in (
        lambda: namespace.create_queue(QueueConfig("Q"), 0),
        lambda: namespace.create_topic(TopicConfig("Q"), 0),
    ):
        with pytest.raises(EntityAlreadyExists):
            make()


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (QueueConfig("-"), "is not a name"),
        (QueueConfig("x", forward_to="nowhere"), "no queue or topic 'nowhere'"),
        (QueueConfig("x", forward_dead_lettered_messages_to="nowhere"), "no queue or topic"),
        (QueueConfig("x", forward_to="q/$DeadLetterQueue"), "no queue or topic"),
        (QueueConfig("x", forward_to="q", requires_session=True), "sessions cannot forward"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_made(config: QueueConfig, said: str) -> None:
    namespace, _ = one_queue()

    with pytest.raises(InvalidArgument, match=said):
        namespace.create_queue(config, 0)

    assert len(namespace.queues()) == 1


def test_an_update_keeps_what_only_creation_decides() -> None:
    namespace, queue = one_queue()

    changes: dict[str, Any]
    for setting in ("requires_session", "requires_duplicate_detection", "enable_partitioning"):
        changes = {setting: True}
        with pytest.raises(NotAllowed, match=setting):
            namespace.update_queue(replace(queue.config, **changes), 0)
    with pytest.raises(EntityNotFound):
        namespace.update_queue(QueueConfig("other"), 0)


def test_an_update_applies_to_what_happens_next() -> None:
    namespace, queue = one_queue(lock_duration=MINUTE)
    namespace.send("q", [message("a"), message("b")], 0)
    before = queue.receive(1, 0)
    namespace.update_queue(QueueConfig("q", lock_duration=5 * SECOND, max_delivery_count=1), 1)
    after = queue.receive(1, 1)

    assert before[0].message.locked_until == MINUTE
    assert after[0].message.locked_until == 1 + 5 * SECOND
    queue.abandon(after[0].lock_token, 1)
    assert queue.counts().dead_letter == 1
    assert queue.updated_at == 1


def ended(links: set[Closing]) -> list[BrokerError]:
    heard: list[BrokerError] = []
    links.add(heard.append)
    return heard


@pytest.mark.parametrize(
    ("status", "sends", "receives"),
    [
        (EntityStatus.ACTIVE, True, True),
        (EntityStatus.DISABLED, False, False),
        (EntityStatus.SEND_DISABLED, False, True),
        (EntityStatus.RECEIVE_DISABLED, True, False),
    ],
)
def test_the_status_says_which_links_may_stay(
    status: EntityStatus, sends: bool, receives: bool
) -> None:
    namespace, queue = one_queue()
    senders, receivers = ended(queue.senders), ended(queue.receivers)

    namespace.update_queue(QueueConfig("q", status=status), 0)

    send = partial(namespace.send, "q", [message("a")], 0)
    checks: list[tuple[bool, list[BrokerError], Callable[[], None]]] = [
        (sends, senders, send),
        (receives, receivers, queue.check_receive),
    ]
    for allowed, heard, check in checks:
        assert [type(each) for each in heard] == ([] if allowed else [EntityDisabled])
        if allowed:
            check()
        else:
            with pytest.raises(EntityDisabled):
                check()


def test_a_disabled_subscription_still_gets_its_copies() -> None:
    namespace = Namespace(FILE)
    namespace.update_subscription("t", SubscriptionConfig("s", status=EntityStatus.DISABLED), 0)

    namespace.send("t", [message("a")], 0)

    assert queue_of(namespace, "t/subscriptions/s").counts().active == 1


def test_links_of_a_deleted_entity_are_told_it_is_gone() -> None:
    namespace = Namespace(FILE)
    heard = [
        ended(namespace.entity(address).receivers)
        for address in ("t/subscriptions/s", "t/subscriptions/s/$DeadLetterQueue")
    ]

    namespace.delete("T", 0)

    assert [[type(each) for each in one] for one in heard] == [[EntityNotFound]] * 2


def test_the_size_is_that_of_what_is_held() -> None:
    namespace, queue = one_queue()
    payload = message("a")
    namespace.send("q", [payload] * 3, 0)
    assert queue.size_bytes == 3 * len(payload)

    one, two = queue.receive(2, 0)
    queue.complete(one.lock_token, 0)
    queue.dead_letter(two.lock_token, 0, "x")

    assert queue.size_bytes == 2 * len(payload)
