"""Refusals on the wire: error conditions and the status codes that go with them.

Source: Service Bus protocol guide and what the SDKs map back (conditions are theirs, verbatim).
"""

from __future__ import annotations

import logging

from infra.local.servicebus.amqp import AmqpError
from infra.local.servicebus.amqp.performatives import Error
from infra.local.servicebus.broker import BrokerError
from infra.local.servicebus.storage import StorageError

log = logging.getLogger(__name__)

ARGUMENT_ERROR = "com.microsoft:argument-error"
INTERNAL_ERROR = "amqp:internal-error"
NOT_ALLOWED = "amqp:not-allowed"
NOT_FOUND = "amqp:not-found"
NOT_IMPLEMENTED = "amqp:not-implemented"
TIMEOUT = "com.microsoft:timeout"
SIZE_EXCEEDED = "amqp:link:message-size-exceeded"

_STATUS = {
    "com.microsoft:message-lock-lost": 410,
    "com.microsoft:session-lock-lost": 410,
    "com.microsoft:session-cannot-be-locked": 410,
    "com.microsoft:message-not-found": 404,
    NOT_FOUND: 404,
    "com.microsoft:entity-disabled": 400,
    "com.microsoft:entity-already-exists": 409,
    "amqp:resource-limit-exceeded": 403,
    "com.microsoft:server-busy": 503,
    TIMEOUT: 408,
    "com.microsoft:auth-failed": 401,
    "amqp:unauthorized-access": 401,
    ARGUMENT_ERROR: 400,
    "amqp:decode-error": 400,
    NOT_ALLOWED: 400,
    NOT_IMPLEMENTED: 501,
    SIZE_EXCEEDED: 400,
}


class Refusal(BrokerError):
    """A request the server itself refuses."""


def refused(condition: str, text: str) -> Refusal:
    return Refusal(text, condition=condition)


def error_of(failure: Exception) -> Error:
    """Return the AMQP error that tells a peer of a failure; what is our bug is logged here."""
    if isinstance(failure, (BrokerError, AmqpError)):
        return Error(failure.condition, failure.text)
    if isinstance(failure, StorageError):
        log.error("nothing can be stored: %s", failure)
        return Error(INTERNAL_ERROR, str(failure))
    log.error("a request failed inside the bus", exc_info=failure)
    return Error(INTERNAL_ERROR, "The request failed inside the local Service Bus; see its log.")


def status_of(error: Error) -> int:
    """Return the $management status code of an error; 500 for those that have none."""
    return _STATUS.get(error.condition, 500)
