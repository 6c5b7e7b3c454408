"""Random histories of one queue, compared step by step with the model; restarts included."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from infra.local.servicebus.amqp.message import Message
from infra.local.servicebus.broker import (
    BrokerMessage,
    Delivery,
    MessageLockLost,
    MessageNotFound,
    Namespace,
)
from infra.local.servicebus.broker.changes import PayloadPut
from infra.local.servicebus.settings import NamespaceConfig, QueueConfig
from infra.local.servicebus.storage import tables
from infra.local.servicebus.storage.group import Writer
from tests.unit.servicebus_broker.helpers import dead_letters, message, queue_of, reason_of
from tests.unit.servicebus_broker.model import LIFE, LOCK, MOST, WINDOW, Held, ModelQueue

CONFIG = NamespaceConfig(
    queues=(
        QueueConfig(
            "q",
            lock_duration=LOCK,
            max_delivery_count=MOST,
            default_time_to_live=LIFE,
            dead_lettering_on_message_expiration=True,
            requires_duplicate_detection=True,
            duplicate_detection_window=WINDOW,
        ),
    )
)
choices = st.randoms(use_true_random=False)


def number_of(held: BrokerMessage) -> int:
    properties: Any = Message.parse(held.payload).application_properties
    return int(properties["number"])


class QueueMachine(RuleBasedStateMachine):
    @initialize()
    def start(self) -> None:
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        tables.create(self.connection)
        self.writer = Writer(self.connection)
        self.now = 0
        self.sent = 0
        self.model = ModelQueue()
        self.locks: dict[int, Delivery] = {}
        self.lost: list[Delivery] = []
        self.open()

    def open(self) -> None:
        self.namespace = Namespace(CONFIG)
        self.namespace.restore(tables.load(self.connection))
        self.queue = queue_of(self.namespace, "q")

    @rule(
        name=st.integers(0, 6),
        ttl=st.none() | st.integers(1, 150),
        delay=st.none() | st.integers(0, 60),
        together=st.integers(1, 3),
    )
    def send(self, name: int, ttl: int | None, delay: int | None, together: int) -> None:
        due = None if delay is None else self.now + delay
        payloads = []
        for _ in range(together):
            self.sent += 1
            own = str((name + self.sent) % 40)
            self.model.send(self.sent, own, ttl, due, self.now)
            payloads.append(message(own, ttl=ttl, at=due, properties={"number": self.sent}))
        self.namespace.send("q", payloads, self.now)

    @rule(most=st.integers(1, 4))
    def receive(self, most: int) -> None:
        expected = self.model.receive(most, self.now)

        deliveries = self.queue.receive(most, self.now)

        assert [number_of(d.message) for d in deliveries] == [each.number for each in expected]
        assert [d.message.delivery_count for d in deliveries] == [e.failures for e in expected]
        self.locks |= {number_of(d.message): d for d in deliveries}

    @rule(most=st.integers(1, 2))
    def receive_and_delete(self, most: int) -> None:
        expected = self.model.receive(most, self.now)
        for each in expected:
            self.model.complete(each)

        deliveries = self.queue.receive(most, self.now, settle_on_delivery=True)

        assert [number_of(d.message) for d in deliveries] == [each.number for each in expected]

    def some_lock(self, random: Any) -> tuple[Held, Delivery] | None:
        locked = [each for each in self.model.held if each.locked_until is not None]
        if not locked:
            return None
        chosen: Held = random.choice(locked)
        delivery = self.locks.pop(chosen.number)
        self.lost.append(delivery)
        return chosen, delivery

    @precondition(lambda self: self.locks)
    @rule(random=choices, how=st.sampled_from(["complete", "abandon", "defer", "dead", "release"]))
    def settle(self, random: Any, how: str) -> None:
        found = self.some_lock(random)
        if found is None:
            return
        each, (token, _) = found
        if how == "complete":
            self.queue.complete(token, self.now)
            self.model.complete(each)
        elif how == "abandon":
            self.queue.abandon(token, self.now, {"abandoned": True})
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

    @precondition(lambda self: self.locks)
    @rule(random=choices)
    def renew(self, random: Any) -> None:
        found = self.some_lock(random)
        if found is None:
            return
        each, delivery = found
        self.locks[each.number] = self.lost.pop()
        assert self.queue.renew(delivery.lock_token, self.now) == self.now + LOCK
        each.locked_until = self.now + LOCK

    @precondition(lambda self: self.lost)
    @rule(random=choices)
    def settle_with_a_token_of_the_past(self, random: Any) -> None:
        token = random.choice(self.lost).lock_token
        for settle in (self.queue.complete, self.queue.abandon, self.queue.release):
            with pytest.raises(MessageLockLost):
                settle(token, self.now)

    @rule(random=choices)
    def receive_deferred(self, random: Any) -> None:
        numbers = {number_of(m): m.sequence_number for m in self.queue.peek(0, 10_000, self.now)}
        deferred = [e for e in self.model.held if e.deferred and e.locked_until is None]
        if not deferred:
            with pytest.raises(MessageNotFound):
                self.queue.receive_deferred(list(numbers.values())[:2] or [1], self.now)
            return
        each = random.choice(deferred)
        (delivery,) = self.queue.receive_deferred([numbers[each.number]], self.now)
        assert number_of(delivery.message) == each.number
        each.locked_until = self.now + LOCK
        self.locks[each.number] = delivery

    @rule(random=choices)
    def cancel_scheduled(self, random: Any) -> None:
        numbers = {number_of(m): m.sequence_number for m in self.queue.peek(0, 10_000, self.now)}
        scheduled = [each for each in self.model.held if each.due is not None]
        if scheduled:
            each = random.choice(scheduled)
            self.namespace.cancel_scheduled("q", [numbers[each.number]], self.now)
            self.model.complete(each)

    @rule(passed=st.integers(1, 40))
    def time_passes(self, passed: int) -> None:
        self.now += passed
        self.model.advance(self.now)
        self.namespace.advance(self.now)
        self.forget_lost_locks()

    @rule()
    def restart(self) -> None:
        self.writer.write(self.namespace.take_changes())
        stored = [c for c in tables.load(self.connection) if isinstance(c, PayloadPut)]
        assert len(stored) == len(self.model.held) + len(self.model.dead)
        self.model.restart()
        self.open()
        self.model.advance(self.now)
        self.namespace.advance(self.now)
        self.forget_lost_locks()

    def forget_lost_locks(self) -> None:
        held = {each.number for each in self.model.held if each.locked_until is not None}
        for number in self.locks.keys() - held:
            self.lost.append(self.locks.pop(number))

    @invariant()
    def the_queue_holds_what_the_model_holds_in_the_same_order(self) -> None:
        held = self.queue.peek(0, 10_000, self.now)
        assert [number_of(m) for m in held] == [each.number for each in self.model.in_order()]
        assert [m.delivery_count for m in held] == [e.failures for e in self.model.in_order()]
        sequence = [m.sequence_number for m in held]
        assert sequence == sorted(set(sequence))

    @invariant()
    def the_counts_are_the_models(self) -> None:
        counts = self.queue.counts()
        held = self.model.held
        assert counts.locked == sum(each.locked_until is not None for each in held)
        assert counts.deferred == sum(each.deferred for each in held)
        assert counts.scheduled == sum(each.due is not None for each in held)
        assert self.queue.active_count == sum(each.waits for each in held)

    @invariant()
    def the_dead_letters_are_the_models(self) -> None:
        dead = {number_of(m): reason_of(m)[0] for m in dead_letters(self.queue)}
        assert dead == self.model.dead

    @invariant()
    def the_next_deadline_is_never_missed(self) -> None:
        due = [each.locked_until or each.due for each in self.model.held]
        due += [each.expires for each in self.model.held if each.waits]
        wanted = [time for time in due if time is not None]
        deadline = self.namespace.next_deadline()
        assert not wanted or (deadline is not None and deadline <= min(wanted))

    def teardown(self) -> None:
        if hasattr(self, "connection"):
            self.connection.close()


QueueMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=50)
TestRandomHistories = QueueMachine.TestCase
