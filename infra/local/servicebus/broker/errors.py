"""Refusals of the broker, each with the condition the wire names it by.

Conditions are Microsoft's and AMQP's symbols (Service Bus protocol guide, "Errors"); the server
puts condition and text on the wire unchanged.
"""

from __future__ import annotations


class BrokerError(Exception):
    """A refused request; `condition` is the AMQP error condition, `text` one sentence."""

    condition = "amqp:internal-error"

    def __init__(self, text: str, *, condition: str | None = None) -> None:
        super().__init__(text)
        self.text = text
        if condition is not None:
            self.condition = condition


class EntityNotFound(BrokerError):
    condition = "amqp:not-found"

    def __init__(self, address: str) -> None:
        # The Node SDK recognises the error by these words.
        super().__init__(f"The messaging entity '{address}' could not be found.")
        self.address = address


class EntityAlreadyExists(BrokerError):
    condition = "com.microsoft:entity-already-exists"


class MessageLockLost(BrokerError):
    condition = "com.microsoft:message-lock-lost"


class SessionLockLost(BrokerError):
    condition = "com.microsoft:session-lock-lost"


class SessionCannotBeLocked(BrokerError):
    condition = "com.microsoft:session-cannot-be-locked"


class MessageNotFound(BrokerError):
    condition = "com.microsoft:message-not-found"


class NotAllowed(BrokerError):
    condition = "amqp:not-allowed"


class NoSession(NotAllowed):
    """A message without a session id where one is needed."""


class InvalidArgument(BrokerError):
    condition = "com.microsoft:argument-error"


class EntityDisabled(BrokerError):
    condition = "com.microsoft:entity-disabled"


class QuotaExceeded(BrokerError):
    condition = "amqp:resource-limit-exceeded"


class MessageTooLarge(BrokerError):
    condition = "amqp:link:message-size-exceeded"


class TransactionUnknown(BrokerError):
    condition = "amqp:transaction:unknown-id"


class TransactionRolledBack(BrokerError):
    condition = "amqp:transaction:rollback"
