"""Refusals in Dataverse's words: `{"error": {"code": "0x…", "message": "…"}}`.

Codes and texts: dynamics.md 3.2 and 3.5 and payloads/dataverse. Guessed: status and code of a
period closed by a plug-in and of a deadlock, the texts for a batch that is too long and for a table
without change tracking.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

JSON_TYPE = "application/json; odata.metadata=minimal"

_HELP = (
    "Error identified in Payload provided by the user for Entity :'{}', For more information on "
    "this error please follow this help link https://go.microsoft.com/fwlink/?linkid=2195293  "
    "---->  InnerException : Microsoft.OData.ODataException: {}"
)


class DataverseError(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code

    @property
    def body(self) -> bytes:
        return json.dumps({"error": {"code": self.code, "message": str(self)}}).encode()


def not_found(logical: str, identifier: str) -> DataverseError:
    return DataverseError(404, "0x80040217", f"{logical} With Id = {identifier} Does Not Exist")


def no_such_key(logical: str) -> DataverseError:
    return DataverseError(
        404,
        "0x80060891",
        f"A record with the specified key values does not exist in {logical} entity",
    )


def exists() -> DataverseError:
    return DataverseError(412, "0x80040237", "A record with matching key values already exists.")


def key_exists(column: str) -> DataverseError:
    return DataverseError(
        412,
        "0x80060892",
        f"A record that has the attribute values {column} already exists. The entity key {column} "
        "requires that this set of attributes contains unique values. Select unique values and "
        "try again.",
    )


def stale() -> DataverseError:
    return DataverseError(
        412,
        "0x80060882",
        "The version of the existing record doesn't match the RowVersion property provided.",
    )


def unknown_segment(segment: str) -> DataverseError:
    return DataverseError(404, "0x80060888", f"Resource not found for the segment '{segment}'.")


def malformed(message: str) -> DataverseError:
    return DataverseError(400, "0x80060888", message)


def unknown_column(logical: str, name: str) -> DataverseError:
    """In a query."""
    return malformed(
        f"Could not find a property named '{name}' on type 'Microsoft.Dynamics.CRM.{logical}'."
    )


def payload(entity_set: str, message: str) -> DataverseError:
    return DataverseError(400, "0x80048d19", _HELP.format(entity_set, message))


def invalid_property(entity_set: str, logical: str, name: str) -> DataverseError:
    """In a body."""
    return payload(
        entity_set,
        f"Invalid property '{name}' was found in entity 'Microsoft.Dynamics.CRM.{logical}'.",
    )


def wrong_type(entity_set: str, value: object, kind: str) -> DataverseError:
    return payload(
        entity_set, f"Cannot convert the literal '{value}' to the expected type '{kind}'."
    )


def too_long(logical: str, name: str, length: int) -> DataverseError:
    return DataverseError(
        400,
        "0x80044331",
        f"A validation error occurred. The length of the '{name}' attribute of the '{logical}' "
        f"entity exceeded the maximum allowed length of '{length}'.",
    )


def key_in_body(name: str) -> DataverseError:
    return DataverseError(
        400, "0x80040216", f"An item with the same key has already been added. Key: {name}"
    )


def invalid_argument(message: str) -> DataverseError:
    return DataverseError(400, "0x80040203", message)


def expired_token() -> DataverseError:
    return DataverseError(
        400,
        "0x80044352",
        "Version stamp associated with the client has expired. Please perform a full sync.",
    )


def refused() -> DataverseError:
    """A plug-in's refusal."""
    return DataverseError(400, "0x80040265", "The business rule 'Local policy' refused the row.")


def stopped() -> DataverseError:
    return DataverseError(400, "0x80040265", "The period is closed. No rows can be written.")


def deadlock() -> DataverseError:
    return DataverseError(
        500,
        "0x80044150",
        "Generic SQL error. Transaction was deadlocked on lock resources with another process "
        "and has been chosen as the deadlock victim. Rerun the transaction.",
    )


LIMITS: Mapping[str, str] = {
    "0x80072322": "Number of requests exceeded the limit of {requests} over time window of "
    "{window} seconds.",
    "0x80072321": "Combined execution time of incoming requests exceeded limit of {execution} "
    "milliseconds over time window of {window} seconds. Decrease number of concurrent requests or "
    "reduce the duration of requests and try again later.",
    "0x80072326": "Number of concurrent requests exceeded the limit of {concurrent}.",
}
_USUAL = {"requests": "6000", "window": "300", "execution": "1,200,000", "concurrent": "52"}


def throttled(code: str) -> DataverseError:
    code = code or "0x80072322"
    return DataverseError(429, code, LIMITS[code].format(**_USUAL))


def unavailable() -> DataverseError:
    return DataverseError(503, "0x8005F103", "The service is temporarily unavailable.")


def internal() -> DataverseError:
    return DataverseError(500, "0x80040216", "An unexpected error occurred.")


def unauthorized(reason: str) -> DataverseError:
    return DataverseError(401, "0x80072560", reason)
