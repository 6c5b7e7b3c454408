"""Random histories of entities that come, change, forward, go and restart, against a model."""

from __future__ import annotations

import sqlite3
from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import pairwise

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from infra.local.servicebus.broker import BrokerError, Namespace
from infra.local.servicebus.settings import EntityStatus, NamespaceConfig, QueueConfig
from infra.local.servicebus.storage import tables
from infra.local.servicebus.storage.group import Writer
from tests.unit.servicebus_broker.helpers import dead_letters, message, names, queue_of

NAMES = "abcdefg"
MOST_HOPS = 4

name = st.sampled_from(NAMES)
target = st.none() | name
enabled = st.sampled_from([EntityStatus.ACTIVE] * 4 + [EntityStatus.SEND_DISABLED])
queue = st.builds(
    lambda target, status: QueueConfig("", forward_to=target, status=status), target, enabled
)


PLAIN = {each: QueueConfig("") for each in NAMES}
CHAIN = PLAIN | {one: QueueConfig("", forward_to=next_) for one, next_ in pairwise(NAMES)}


@dataclass
class Known:
    """One name: what it is (None: deleted), what the file said of it, what it holds."""

    config: QueueConfig | None
    configured: QueueConfig | None
    waiting: list[str] = field(default_factory=list)
    dead: list[str] = field(default_factory=list)


class EntityMachine(RuleBasedStateMachine):
    @initialize(first=st.sampled_from([{}, CHAIN, PLAIN]))
    def begin(self, first: dict[str, QueueConfig]) -> None:
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        tables.create(self.connection)
        self.writer = Writer(self.connection)
        self.known: dict[str, Known] = {}
        self.file: dict[str, QueueConfig] = {}
        self.sent = 0
        self.namespace = Namespace(NamespaceConfig())
        self.namespace.restore(())
        self.restart(first)

    # The model

    def there(self, name: str) -> QueueConfig | None:
        known = self.known.get(name)
        if known is None or (known.configured is not None and name not in self.file):
            return None
        return known.config

    def place(self, name: str, sent: str) -> None:
        hops = 0
        while (config := self.there(name)) is not None and config.forward_to is not None:
            onward = self.there(config.forward_to)
            if hops == MOST_HOPS or onward is None or onward.status is not EntityStatus.ACTIVE:
                self.known[name].dead.append(sent)
                return
            name, hops = config.forward_to, hops + 1
        self.known[name].waiting.append(sent)

    def sweep(self) -> None:
        for at, known in list(self.known.items()):
            config = self.there(at)
            if config is not None and config.forward_to is not None:
                waiting, known.waiting = known.waiting, []
                for sent in waiting:
                    self.place(at, sent)

    # What happens

    @rule(name=name, config=queue)
    def create(self, name: str, config: QueueConfig) -> None:
        config = replace(config, name=name)
        try:
            self.namespace.create_queue(config, 0)
        except BrokerError:
            assert self.there(name) is not None or config.forward_to is not None
            return
        known = self.known.setdefault(name, Known(None, None))
        known.config, known.configured = config, self.file.get(name)
        self.sweep()

    @rule(name=name, config=queue)
    def update(self, name: str, config: QueueConfig) -> None:
        config = replace(config, name=name)
        try:
            self.namespace.update_queue(config, 0)
        except BrokerError:
            assert self.there(name) is None or config.forward_to is not None
            return
        self.known[name].config = config
        self.sweep()

    @rule(name=name)
    def delete(self, name: str) -> None:
        try:
            self.namespace.delete(name, 0)
        except BrokerError:
            assert self.there(name) is None
            return
        configured = self.file.get(name)
        if configured is None:
            del self.known[name]
        else:
            self.known[name] = Known(None, configured)

    @rule(name=name)
    def send(self, name: str) -> None:
        self.sent += 1
        try:
            self.namespace.send(name, [message(str(self.sent))], 0)
        except BrokerError:
            config = self.there(name)
            assert config is None or config.status is not EntityStatus.ACTIVE
            return
        self.place(name, str(self.sent))

    @rule(file=st.none() | st.just({}) | st.dictionaries(name, queue, max_size=4))
    def restart(self, file: dict[str, QueueConfig] | None) -> None:
        self.writer.write(self.namespace.take_changes())
        said = self.file if file is None else {n: replace(q, name=n) for n, q in file.items()}
        try:
            self.namespace = Namespace(NamespaceConfig(queues=tuple(said.values())))
        except BrokerError:  # a file nobody can serve; the one before stays
            said = self.file
            self.namespace = Namespace(NamespaceConfig(queues=tuple(said.values())))
        self.namespace.restore(tables.load(self.connection))
        self.namespace.advance(0)
        self.file = said
        for each, config in said.items():
            known = self.known.setdefault(each, Known(None, None))
            if known.configured != config:
                known.config, known.configured = config, config
        self.sweep()

    def teardown(self) -> None:
        if hasattr(self, "connection"):
            self.connection.close()

    @invariant()
    def everything_is_where_the_model_says(self) -> None:
        expected = {each: known for each, known in self.known.items() if self.there(each)}
        found = {each.address: each for each in self.namespace.queues()}
        assert {each: queue.config for each, queue in found.items()} == {
            each: known.config for each, known in expected.items()
        }
        for each, known in expected.items():
            queue = queue_of(self.namespace, each)
            assert Counter(names(queue.peek(0, 999, 0))) == Counter(known.waiting)
            assert Counter(names(dead_letters(queue))) == Counter(known.dead)


EntityMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=30)
TestEntityHistories = EntityMachine.TestCase
