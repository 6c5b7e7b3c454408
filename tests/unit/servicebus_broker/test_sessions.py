"""Sessions: exclusive locks, order, expiry, state, the next available one; in virtual ms."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest

from infra.local.servicebus.broker import (
    MessageNotFound,
    Namespace,
    NotAllowed,
    Queue,
    SessionCannotBeLocked,
    SessionLock,
    SessionLockLost,
)
from infra.local.servicebus.broker.sessions import Sessions
from infra.local.servicebus.settings import NamespaceConfig, QueueConfig
from infra.local.servicebus.storage import tables
from infra.local.servicebus.storage.group import Writer
from tests.unit.servicebus_broker.helpers import (
    MINUTE,
    SECOND,
    dead_letters,
    message,
    names,
    one_queue,
    queue_of,
    reason_of,
)


def session_queue(**settings: Any) -> tuple[Namespace, Queue, Sessions]:
    namespace, queue = one_queue(requires_session=True, **settings)
    assert queue.sessions is not None
    return namespace, queue, queue.sessions


def send(namespace: Namespace, *names_: str, now: int = 0, **fields: Any) -> None:
    """Send one message each; a name is the session's id and a number, like 'a1'."""
    namespace.send("q", [message(name, group_id=name[0], **fields) for name in names_], now)


def accepted(sessions: Sessions, session_id: str | None, now: int = 0) -> SessionLock:
    lock = sessions.accept(session_id, now)
    assert lock is not None
    return lock


def test_a_session_hands_out_its_own_messages_in_order() -> None:
    namespace, queue, sessions = session_queue()
    send(namespace, "a1", "b1", "a2", "b2", "a3")
    a, b = accepted(sessions, "a"), accepted(sessions, "b")

    assert names(queue.receive(2, 0, session=a)) == ["a1", "a2"]
    assert names(queue.receive(9, 0, session=b)) == ["b1", "b2"]
    assert names(queue.receive(9, 0, session=a)) == ["a3"]


def test_a_session_has_one_receiver_at_a_time() -> None:
    _, _, sessions = session_queue()
    first = accepted(sessions, "a")

    with pytest.raises(SessionCannotBeLocked):
        sessions.accept("a", 0)
    sessions.release(first, 0)

    assert accepted(sessions, "a").session_id == "a"


def test_what_was_handed_out_returns_uncounted_when_the_session_is_released() -> None:
    namespace, queue, sessions = session_queue()
    send(namespace, "a1", "a2", "a3")
    lock = accepted(sessions, "a")
    first, _ = queue.receive(2, 0, session=lock)

    sessions.release(lock, 0)

    with pytest.raises(SessionLockLost):
        queue.complete(first.lock_token, 0)
    again = queue.receive(9, 0, session=accepted(sessions, "a"))
    assert names(again) == ["a1", "a2", "a3"]
    assert [delivery.message.delivery_count for delivery in again] == [0, 0, 0]


def test_an_expired_session_lock_counts_what_was_handed_out_and_gives_it_back_in_order() -> None:
    namespace, queue, sessions = session_queue(lock_duration=MINUTE)
    send(namespace, "a1", "a2", "a3")
    lock = accepted(sessions, "a")
    told: list[SessionLockLost] = []
    lock.lost = told.append
    one, two = queue.receive(2, 0, session=lock)
    queue.complete(one.lock_token, 0)

    namespace.advance(MINUTE)

    assert [type(reason) for reason in told] == [SessionLockLost]
    for lost in (lambda: queue.complete(two.lock_token, MINUTE),
                 lambda: queue.receive(1, MINUTE, session=lock),
                 lambda: sessions.renew("a", MINUTE),
                 lambda: sessions.state("a", MINUTE)):  # fmt: skip
        with pytest.raises(SessionLockLost):
            lost()
    again = queue.receive(9, MINUTE, session=accepted(sessions, "a", MINUTE))
    assert [(d.message.sequence_number, d.message.delivery_count) for d in again] == [
        (2, 1),
        (3, 0),
    ]


def test_a_released_lock_is_never_told_lost() -> None:
    namespace, _, sessions = session_queue(lock_duration=MINUTE)
    lock = accepted(sessions, "a")
    told: list[SessionLockLost] = []
    lock.lost = told.append

    sessions.release(lock, 0)
    namespace.advance(MINUTE)

    assert told == []
    assert namespace.next_deadline() is None


