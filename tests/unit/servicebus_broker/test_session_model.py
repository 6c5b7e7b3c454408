"""Random histories of a session queue, compared step by step with the model; restarts included."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from infra.local.servicebus.broker import (
    Delivery,
    MessageNotFound,
    Namespace,
    SessionCannotBeLocked,
    SessionLock,
    SessionLockLost,
)
from infra.local.servicebus.broker.session import PendingAccept
from infra.local.servicebus.settings import NamespaceConfig, QueueConfig
from infra.local.servicebus.storage import tables
from infra.local.servicebus.storage.group import Writer
from tests.unit.servicebus_broker.helpers import dead_letters, message, queue_of, reason_of
from tests.unit.servicebus_broker.model import LIFE, LOCK, MOST, ModelSessionQueue
from tests.unit.servicebus_broker.test_broker_model import number_of

CONFIG = NamespaceConfig(
    queues=(
        QueueConfig(
            "q",
            lock_duration=LOCK,
            max_delivery_count=MOST,
            default_time_to_live=LIFE,
            dead_lettering_on_message_expiration=True,
            requires_session=True,
        ),
    )
)
sessions = st.sampled_from("ab")
choices = st.randoms(use_true_random=False)


class SessionMachine(RuleBasedStateMachine):
    @initialize()
    def start(self) -> None:
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        tables.create(self.connection)
        self.writer = Writer(self.connection)
        self.now = 0
        self.counted = 0
        self.model = ModelSessionQueue()
        self.locks: dict[str, SessionLock] = {}
        self.lost: list[SessionLock] = []
        self.told: list[str] = []  # sessions whose holder was told of the loss
        self.deliveries: dict[int, Delivery] = {}
        self.pending: dict[int, PendingAccept] = {}
        self.answers: dict[int, str | None] = {}
        self.open()

    def open(self) -> None:
        self.namespace = Namespace(CONFIG)
        self.namespace.restore(tables.load(self.connection))
        self.queue = queue_of(self.namespace, "q")
        assert self.queue.sessions is not None
        self.sessions = self.queue.sessions

    def next_id(self) -> int:
        self.counted += 1
        return self.counted

    def hold(self, lock: SessionLock) -> None:
        assert lock.locked_until == self.now + LOCK
        lock.lost = lambda _reason: self.told.append(lock.session_id)
        self.locks[lock.session_id] = lock

    # Sending and receiving

    @rule(
        to=st.lists(sessions, min_size=1, max_size=5),
        ttl=st.none() | st.integers(1, 150),
        delay=st.none() | st.none() | st.integers(0, 60),
    )
    def send(self, to: list[str], ttl: int | None, delay: int | None) -> None:
        due = None if delay is None else self.now + delay
        sent = []
        for session in to:
            number = self.next_id()
            self.model.send_to(session, number, ttl, due, self.now)
            properties = {"number": number}
            sent.append(message(ttl=ttl, at=due, properties=properties, group_id=session))
        self.namespace.send("q", sent, self.now)
        self.model.serve(self.now)

    @rule(session=sessions, most=st.integers(1, 3), delete=st.sampled_from([False, False, True]))
    def receive(self, session: str, most: int, delete: bool) -> None:
        if session not in self.locks:
            self.accept(session)
        expected = self.model.receive_from(session, most)
        if delete:
            for each in expected:
                self.model.complete(each)

        deliveries = self.queue.receive(
            most, self.now, settle_on_delivery=delete, session=self.locks[session]
        )

        assert [number_of(d.message) for d in deliveries] == [each.number for each in expected]
        assert [d.message.delivery_count for d in deliveries] == [e.failures for e in expected]
        if not delete:
            self.deliveries |= {number_of(d.message): d for d in deliveries}

    @precondition(lambda self: any(each.locked_until for each in self.model.held))
    @rule(random=choices, how=st.sampled_from(["complete", "abandon", "defer", "dead", "release"]))
    def settle(self, random: Any, how: str) -> None:
        locked = [each for each in self.model.held if each.locked_until is not None]
        each = random.choice(locked)
        token = self.deliveries[each.number].lock_token
        if how == "complete":
            self.queue.complete(token, self.now)
            self.model.complete(each)
        elif how == "abandon":
            self.queue.abandon(token, self.now)
            self.model.fail(each)
        elif how == "defer":
            self.queue.defer(token, self.now)
            each.locked_until, each.deferred = None, True
        elif how == "dead":
            self.queue.dead_letter(token, self.now, "asked for")
            self.model.bury(each, "asked for")
        else:
            self.queue.release(token, self.now)
            each.locked_until = None
        self.model.expire(self.now)
        with pytest.raises(SessionLockLost):
            self.queue.complete(token, self.now)

    @precondition(lambda self: any(each.deferred for each in self.model.held))
    @rule(session=sessions, random=choices)
    def receive_deferred(self, session: str, random: Any) -> None:
        numbers = {number_of(m): m.sequence_number for m in self.queue.peek(0, 10_000, self.now)}
        waiting = [e for e in self.model.held if e.deferred and e.locked_until is None]
        if not waiting:
            return
        each = random.choice(waiting)
        receive: Callable[[], list[Delivery]] = lambda: self.queue.receive_deferred(  # noqa: E731
            [numbers[each.number]], self.now, session_id=session
        )
        if session not in self.locks:
            with pytest.raises(SessionLockLost):
                receive()
        elif session != each.session:
            with pytest.raises(MessageNotFound):
                receive()
        else:
            [self.deliveries[each.number]] = receive()
            each.locked_until = self.model.locks[session]

    @rule(session=st.none() | sessions, most=st.integers(1, 3), age=st.integers(0, 40))
    def delete_batch(self, session: str | None, most: int, age: int) -> None:
        before = self.now - age
        enqueued = {number_of(m): m.enqueued_time for m in self.queue.peek(0, 10_000, self.now)}
        expected = [
            each
            for each in self.model.in_order()
            if each.waits and session in (None, each.session) and enqueued[each.number] < before
        ][:most]
        for each in expected:
            self.model.complete(each)

        assert self.queue.delete_batch(most, before, session) == len(expected)

    # Holding sessions

    def accept(self, session: str) -> None:
        self.model.accept(session, self.now)
        lock = self.sessions.accept(session, self.now)
        assert lock is not None
        self.hold(lock)

    @rule(patience=st.none() | st.integers(1, 60))
    def accept_the_next(self, patience: int | None) -> None:
        if patience is None:
            expected = self.model.next_available()
            if expected is not None:
                self.model.accept(expected, self.now)
            lock = self.sessions.accept(None, self.now)
            assert (lock and lock.session_id) == expected
            if lock is not None:
                self.hold(lock)
            return
        who = self.next_id()
        self.model.accept_next(who, patience, self.now)

        def answered(lock: SessionLock | None) -> None:
            self.answers[who] = None if lock is None else lock.session_id
            if lock is not None:
                self.hold(lock)

        self.pending[who] = self.sessions.accept_next(answered, self.now, patience)

    @precondition(lambda self: self.pending)
    @rule(random=choices)
    def stop_waiting(self, random: Any) -> None:
        who = random.choice(list(self.pending))
        self.model.line.pop(who, None)
        self.sessions.cancel(self.pending.pop(who))

    @precondition(lambda self: self.locks)
    @rule(random=choices, how=st.sampled_from(["renew", "close", "close", "set state", "clear"]))
    def use_a_lock(self, random: Any, how: str) -> None:
        session = random.choice(sorted(self.locks))
        if how == "renew":
            self.model.renew(session, self.now)
            assert self.sessions.renew(session, self.now) == self.now + LOCK
        elif how == "close":
            lock = self.locks.pop(session)
            self.lost.append(lock)
            self.model.release(session, self.now)
            self.sessions.release(lock, self.now)
        else:
            self.model.states.pop(session, None)
            state = f"at {self.now}".encode() if how == "set state" else None
            if state is not None:
                self.model.states[session] = (state, self.now)
            self.sessions.set_state(session, state, self.now)

    @rule(session=sessions, random=choices)
    def use_what_somebody_else_holds_or_nobody(self, session: str, random: Any) -> None:
        if self.lost:
            lock = random.choice(self.lost)
            self.sessions.release(lock, self.now)
            with pytest.raises(SessionLockLost):
                self.queue.receive(1, self.now, session=lock)
        if session in self.locks:
            with pytest.raises(SessionCannotBeLocked):
                self.sessions.accept(session, self.now)
        else:
            for use in (self.sessions.renew, self.sessions.state, self.sessions.current):
                with pytest.raises(SessionLockLost):
                    use(session, self.now)

    # Time

    @rule(passed=st.integers(5, 35))
    def time_passes(self, passed: int) -> None:
        self.now += passed
        ended = {s for s, until in self.model.locks.items() if until <= self.now}
        self.lost += [self.locks.pop(session) for session in ended]
        self.told.clear()
        self.model.advance(self.now)

        self.namespace.advance(self.now)

        assert sorted(self.told) == sorted(ended)

    @rule()
    def restart(self) -> None:
        self.writer.write(self.namespace.take_changes())
        self.lost += self.locks.values()
        self.locks.clear()
        self.pending.clear()
        self.model.restart()
        self.open()
        self.model.advance(self.now)
        self.namespace.advance(self.now)

    # What always holds

    @invariant()
    def the_queue_holds_what_the_model_holds_in_the_same_order(self) -> None:
        held = self.queue.peek(0, 10_000, self.now)
        assert [number_of(m) for m in held] == [each.number for each in self.model.in_order()]
        assert [m.delivery_count for m in held] == [e.failures for e in self.model.in_order()]
        assert [m.locked_until for m in held] == [e.locked_until for e in self.model.in_order()]
        for session in "ab":
            assert self.sessions.peek(session, 0, 10_000) == [
                m for m in held if m.session_id == session
            ]

    @invariant()
    def sessions_are_held_and_waited_for_as_in_the_model(self) -> None:
        assert {s: lock.locked_until for s, lock in self.locks.items()} == self.model.locks
        assert self.answers == self.model.answers
        assert self.queue.active_count == sum(each.waits for each in self.model.held)

    @invariant()
    def sessions_exist_and_have_the_state_as_in_the_model(self) -> None:
        states = self.model.states
        assert set(self.sessions.ids(None, 0, 10)) == self.model.with_content()
        for since in (0, self.now - 10):
            changed = {session for session, (_, at) in states.items() if at > since}
            assert set(self.sessions.ids(since, 0, 10)) == changed
        for session in self.locks:
            expected = states[session][0] if session in states else None
            assert self.sessions.state(session, self.now) == expected

    @invariant()
    def the_dead_letters_are_the_models(self) -> None:
        dead = {number_of(m): reason_of(m)[0] for m in dead_letters(self.queue)}
        assert dead == self.model.dead

    @invariant()
    def the_next_deadline_is_never_missed(self) -> None:
        wanted = [*self.model.locks.values(), *self.model.line.values()]
        wanted += [each.due for each in self.model.held if each.due is not None]
        wanted += [each.expires for each in self.model.held if each.waits]
        deadline = self.namespace.next_deadline()
        assert not wanted or (deadline is not None and deadline <= min(wanted))

    def teardown(self) -> None:
        if hasattr(self, "connection"):
            self.connection.close()


SessionMachine.TestCase.settings = settings(max_examples=100, stateful_step_count=50)
TestRandomSessions = SessionMachine.TestCase
