"""Error answers of Business Central: `{"error": {"code", "message"}}`, a correlation id at the end.

Codes and the texts beside them: Microsoft, "Error codes" of the API; texts of the entities: the
labels of the API v2.0 pages (microsoft/ALAppExtensions). Which HTTP status goes with a code is
documented for few of them, 400 is what the rest get.
"""

from __future__ import annotations

import uuid

from .types import Field


class BusinessCentralError(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.correlation_id = str(uuid.uuid4())

    @property
    def body(self) -> dict[str, object]:
        message = f"{self}  CorrelationId:  {self.correlation_id}."
        return {"error": {"code": self.code, "message": message}}


def dialog(message: str) -> BusinessCentralError:
    """An error the business logic raised in AL."""
    return BusinessCentralError(400, "Application_DialogException", message)


def malformed(message: str) -> BusinessCentralError:
    return BusinessCentralError(400, "BadRequest", message)


def wrong_query(message: str) -> BusinessCentralError:
    return BusinessCentralError(400, "BadRequest_NotFound", message)


def unknown_segment(segment: str) -> BusinessCentralError:
    message = f"Resource not found for the segment '{segment}'."
    return BusinessCentralError(404, "BadRequest_ResourceNotFound", message)


def no_row(caption: str, identifier: str) -> BusinessCentralError:
    message = (
        f"The {caption} does not exist. Identification fields and values: SystemId='{identifier}'"
    )
    return BusinessCentralError(404, "Internal_RecordNotFound", message)


def no_company() -> BusinessCentralError:
    message = (
        "Cannot process the request because the default company cannot be found. You can see the "
        "available companies by accessing the default OData web service, Company."
    )
    return BusinessCentralError(404, "Internal_CompanyNotFound", message)


def read_only(field: Field) -> BusinessCentralError:
    message = f"Control '{field.caption}' is read-only."
    return BusinessCentralError(400, "BadRequest_InvalidOperation", message)


def unknown_property(name: str, type_name: str) -> BusinessCentralError:
    message = (
        f"The property '{name}' does not exist on type 'Microsoft.NAV.{type_name}'. Make sure to "
        "only use property names that are defined by the type."
    )
    return malformed(message)


def wrong_value(field: Field, value: object) -> BusinessCentralError:
    if field.symbols:
        message = f"'{value}' is not an option. The existing options are: {','.join(field.symbols)}"
        return BusinessCentralError(400, "Unknown", message)
    if field.kind == "guid":
        message = (
            "Invalid format of GUID string. The correct format of the GUID string is: "
            "CDEF7890-ABCD-0123-1234-567890ABCDEF where 0-9, A-F symbolizes hexadecimal digits."
        )
        return BusinessCentralError(400, "Application_InvalidGUID", message)
    return malformed(f"Unable to convert value to {field.kind.capitalize()}")


def too_long(field: Field, text: str) -> BusinessCentralError:
    message = (
        f"The length of the string is {len(text)}, but it must be less than or equal to "
        f"{field.length} characters. Value: {text}"
    )
    return BusinessCentralError(400, "Application_StringExceededLength", message)


def filter_too_long(field: Field, text: str, caption: str) -> BusinessCentralError:
    message = (
        f"The filter \"='{text}'\" is not valid for the {field.caption} field on the {caption} "
        f"table. The length of the string is {len(text)}, but it must be less than or equal to "
        f"{field.length} characters. Value: {text}"
    )
    return BusinessCentralError(400, "Application_FilterErrorException", message)


def same_key(caption: str, values: str) -> BusinessCentralError:
    message = f"The {caption} already exists. Identification fields and values: {values}"
    return BusinessCentralError(400, "Internal_EntityWithSameKeyExists", message)


def not_related(field: str, caption: str, value: object, table: str) -> BusinessCentralError:
    message = (
        f"The field {field} of table {caption} contains a value ({value}) that cannot be found in "
        f"the related table ({table})."
    )
    return BusinessCentralError(400, "Internal_InvalidTableRelation", message)


def changed_meanwhile() -> BusinessCentralError:
    message = "Another user has already changed the record."
    return BusinessCentralError(409, "Request_EntityChanged", message)


def token_missing() -> BusinessCentralError:
    message = (
        "Could not validate the client concurrency token required by the service. Please provide "
        "a valid token in the client request."
    )
    return BusinessCentralError(400, "BadRequest_InvalidToken", message)


def not_allowed(method: str, name: str) -> BusinessCentralError:
    message = (
        f"'{method}' requests for '{name}' of EdmType 'Entity' are not allowed within Microsoft "
        "Dynamics 365 Business Central OData web services."
    )
    return BusinessCentralError(405, "BadRequest_MethodNotAllowed", message)


def no_such_action() -> BusinessCentralError:
    message = "Entity does not support bound actions"
    return BusinessCentralError(501, "BadRequest_MethodNotImplemented", message)


def unauthorized() -> BusinessCentralError:
    message = "The server has rejected the client credentials."
    return BusinessCentralError(401, "Authentication_InvalidCredentials", message)


REFUSALS = {
    429: ("Application_TooManyRequests", "Too many requests reached. Please retry later."),
    503: ("Internal_ServiceUnavailable", "The service is temporarily unavailable."),
    500: ("Internal_ServerError", "Cannot establish a connection to the SQL Server/Database."),
}
"""Status -> code and text of refusals the environment gives, whatever was asked."""


def refusal(status: int) -> BusinessCentralError:
    return BusinessCentralError(status, *REFUSALS[status])