def test_releasing_a_lost_lock_leaves_the_next_holder_alone() -> None:
    namespace, queue, sessions = session_queue(lock_duration=MINUTE)
    send(namespace, "a1")
    old = accepted(sessions, "a")
    namespace.advance(MINUTE)
    new = accepted(sessions, "a", MINUTE)

    sessions.release(old, MINUTE)

    assert names(queue.receive(9, MINUTE, session=new)) == ["a1"]
    with pytest.raises(SessionLockLost):
        queue.receive(9, MINUTE, session=old)


def test_renewing_a_session_renews_the_messages_handed_out_under_it() -> None:
    namespace, queue, sessions = session_queue(lock_duration=MINUTE)
    send(namespace, "a1")
    lock = accepted(sessions, "a")
    (delivery,) = queue.receive(1, 30 * SECOND, session=lock)
    assert delivery.message.locked_until == MINUTE

    assert sessions.renew("a", 50 * SECOND) == 110 * SECOND
    namespace.advance(MINUTE)

    assert delivery.message.locked_until == lock.locked_until == 110 * SECOND
    queue.complete(delivery.lock_token, 109 * SECOND)
    with pytest.raises(NotAllowed):
        queue.renew(delivery.lock_token, 50 * SECOND)


def test_lost_locks_lead_to_the_dead_letter_queue_in_the_end() -> None:
    namespace, queue, sessions = session_queue(lock_duration=MINUTE, max_delivery_count=2)
    send(namespace, "a1", "a2")
    for start in (0, MINUTE):
        queue.receive(1, start, session=accepted(sessions, "a", start))
        namespace.advance(start + MINUTE)

    [dead] = dead_letters(queue)
    assert reason_of(dead)[0] == "MaxDeliveryCountExceeded"
    assert dead.session_id == "a"
    assert queue.dead_letter_queue is not None
    assert names(queue.dead_letter_queue.receive(9, 2 * MINUTE)) == ["a1"]


def test_the_next_available_session_is_the_free_one_that_has_waited_longest() -> None:
    namespace, queue, sessions = session_queue()
    send(namespace, "c1", "a1", "b1", "a2")

    order = [accepted(sessions, None) for _ in range(3)]

    assert [lock.session_id for lock in order] == ["c", "a", "b"]
    assert sessions.accept(None, 0) is None
    (c1,) = queue.receive(1, 0, session=order[0])
    queue.complete(c1.lock_token, 0)
    (a1,) = queue.receive(1, 0, session=order[1])
    queue.complete(a1.lock_token, 0)
    for lock in order:
        sessions.release(lock, 0)
    assert [accepted(sessions, None).session_id for _ in range(2)] == ["b", "a"]
    assert sessions.accept(None, 0) is None


def test_an_abandoned_message_brings_its_session_back_to_the_front() -> None:
    namespace, queue, sessions = session_queue()
    send(namespace, "a1", "b1", "a2")
    a = accepted(sessions, None)
    (a1,) = queue.receive(1, 0, session=a)
    queue.abandon(a1.lock_token, 0)
    sessions.release(a, 0)

    assert accepted(sessions, None).session_id == "a"


def test_a_session_stands_by_its_first_message_however_its_messages_come_back() -> None:
    namespace, queue, sessions = session_queue()
    send(namespace, "a1", "b1", "c1", "a2")
    a = accepted(sessions, "a")
    a1, _ = queue.receive(2, 0, session=a)
    queue.abandon(a1.lock_token, 0)
    queue.receive(1, 0, session=a)
    assert accepted(sessions, None).session_id == "b"

    sessions.release(a, 0)  # a2 comes back first, then a1

    assert [accepted(sessions, None).session_id for _ in range(2)] == ["a", "c"]


def test_a_session_whose_first_message_has_gone_stands_by_its_next_one() -> None:
    namespace, _, sessions = session_queue()
    send(namespace, "a1", ttl=MINUTE)
    send(namespace, "b1", "a2")

    namespace.advance(MINUTE)

    assert [accepted(sessions, None, MINUTE).session_id for _ in range(2)] == ["b", "a"]


