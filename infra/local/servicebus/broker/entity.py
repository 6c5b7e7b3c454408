"""What queues and topics have in common: numbers, kept messages, scheduled ones, duplicates."""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from infra.local.servicebus.broker.changes import MessagePut, MessageRemoved
from infra.local.servicebus.broker.duplicates import DuplicateHistory
from infra.local.servicebus.broker.errors import BrokerError, EntityDisabled, MessageNotFound
from infra.local.servicebus.broker.incoming import Incoming, identified, read
from infra.local.servicebus.broker.messages import BrokerMessage, MessageState, Payload
from infra.local.servicebus.broker.runtime import Runtime
from infra.local.servicebus.broker.tally import Tally
from infra.local.servicebus.settings import EntityStatus, QueueConfig, TopicConfig

Closing = Callable[[BrokerError], None]
"""Ends a link for that reason."""

_SENDS_NOTHING_IN = frozenset({EntityStatus.DISABLED, EntityStatus.SEND_DISABLED})
_HANDS_NOTHING_OUT = frozenset({EntityStatus.DISABLED, EntityStatus.RECEIVE_DISABLED})
_FEWEST_WORTH_SWEEPING = 1024


class Entity(ABC):
    """Keeps messages by number and journals every change to them."""

    config: QueueConfig | TopicConfig

    def __init__(self, address: str, settings: QueueConfig | TopicConfig, runtime: Runtime) -> None:
        self.address = address  # as configured: 'q', 't', 't/Subscriptions/s', …
        self.config = settings
        self.created_at = self.updated_at = self.accessed_at = 0  # int ms
        self.last_sequence_number = 0
        self.tally = Tally()
        self.duplicates = (
            DuplicateHistory(address, settings.duplicate_detection_window, runtime)
            if settings.requires_duplicate_detection
            else None
        )
        self._runtime = runtime
        self._messages: dict[int, BrokerMessage] = {}
        self._numbers: list[int] = []  # ascending, with numbers that have left; for peek
        self._scheduled = 0
        self._stored_bytes = 0
        # The links on this entity, called to end with the reason.
        self.senders: set[Closing] = set()
        self.receivers: set[Closing] = set()

    # What it is

    def set_config(self, config: Any) -> None:
        """Take on other settings; links that are not allowed any more are told to end."""
        self.config = config
        if self.duplicates is not None:
            self.duplicates.window = config.duplicate_detection_window
        for check, links in (
            (self.check_send, self.senders),
            (self.check_receive, self.receivers),
        ):
            try:
                check()
            except BrokerError as error:
                _close(links, error)

    def check_send(self) -> None:
        """Raises EntityDisabled while the entity takes no messages."""
        if self.config.status in _SENDS_NOTHING_IN:
            raise EntityDisabled(f"'{self.address}' is {self.config.status}: nothing can be sent.")

    def check_receive(self) -> None:
        """Raises EntityDisabled while the entity gives no messages, NotAllowed when it never
        gives any because it forwards them."""
        if self.config.status in _HANDS_NOTHING_OUT:
            raise EntityDisabled(
                f"'{self.address}' is {self.config.status}: nothing can be received."
            )

    def check_room(self, more: int) -> None:
        """Raises QuotaExceeded when there is no room for that many bytes."""
        if self._runtime.limits is not None:
            self._runtime.limits.check_room(self.address, self.config, self.size_bytes, more)

    @property
    def size_bytes(self) -> int:
        """What the senders' bytes come to, of the messages held here and in what is part of it."""
        return self._stored_bytes

    def discard(self, reason: BrokerError) -> None:
        """Let everything go because the entity is gone; journals payloads only."""
        for message in self._messages.values():
            self._cancel_timer(message)
            self._runtime.let_go(message.stored)
        self._messages.clear()
        self._numbers.clear()
        if self.duplicates is not None:
            self.duplicates.forget_all()
        self._runtime.forget(self)
        _close(self.senders | self.receivers, reason)

    @property
    def scheduled_count(self) -> int:
        return self._scheduled

    def messages(self, skip: int, count: int) -> list[BrokerMessage]:
        """Return up to `count` messages of any state, ascending, after the first `skip`."""
        return list(islice(self._messages.values(), skip, skip + count))

    def peek(self, from_sequence: int, count: int, now: int) -> list[BrokerMessage]:
        """Return up to `count` messages of any state from that number on, ascending."""
        self.accessed_at = now
        found: list[BrokerMessage] = []
        for index in range(bisect_left(self._numbers, from_sequence), len(self._numbers)):
            if len(found) >= count:
                break
            message = self._messages.get(self._numbers[index])
            if message is not None:
                found.append(message)
        return found

    # Entering

    @abstractmethod
    def refuse(self, incoming: Incoming) -> None:
        """Raise BrokerError when this entity cannot take the message; changes nothing."""

    def is_duplicate(self, incoming: Incoming, now: int) -> bool:
        """Answer whether the message is to be dropped; its id counts from now on if not."""
        if self.duplicates is None:
            return False
        key = incoming.duplicate_key
        return key is not None and self.duplicates.is_duplicate(key, now)

    def accept(self, incoming: Incoming, now: int, number: int | None = None) -> int:
        """Take in a sender's message, scheduled or active; return its number. `number` is one
        reserved for it while it is scheduled."""
        self.tally.incoming += 1
        self.accessed_at = now
        incoming = self._identified(incoming)
        due = incoming.scheduled_enqueue_time
        if due is None or due <= now:
            return self._admit(incoming, None, now)
        number = number or self._runtime.next_number(self)
        message = BrokerMessage(
            number,
            number,
            now,
            self._runtime.store(incoming.data),
            state=MessageState.SCHEDULED,
            scheduled_enqueue_time=due,
            session_id=incoming.session_id,
            partition_key=incoming.partition_key,
        )
        self.keep(message)
        self._note(message)
        return number

    def _identified(self, incoming: Incoming) -> Incoming:
        return identified(self._runtime.parse, incoming, self._runtime.next_token)

    def take_over(self, incoming: Incoming, payload: Payload, now: int) -> None:
        """Take in a forwarded message that refuse() lets pass; a duplicate is dropped."""
        self.accessed_at = now
        if not self.is_duplicate(incoming, now):
            self._admit(incoming, payload, now)

    @abstractmethod
    def _admit(self, incoming: Incoming, payload: Payload | None, now: int) -> int:
        """Make the message active; `payload` where its bytes are stored already."""

    def _activate(self, message: BrokerMessage, now: int) -> None:
        """Its time has come: it enters as if it were sent now, under a new number (Service Bus:
        message sequencing and timestamps)."""
        payload = message.stored
        payload.references += 1
        self._remove(message)
        self._admit(read(self._runtime.parse, payload.data), payload, now)
        self._runtime.let_go(payload)

    def check_scheduled(self, sequence_numbers: Sequence[int]) -> None:
        """Raise what cancelling them would raise; changes nothing."""
        self._all_or_none(sequence_numbers, MessageState.SCHEDULED)

    def cancel_scheduled(self, sequence_numbers: Sequence[int]) -> None:
        """All or none, see Namespace.cancel_scheduled."""
        for message in self._all_or_none(sequence_numbers, MessageState.SCHEDULED):
            self._remove(message)

    def _all_or_none(
        self, sequence_numbers: Iterable[int], state: MessageState
    ) -> list[BrokerMessage]:
        """Return the unlocked messages of these numbers, each once; raises MessageNotFound."""
        wanted = list(dict.fromkeys(sequence_numbers))
        found = {
            number: message
            for number in wanted
            if (message := self._messages.get(number)) is not None
            and message.state is state
            and message.lock_token is None
        }
        if len(found) < len(wanted):
            missing = ", ".join(str(number) for number in wanted if number not in found)
            raise MessageNotFound(
                f"'{self.address}' has no {state.name.lower()} message with sequence number "
                f"{missing}."
            )
        return list(found.values())

    # Keeping

    def keep(self, message: BrokerMessage) -> None:
        """Hold a message that has a number of this entity, without journalling it."""
        self._messages[message.sequence_number] = message
        self._numbers.append(message.sequence_number)
        if len(self._numbers) > 1 and message.sequence_number < self._numbers[-2]:
            self._numbers.sort()  # a reserved number, used after later ones
        if len(self._numbers) > _FEWEST_WORTH_SWEEPING + 2 * len(self._messages):
            self._numbers = sorted(self._messages)
        message.stored.references += 1
        self._stored_bytes += len(message.stored.data)
        due = message.scheduled_enqueue_time
        if message.state is MessageState.SCHEDULED and due is not None:
            self._scheduled += 1
            message.timer = self._runtime.timers.at(due, self._activate, message)

    def _remove(self, message: BrokerMessage) -> None:
        del self._messages[message.sequence_number]
        self._stored_bytes -= len(message.stored.data)
        if message.state is MessageState.SCHEDULED:
            self._scheduled -= 1
        self._cancel_timer(message)
        self._runtime.changes.append(MessageRemoved(self.address, message.sequence_number))
        self._runtime.let_go(message.stored)

    def _cancel_timer(self, message: BrokerMessage) -> None:
        if message.timer is not None:
            self._runtime.timers.cancel(message.timer)
            message.timer = None

    def _change(self, message: BrokerMessage, properties: Mapping[str, Any] | None) -> None:
        """Merge application properties into the message's own."""
        if not properties:
            return
        known: Mapping[str, Any] | None = message.application_properties
        if known is None:
            known = self._runtime.parse(message.payload).application_properties or {}
        message.application_properties = {**known, **properties}

    def _note(self, message: BrokerMessage) -> None:
        self._runtime.changes.append(
            MessagePut(
                self.address,
                message.sequence_number,
                message.enqueued_sequence_number,
                message.enqueued_time,
                message.stored.number,
                int(message.state),
                message.delivery_count,
                message.expires_at,
                message.scheduled_enqueue_time,
                message.session_id,
                message.partition_key,
                message.dead_letter_source,
                message.application_properties,
                message.property_changes,
            )
        )


def shorter(one: int | None, other: int | None) -> int | None:
    """Return the smaller of two times to live (ms), None being unlimited."""
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)


def _close(links: Iterable[Closing], reason: BrokerError) -> None:
    for close in tuple(links):
        close(reason)
