"""What the Python SDK's errors stand for."""

from __future__ import annotations

import re

_CODES = {
    "MessageLockLostError": "message-lock-lost",
    "MessageAlreadySettled": "message-already-settled",
    "SessionLockLostError": "session-lock-lost",
    "SessionCannotBeLockedError": "session-cannot-be-locked",
    "MessageNotFoundError": "message-not-found",
    "MessagingEntityNotFoundError": "not-found",
    "MessagingEntityDisabledError": "entity-disabled",
    "MessagingEntityAlreadyExistsError": "entity-already-exists",
    "MessageSizeExceededError": "message-size-exceeded",
    "ServiceBusQuotaExceededError": "resource-limit-exceeded",
    "ServiceBusServerBusyError": "server-busy",
    "OperationTimeoutError": "timeout",
    "ServiceBusAuthorizationError": "unauthorized-access",
    "ServiceBusAuthenticationError": "unauthorized-access",
    "ServiceBusConnectionError": "connection",
    "ServiceBusCommunicationError": "connection",
    "ResourceNotFoundError": "not-found",
    "ResourceExistsError": "entity-already-exists",
    "ClientAuthenticationError": "unauthorized-access",
}
_CONDITION = re.compile(r"(?:amqp|com\.microsoft):(?:\w+:)?([a-z-]+)")


def error_of(error: BaseException) -> dict[str, str]:
    """Return the short name of the AMQP condition the SDK's error stands for, and its text.

    Where no class says it, the SDK keeps the condition; an HTTP status is `http-400`."""
    name = type(error).__name__
    status = getattr(error, "status_code", None)
    named = _CONDITION.search(str(getattr(error, "_condition", None) or error))
    if name in _CODES:
        code = _CODES[name]
    elif isinstance(status, int):
        code = f"http-{status}"
    else:
        code = named.group(1) if named else name
    return {"code": code, "text": f"{name}: {error}"}