def test_those_who_wait_for_a_session_are_served_in_order_as_sessions_become_available() -> None:
    namespace, _, sessions = session_queue()
    got: list[tuple[str, str | None]] = []

    def ask(name: str) -> Any:
        def answer(lock: SessionLock | None) -> None:
            got.append((name, None if lock is None else lock.session_id))

        return sessions.accept_next(answer, 0, 2 * MINUTE)

    held = accepted(sessions, "a")
    send(namespace, "a1")
    for name in ("first", "leaves", "second", "third"):
        pending = ask(name)
        if name == "leaves":
            sessions.cancel(pending)
    assert got == []

    sessions.release(held, 0)
    assert got == [("first", "a")]
    send(namespace, "b1", now=SECOND)
    assert got == [("first", "a"), ("second", "b")]
    send(namespace, "b2", now=SECOND)
    namespace.advance(MINUTE - 1)
    assert len(got) == 2
    namespace.advance(MINUTE)
    assert got[2:] == [("third", "a")], "the first one's lock has ended"


def test_one_who_waited_too_long_is_told_so_and_is_not_served_later() -> None:
    namespace, _, sessions = session_queue()
    got: list[SessionLock | None] = []
    sessions.accept_next(got.append, 0, 10 * SECOND)

    namespace.advance(10 * SECOND)
    send(namespace, "a1", now=10 * SECOND)

    assert got == [None]
    assert accepted(sessions, None, 10 * SECOND).session_id == "a"


def test_a_receiver_of_a_session_hears_of_its_own_messages_only() -> None:
    namespace, queue, sessions = session_queue()
    a, b = accepted(sessions, "a"), accepted(sessions, "b")
    heard: list[tuple[str, list[Any]]] = []

    def hear(lock: SessionLock) -> None:
        lock.listeners.add(
            lambda now: heard.append((lock.session_id, names(queue.receive(9, now, session=lock))))
        )

    hear(a)
    hear(b)

    send(namespace, "b1", "b2")

    assert heard == [("b", ["b1", "b2"])]


def test_state_outlives_the_lock_and_the_messages_until_it_is_cleared() -> None:
    namespace, queue, sessions = session_queue()
    send(namespace, "a1")
    lock = accepted(sessions, "a")
    assert sessions.state("a", 0) is None
    sessions.set_state("a", b"step 2", 0)
    (a1,) = queue.receive(1, 0, session=lock)
    queue.complete(a1.lock_token, 0)
    sessions.release(lock, 0)

    assert sessions.ids(None, 0, 10) == ["a"]
    lock = accepted(sessions, "a")
    assert sessions.state("a", 0) == b"step 2"
    sessions.set_state("a", None, 0)
    sessions.release(lock, 0)
    assert sessions.ids(None, 0, 10) == []


def test_sessions_are_listed_by_content_or_by_change_of_state_page_by_page() -> None:
    namespace, _, sessions = session_queue()
    send(namespace, "a1", "b1", "a2")
    send(namespace, "s1", at=MINUTE)
    for session_id, at in (("x", 5), ("y", 9)):
        accepted(sessions, session_id, at)
        sessions.set_state(session_id, b"state", at)
    accepted(sessions, "empty")

    assert sessions.ids(None, 0, 100) == ["a", "b", "x", "y"]
    assert sessions.ids(None, 1, 2) == ["b", "x"]
    assert sessions.ids(None, 4, 2) == []
    assert sessions.ids(5, 0, 100) == ["y"]


def test_deferred_messages_are_received_under_the_lock_of_their_session() -> None:
    namespace, queue, sessions = session_queue(lock_duration=MINUTE)
    send(namespace, "a1", "b1")
    a, b = accepted(sessions, "a"), accepted(sessions, "b")
    (a1,) = queue.receive(1, 0, session=a)
    (b1,) = queue.receive(1, 0, session=b)
    queue.defer(a1.lock_token, 0)
    queue.defer(b1.lock_token, 0)

    with pytest.raises(NotAllowed):
        queue.receive_deferred([1], 0)
    with pytest.raises(SessionLockLost):
        queue.receive_deferred([1], 0, session_id="c")
    with pytest.raises(MessageNotFound):
        queue.receive_deferred([1, 2], 0, session_id="a")
    (again,) = queue.receive_deferred([1], 10, session_id="a")
    assert again.message.locked_until == MINUTE
    namespace.advance(MINUTE)
    assert again.message.delivery_count == 1
    assert queue.counts().deferred == 2
    lock = accepted(sessions, "a", MINUTE)
    assert queue.receive(9, MINUTE, session=lock) == []
    assert names(queue.receive_deferred([1], MINUTE, session_id="a")) == ["a1"]


