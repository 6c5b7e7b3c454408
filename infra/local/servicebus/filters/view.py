"""A message as rules see it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Protocol
from uuid import UUID

from infra.local.servicebus.filters.errors import FilterError

SYSTEM_FIELDS = {
    "contenttype": "content_type",
    "correlationid": "correlation_id",
    "label": "subject",
    "messageid": "message_id",
    "replyto": "reply_to",
    "replytosessionid": "reply_to_group_id",
    "sessionid": "group_id",
    "to": "to",
}
"""System property in lower case -> field of the AMQP properties section. Actions may set these."""

Facts = Callable[[], Mapping[str, Any]]
"""Returns what only the broker knows of a message, by lower-case system property."""


class Sections(Protocol):
    @property
    def properties(self) -> Any: ...
    @property
    def application_properties(self) -> Mapping[str, Any] | None: ...


class MessageView:
    """Reads sections only when a rule asks, once for all rules that ask."""

    def __init__(self, message: Sections, facts: Facts = dict) -> None:
        self._message = message
        self._facts = facts

    @cached_property
    def user(self) -> dict[str, Any]:
        """Application properties by lower-case name: rules do not tell cases apart."""
        return {name.lower(): value for name, value in self.application_properties.items()}

    @property
    def application_properties(self) -> Mapping[str, Any]:
        return self._message.application_properties or {}

    def field(self, name: str) -> Any:
        """Return a field of the properties section; None when it is not set."""
        properties = self._message.properties
        return None if properties is None else getattr(properties, name)

    def system(self, name: str) -> Any:
        """Return a system property by lower-case name; FilterError when there is none of it."""
        field = SYSTEM_FIELDS.get(name)
        if field is not None:
            return self.field(field)
        if name in self._known:
            return self._known[name]
        raise FilterError(f"There is no system property 'sys.{name}'.")

    def exists(self, name: str) -> bool:
        """Answer whether a system property is there, by lower-case name."""
        return (name in SYSTEM_FIELDS or name in self._known) and self.system(name) is not None

    @cached_property
    def _known(self) -> Mapping[str, Any]:
        return self._facts()


class Draft(MessageView):
    """A view that actions change; the message itself stays as it is."""

    def __init__(self, view: MessageView) -> None:
        super().__init__(view._message, lambda: view._known)
        self.user = dict(view.user)
        self.changed_application = dict(view.application_properties)
        self.changed_fields: dict[str, Any] = {}

    def field(self, name: str) -> Any:
        if name in self.changed_fields:
            return self.changed_fields[name]
        return super().field(name)

    def set_field(self, name: str, value: Any) -> None:
        """System properties are texts; None removes. FilterError for another value."""
        if value is not None and not isinstance(value, str | UUID):
            raise FilterError(f"A system property cannot be set to {value!r}: it is no text.")
        self.changed_fields[name] = None if value is None else str(value)

    def set_user(self, name: str, value: Any) -> None:
        self.remove_user(name)
        self.changed_application[name] = value
        self.user[name.lower()] = value

    def remove_user(self, name: str) -> None:
        self.user.pop(name.lower(), None)
        for known in [key for key in self.changed_application if key.lower() == name.lower()]:
            del self.changed_application[known]
