"""Error answers as Retail Server gives them.

Shape: `TypeName` and, as a JSON text, `Exception` with `ErrorResourceId` and `LocalizedMessage`
(Microsoft's Retail SDK, CommerceError and RetailProxyException). Resource ids in use here are names
out of the SDK; which of them an operation answers, its HTTP status and every sentence are guessed.
"""

from __future__ import annotations

import json

PREFIX = "Microsoft_Dynamics_Commerce_Runtime_"


class CommerceError(Exception):
    def __init__(
        self,
        message: str,
        resource: str,
        *,
        status: int = 400,
        kind: str = "DataValidationException",
    ) -> None:
        super().__init__(message)
        self.status = status
        thrown = {
            "ClassName": f"Microsoft.Dynamics.Commerce.Runtime.{kind}",
            "ErrorResourceId": PREFIX + resource,
            "LocalizedMessage": message,
            "Message": message,
        }
        self.body = json.dumps({"TypeName": kind, "Exception": json.dumps(thrown)}).encode()


def missing(name: str) -> CommerceError:
    return CommerceError(f"The parameter '{name}' is missing.", "MissingParameter")


def invalid(message: str) -> CommerceError:
    return CommerceError(message, "InvalidFormat")


def not_found(what: str) -> CommerceError:
    return CommerceError(f"{what} was not found.", "ObjectNotFound")


def duplicate(transaction: str) -> CommerceError:
    return CommerceError(f"The transaction '{transaction}' exists already.", "DuplicateObject")


def unauthenticated(message: str) -> CommerceError:
    return CommerceError(
        message, "AuthenticationFailed", status=401, kind="UserAuthenticationException"
    )


def unauthorized(operation: str) -> CommerceError:
    return CommerceError(
        f"The role Application may not call '{operation}'.",
        "CommerceRoleNotAuthorized",
        status=403,
        kind="UserAuthorizationException",
    )


def no_operation(path: str) -> CommerceError:
    return CommerceError(
        f"No HTTP resource was found that matches '{path}'.", "NotFound", status=404
    )


def deadlock() -> CommerceError:
    return CommerceError(
        "The transaction was chosen as a deadlock victim.",
        "CriticalStorageError",
        status=500,
        kind="StorageException",
    )


def conflict() -> CommerceError:
    return CommerceError(
        "The object was changed by another one.",
        "ObjectVersionMismatchError",
        status=409,
        kind="StorageException",
    )


def refused_write() -> CommerceError:
    return CommerceError("The transaction is invalid.", "InvalidRequest")


def frozen() -> CommerceError:
    return CommerceError("The business day is closed.", "InvalidStatus")


def whole(status: int) -> CommerceError:
    """A request refused before it reached an operation."""
    texts = {429: "Too many requests.", 503: "The service is unavailable."}
    return CommerceError(
        texts.get(status, "An internal error occurred."),
        "InternalServerError",
        status=status,
        kind="CommerceException",
    )