def test_lives_end_inside_sessions_too() -> None:
    namespace, queue, sessions = session_queue(dead_lettering_on_message_expiration=True)
    send(namespace, "a1", "b1", ttl=MINUTE)
    send(namespace, "b2")
    lock = accepted(sessions, "a")
    (a1,) = queue.receive(1, 0, session=lock)

    namespace.advance(MINUTE - 1)
    sessions.renew("a", MINUTE - 1)
    namespace.advance(MINUTE)
    assert names(dead_letters(queue)) == ["b1"], "a locked message waits for its lock to end"

    assert accepted(sessions, None, MINUTE).session_id == "b"
    queue.release(a1.lock_token, MINUTE)
    assert names(dead_letters(queue)) == ["b1", "a1"]
    sessions.release(lock, MINUTE)
    assert sessions.ids(None, 0, 10) == ["b"]


def test_peek_shows_one_session_in_order_whatever_the_state_of_its_messages() -> None:
    namespace, queue, sessions = session_queue()
    send(namespace, "a1", "b1", "a2", "a3")
    send(namespace, "a4", at=MINUTE)
    (a1,) = queue.receive(1, 0, session=accepted(sessions, "a"))
    queue.defer(a1.lock_token, 0)

    assert names(sessions.peek("a", 0, 10)) == ["a1", "a2", "a3", "a4"]
    assert names(sessions.peek("a", 2, 2)) == ["a2", "a3"]
    assert sessions.peek("nowhere", 0, 10) == []
    assert names(queue.peek(0, 10, 0)) == ["a1", "b1", "a2", "a3", "a4"]


def test_a_batch_is_deleted_of_what_waits_and_is_old_enough() -> None:
    namespace, queue, sessions = session_queue()
    send(namespace, "a1", "a2", "b1", "a3")
    send(namespace, "a4", now=SECOND)
    send(namespace, "a5", at=MINUTE)
    a = accepted(sessions, "a")
    queue.receive(1, 0, session=a)

    assert queue.delete_batch(1, SECOND, "a") == 1
    assert queue.delete_batch(10, SECOND) == 2

    assert names(queue.peek(0, 10, 0)) == ["a1", "a4", "a5"]
    assert names(queue.receive(9, 0, session=a)) == ["a4"]
    assert sessions.accept(None, 0) is None
    assert queue.active_count == 0


def test_state_and_messages_survive_a_restart_and_locks_do_not() -> None:
    config = NamespaceConfig(queues=(QueueConfig("q", requires_session=True),))
    connection = sqlite3.connect(":memory:", isolation_level=None)
    tables.create(connection)
    writer = Writer(connection)

    def opened() -> tuple[Namespace, Queue, Sessions]:
        namespace = Namespace(config)
        namespace.restore(tables.load(connection))
        queue = queue_of(namespace, "q")
        assert queue.sessions is not None
        return namespace, queue, queue.sessions

    namespace, queue, sessions = opened()
    send(namespace, "a1", "a2")
    queue.receive(1, 0, session=accepted(sessions, "a"))
    for session_id, state in (("a", b"\x00\xff"), ("b", b"kept"), ("c", b"cleared")):
        if session_id != "a":
            accepted(sessions, session_id)
        sessions.set_state(session_id, state, 7)
    sessions.set_state("c", None, 8)
    writer.write(namespace.take_changes())

    namespace, queue, sessions = opened()
    assert sorted(sessions.ids(None, 0, 10)) == ["a", "b"]
    assert sorted(sessions.ids(6, 0, 10)) == ["a", "b"]
    assert sessions.ids(7, 0, 10) == []
    lock = accepted(sessions, None)
    assert sessions.state("a", 0) == b"\x00\xff"
    assert names(queue.receive(9, 0, session=lock)) == ["a1", "a2"]
    sessions.set_state("a", None, 9)
    writer.write(namespace.take_changes())
    assert opened()[2].ids(6, 0, 10) == ["b"]
    connection.close()


def test_nothing_is_kept_of_sessions_that_are_over() -> None:
    namespace, queue, sessions = session_queue()
    for number in range(5_000):
        now = number
        namespace.send("q", [message("m", group_id=str(number))], now)
        lock = accepted(sessions, str(number), now)
        (delivery,) = queue.receive(1, now, session=lock)
        queue.complete(delivery.lock_token, now)
        sessions.release(lock, now)

    assert sessions._sessions == {}
    assert len(sessions._offers._heap) < 2_000
    assert namespace.next_deadline() is None
