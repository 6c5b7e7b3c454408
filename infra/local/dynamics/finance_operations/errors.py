"""Error answers in the shapes Finance & Operations gives them.

Shapes: dynamics.md 1.7 and payloads/fo. A refused write has the Infolog inside `innererror.message`
and is 400 alone, 500 inside a batch answer (captured); a body that cannot be read has the cause in
`innererror.internalexception`. Texts in quotes of X++ are documented ones, all others are ours.
"""

from __future__ import annotations

import json

from infra.local.dynamics.odata.entities import EdmType, EntitySet

_STACK_TRACE = "   at Simulator.FinanceOperations()"
_WRITE_FAILED = "Microsoft.Dynamics.Platform.Integration.Services.OData.AxODataWriteException"
OUTER_MESSAGE = "An error has occurred."


class ODataError(Exception):
    """A failure with the answer it gets."""

    def __init__(
        self,
        status: int,
        inner: dict[str, object] | None,
        *,
        message: str = OUTER_MESSAGE,
        code: str = "",
        status_in_batch: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.status_in_batch = status_in_batch or status
        error: dict[str, object] = {"code": code, "message": message}
        if inner is not None:
            error["innererror"] = inner
        self.reason = (
            str((inner or {}).get("message", message)).partition("Infolog: ")[2] or message
        )
        """What a person reads first: the Infolog where there is one."""
        self.body = json.dumps({"error": error}).encode()


def _inner(message: str, kind: str, cause: dict[str, object] | None = None) -> dict[str, object]:
    inner: dict[str, object] = {"message": message, "type": kind, "stacktrace": _STACK_TRACE}
    if cause is not None:
        inner["internalexception"] = cause
    return inner


def write_failed(entity_set: EntitySet, infolog: str) -> ODataError:
    """A refusal by the business logic; `infolog` is what the form would show."""
    message = f"Write failed for table row of type '{entity_set.entity}'. Infolog: {infolog}."
    return ODataError(400, _inner(message, _WRITE_FAILED), status_in_batch=500)


def duplicate_key(entity_set: EntitySet, row: str) -> ODataError:
    return write_failed(
        entity_set,
        f"Info: Cannot create a record in {entity_set.label}. {row}.\nThe record already exists.",
    )


def missing_parent(entity_set: EntitySet, row: str) -> ODataError:
    parent = entity_set.parent or entity_set
    return write_failed(
        entity_set,
        f"Error: Cannot create a record in {entity_set.label}. {row}.\n"
        f"The corresponding record in {parent.label} does not exist.",
    )


def not_related(entity_set: EntitySet, name: str, value: object, table: str) -> ODataError:
    return write_failed(
        entity_set,
        f"Warning: The value '{value}' in field '{name}' is not found in the related table "
        f"'{table}'.; Error: Update has been canceled.",
    )


def must_be_filled_in(entity_set: EntitySet, name: str) -> ODataError:
    return write_failed(
        entity_set, f"Warning: Field '{name}' must be filled in.; Error: Update has been canceled."
    )


def deadlock(entity_set: EntitySet) -> ODataError:
    return write_failed(
        entity_set,
        f"Error: Cannot create a record in {entity_set.label}.\nDeadlock, where one or more users "
        "have simultaneously locked the whole table or part of it.",
    )


def update_conflict(entity_set: EntitySet) -> ODataError:
    return write_failed(
        entity_set,
        f"Error: Cannot edit a record in {entity_set.label}.\nAn update conflict occurred due to "
        "another user process deleting the record or changing one or more fields in the record.",
    )


def canceled(entity_set: EntitySet) -> ODataError:
    return write_failed(entity_set, "Error: Update has been canceled.")


def period_closed(entity_set: EntitySet) -> ODataError:
    return write_failed(
        entity_set, "Error: The period is closed for posting.; Error: Update has been canceled."
    )


def _unreadable(cause: str, kind: str) -> ODataError:
    outer = "Exception has been thrown by the target of an invocation."
    return ODataError(
        400,
        _inner(
            outer,
            "System.Reflection.TargetInvocationException",
            _inner(cause, kind),
        ),
    )


def unknown_property(entity_set: EntitySet, name: str) -> ODataError:
    return _unreadable(
        f"The property '{name}' does not exist on type "
        f"'Microsoft.Dynamics.DataEntities.{entity_set.type_name}'. Make sure to only use property "
        "names that are defined by the type.",
        "System.InvalidOperationException",
    )


def wrong_value(name: str, kind: EdmType, value: object) -> ODataError:
    shown = json.dumps(value, default=str)[:100]
    what = "is no member of the enum" if kind.symbols else "cannot be converted to"
    return _unreadable(
        f"The value {shown} of property '{name}' {what} '{kind.name}'.",
        "Microsoft.OData.ODataException",
    )


def malformed(message: str) -> ODataError:
    """The request itself cannot be read: body, path, query option or batch."""
    return ODataError(400, _inner(message, "Microsoft.OData.ODataException"))


def refused_action(message: str) -> ODataError:
    """An OData action said no."""
    return ODataError(500, _inner(message, "System.InvalidOperationException"))


def not_found(message: str) -> ODataError:
    return ODataError(404, None, message=message)


def method_not_allowed(method: str) -> ODataError:
    message = f"The requested resource does not support http method '{method}'."
    return ODataError(405, None, message=message)


def stale() -> ODataError:
    message = "The record was changed since it was read: its ETag is another one."
    return ODataError(412, None, message=message)


def unauthorized(message: str) -> ODataError:
    return ODataError(401, None, message=message)


def throttled() -> ODataError:
    message = (
        "The environment is short of resources; repeat the request after the time it asks for."
    )
    return ODataError(429, None, message=message, code="429")


def unavailable() -> ODataError:
    return ODataError(503, None, message="The service is unavailable.")


def internal() -> ODataError:
    return ODataError(500, _inner("Object reference not set.", "System.NullReferenceException"))
