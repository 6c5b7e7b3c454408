"""The broker core: queues, topics, locks and time as plain computation, without I/O."""

from infra.local.servicebus.broker.changes import Change
from infra.local.servicebus.broker.errors import (
    BrokerError,
    EntityAlreadyExists,
    EntityDisabled,
    EntityNotFound,
    InvalidArgument,
    MessageLockLost,
    MessageNotFound,
    MessageTooLarge,
    NotAllowed,
    QuotaExceeded,
    SessionCannotBeLocked,
    SessionLockLost,
)
from infra.local.servicebus.broker.messages import BrokerMessage, Counts, Delivery, MessageState
from infra.local.servicebus.broker.namespace import Namespace
from infra.local.servicebus.broker.queue import Queue
from infra.local.servicebus.broker.session import SessionLock
from infra.local.servicebus.broker.topic import Subscription, Topic

__all__ = [
    "BrokerError",
    "BrokerMessage",
    "Change",
    "Counts",
    "Delivery",
    "EntityAlreadyExists",
    "EntityDisabled",
    "EntityNotFound",
    "InvalidArgument",
    "MessageLockLost",
    "MessageNotFound",
    "MessageState",
    "MessageTooLarge",
    "Namespace",
    "NotAllowed",
    "Queue",
    "QuotaExceeded",
    "SessionCannotBeLocked",
    "SessionLock",
    "SessionLockLost",
    "Subscription",
    "Topic",
]
