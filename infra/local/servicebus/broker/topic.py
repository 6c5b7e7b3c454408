"""Topics: they give numbers, refuse duplicates, hold scheduled messages and fan out."""

from __future__ import annotations

from functools import partial
from typing import Any

from infra.local.servicebus.amqp.values import Timestamp
from infra.local.servicebus.broker.changes import RulePut, RuleRemoved
from infra.local.servicebus.broker.definitions import own_settings
from infra.local.servicebus.broker.entity import Entity, shorter
from infra.local.servicebus.broker.forwarding import NO_SESSION
from infra.local.servicebus.broker.incoming import Incoming
from infra.local.servicebus.broker.limits import HEADER_SIZE_EXCEEDED, encoded_size
from infra.local.servicebus.broker.messages import Payload
from infra.local.servicebus.broker.queue import DESCRIPTION, REASON, Queue
from infra.local.servicebus.broker.rules import Copy, RuleSet
from infra.local.servicebus.broker.runtime import Runtime
from infra.local.servicebus.filters import FilterError, MessageView
from infra.local.servicebus.settings import (
    RuleConfig,
    SubscriptionConfig,
    TopicConfig,
)

FILTER_FAILED = "FilterEvaluationException"  # ours: Azure's wording is not documented


class Subscription(Queue):
    """A topic's queue with the rules that choose what it gets."""

    config: SubscriptionConfig

    def __init__(
        self,
        address: str,
        config: SubscriptionConfig,
        runtime: Runtime,
        dead_letter_queue: Queue,
        transfer_dead_letter_queue: Queue,
    ) -> None:
        super().__init__(
            address, own_settings(config), runtime, dead_letter_queue, transfer_dead_letter_queue
        )
        self.dead_letters = dead_letter_queue
        self.rule_set = RuleSet(address, config.rules)

    def rules(self) -> list[RuleConfig]:
        """Return the rules in the order they were added."""
        return self.rule_set.configs()

    def add_rule(self, rule: RuleConfig) -> None:
        """Raises EntityAlreadyExists, or InvalidArgument when filter or action do not compile."""
        self._limit(rule)
        self.rule_set.add(rule)
        self._runtime.changes.append(RulePut(self.address, rule))

    def update_rule(self, rule: RuleConfig) -> None:
        """Replace the rule of that name. Raises EntityNotFound and InvalidArgument."""
        self._limit(rule)
        self.rule_set.update(rule)
        self._runtime.changes.append(RulePut(self.address, rule))

    def check_rules(self) -> None:
        """Raises what adding one of its rules would raise now."""
        for rule in self.rules():
            self._limit(rule)

    def _limit(self, rule: RuleConfig) -> None:
        limits = self._runtime.limits
        if limits is None:
            return
        limits.check_rule(rule)
        topic: Topic = self._runtime.entities[self.address.rpartition("/Subscriptions/")[0].lower()]
        others = (each for each in self.rules() if each.name.lower() != rule.name.lower())
        limits.check_filters([rule, *others, *topic.rules(but=self)])

    def remove_rule(self, name: str) -> None:
        """Raises EntityNotFound."""
        self.rule_set.remove(name)
        self._runtime.changes.append(RuleRemoved(self.address, name))

    def placements(self, incoming: Incoming, view: MessageView) -> list[tuple[Queue, Copy]]:
        """Return which copies this subscription gets, and where: in its queue, or in its
        dead-letter queue when a filter fails or the session id it requires is missing."""
        try:
            copies = self.rule_set.copies(view)
        except FilterError as error:
            if not self.config.dead_lettering_on_filter_evaluation_exceptions:
                return []
            return [self._refused(incoming, FILTER_FAILED, str(error))]
        limits = self._runtime.limits
        if limits is not None and any(
            encoded_size(copy.application_properties) > limits.properties_bytes for copy in copies
        ):
            text = "The size quota for this stream has been exceeded."
            return [self._refused(incoming, HEADER_SIZE_EXCEEDED, text)]
        if copies and self.config.requires_session and incoming.session_id is None:
            return [self._refused(incoming, NO_SESSION, "The subscription requires sessions.")]
        return [(self, copy) for copy in copies]

    def _refused(self, incoming: Incoming, reason: str, description: str) -> tuple[Queue, Copy]:
        known = incoming.parsed.application_properties or {}
        return self.dead_letters, Copy({**known, REASON: reason, DESCRIPTION: description})


class Topic(Entity):
    """Hands every message to each subscription whose rules select it.

    Subscriptions do not get the topic's own numbers: each numbers its copies itself, and keeps the
    topic's as `enqueued_sequence_number`.
    """

    def __init__(self, address: str, config: TopicConfig, runtime: Runtime) -> None:
        super().__init__(address, config, runtime)
        self.config = config
        self.subscriptions: dict[str, Subscription] = {}  # by lower-case name

    def rules(self, but: Subscription) -> list[RuleConfig]:
        """Return the rules of every subscription but that one."""
        others = (each for each in self.subscriptions.values() if each is not but)
        return [rule for each in others for rule in each.rules()]

    @property
    def size_bytes(self) -> int:
        return self._stored_bytes + sum(each.size_bytes for each in self.subscriptions.values())

    def refuse(self, incoming: Incoming) -> None:
        """A topic takes everything; what a subscription cannot take is dead-lettered there."""

    def _admit(self, incoming: Incoming, payload: Payload | None, now: int) -> int:
        number = self._runtime.next_number(self)
        life = shorter(incoming.time_to_live, self.config.default_time_to_live)
        carried = incoming.carried or {"enqueued_sequence_number": number}
        view = MessageView(incoming.parsed, partial(_facts, incoming, number, life, now))
        held: Payload | None = None
        for subscription in self.subscriptions.values():
            for target, copy in subscription.placements(incoming, view):
                if payload is None:
                    payload = held = self._runtime.store(incoming.data)
                    held.references += 1  # until all have theirs: some may forward it
                expires_at = target.end_of_life(life, now)
                target.enqueue(
                    payload,
                    now,
                    expires_at=expires_at,
                    scheduled_enqueue_time=incoming.scheduled_enqueue_time,
                    session_id=incoming.session_id,
                    partition_key=incoming.partition_key,
                    **copy.fields(carried),
                )
        if held is not None:
            self._runtime.let_go(held)
        return number


def _facts(incoming: Incoming, number: int, life: int | None, now: int) -> dict[str, Any]:
    """Return the system properties that are not the sender's, as the topic gives them (Microsoft:
    SQL filter syntax, and "Messages, payloads, and serialization"); times are timestamps."""
    carried = incoming.carried
    times = {
        "enqueuedtimeutc": now,
        "expiresatutc": None if life is None else now + life,
        "scheduledenqueuetimeutc": incoming.scheduled_enqueue_time,
    }
    return {
        "sequencenumber": number,
        "enqueuedsequencenumber": carried.get("enqueued_sequence_number", number),
        "deliverycount": 0,
        "partitionkey": incoming.partition_key,
        "deadlettersource": carried.get("dead_letter_source"),
        **{name: None if at is None else Timestamp(at) for name, at in times.items()},
    }
