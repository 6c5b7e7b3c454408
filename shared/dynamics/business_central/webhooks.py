"""Webhook subscriptions: made, renewed, deleted; the handshake answered, notifications read.

Business Central calls the notification URL with `?validationToken=` when a subscription is made or
renewed and wants the token back as plain text, so the receiver must be running before. A
subscription lives three days. Any answer to a notification but 2xx, 408, 429 and 5xx deletes it.
Notifications are not signed: `client_state` is all that shows who sends them, so it is a secret.
They say what changed, not how: whoever gets one reads the row.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from urllib.parse import parse_qs, unquote, urlsplit

from shared.dynamics.business_central import requests
from shared.dynamics.business_central.api import Api
from shared.dynamics.odata.errors import MissingParent, TryLater
from shared.dynamics.service import Entity, Uncertain

READ = ("subscriptionId", "notificationUrl", "resource", "expirationDateTime", "clientState")


@dataclass(frozen=True, slots=True)
class Subscription:
    id: str
    resource: str
    url: str
    expires_at: datetime
    etag: str


class ChangeKind(StrEnum):
    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"
    COLLECTION = "collection"
    """So many changed that only a filter is told: read `Change.where`."""


@dataclass(frozen=True, slots=True)
class Change:
    """One row, or for COLLECTION all rows of the set that `where` (a filter) finds.

    Changes of lines show as a change of their document; several within half a minute as one."""

    subscription: str
    kind: ChangeKind
    company_id: str
    entity_set: str
    row_id: str
    at: datetime
    where: str = ""


class NotGenuine(Exception):
    """The notification does not carry the state we gave Business Central."""


class Subscriptions:
    """Subscriptions of one API: the standard one or the retail custom API."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._path = f"{api.name}/subscriptions"

    async def create(
        self, company: str, entity_set: str, notification_url: str, client_state: str
    ) -> Subscription:
        """Subscribe, or renew what is subscribed already to the same set and URL.

        Raises DynamicsError. Business Central calls the URL before this returns."""
        resource = f"/api/{await self._api.company(company, entity_set)}"
        body = {
            "notificationUrl": notification_url,
            "resource": resource,
            "clientState": client_state,
        }
        existing = await self._existing(resource, notification_url)
        try:
            if existing is not None:
                return await self._patch(existing, body)
            return _read(await self._api.create(self._path, body))
        except Uncertain as error:
            existing = await self._existing(resource, notification_url)
            if existing is None:
                raise TryLater(f"The subscription may have been made: {error}") from error
            return existing

    async def renew(self, subscription: Subscription, client_state: str) -> Subscription:
        """Let it live three days from now. Raises MissingParent where it is gone, or another
        DynamicsError."""
        body = {
            "notificationUrl": subscription.url,
            "resource": f"/{subscription.resource.lstrip('/')}",
            "clientState": client_state,
        }
        try:
            return await self._patch(subscription, body)
        except Uncertain as error:
            raise TryLater(f"The subscription may have been renewed: {error}") from error

    async def delete(self, subscription: Subscription) -> None:
        """Delete it; one that is gone is deleted. Raises DynamicsError."""
        path = f"{self._path}('{subscription.id}')"
        try:
            await self._api.delete(path, "*")
        except MissingParent:
            return
        except Uncertain as error:
            raise TryLater(f"The subscription may have been deleted: {error}") from error

    async def every(self) -> list[Subscription]:
        return [_read(row) async for row in self._api.rows(requests.rows(self._path))]

    async def supported(self, company: str) -> list[str]:
        """Return the sets of a company that can be subscribed to."""
        company_id = await self._api.companies.id(company)
        path = f"microsoft/runtime/beta/companies({company_id})/webhookSupportedResources"
        rows = self._api.rows(requests.rows(path))
        return [str(row["resource"]).rsplit("/", 1)[-1] async for row in rows]

    async def _patch(self, subscription: Subscription, body: Mapping[str, object]) -> Subscription:
        path = f"{self._path}('{subscription.id}')"
        return _read(await self._api.change(path, body, "*"))

    async def _existing(self, resource: str, url: str) -> Subscription | None:
        for each in await self.every():
            if each.resource.strip("/") == resource.strip("/") and each.url == url:
                return each
        return None


def _read(row: Entity) -> Subscription:
    return Subscription(
        str(row["subscriptionId"]),
        str(row["resource"]),
        str(row["notificationUrl"]),
        datetime.fromisoformat(str(row["expirationDateTime"])),
        str(row.get("@odata.etag", "")),
    )


def handshake(query: Mapping[str, str]) -> str | None:
    """Return what to answer with, as text/plain and 200, where the call is a handshake."""
    return query.get("validationToken")


_RESOURCE = re.compile(r"/?api/[^?]*?/companies\(([^)]+)\)/(\w+)(?:\('?([^')]+)'?\))?")


def parse_notifications(body: bytes, client_state: str) -> list[Change]:
    """Return the changes of one notification, which may be of several subscriptions.

    Raises NotGenuine where any of it lacks our client state, ValueError where it is malformed.
    """
    document = json.loads(body)
    if not isinstance(document, dict) or not isinstance(document.get("value"), list):
        raise ValueError("A notification is an object with the list 'value'.")  # noqa: TRY004
    return [_change(entry, client_state) for entry in document["value"]]


def _change(entry: object, client_state: str) -> Change:
    if not isinstance(entry, dict):
        raise ValueError("A notification's entry is an object.")  # noqa: TRY004
    state = str(entry.get("clientState", ""))
    if not hmac.compare_digest(state.encode(), client_state.encode()):
        raise NotGenuine("The notification's client state is not ours.")
    resource = unquote(str(entry.get("resource", "")))
    found = _RESOURCE.match(resource)
    if found is None:
        raise ValueError(f"'{resource}' is no resource of a company.")
    kind = ChangeKind(str(entry.get("changeType")))
    where = ""
    if kind is ChangeKind.COLLECTION:
        where = parse_qs(urlsplit(str(entry["resource"])).query).get("$filter", [""])[0]
    return Change(
        str(entry.get("subscriptionId", "")),
        kind,
        found[1],
        found[2],
        found[3] or "",
        datetime.fromisoformat(str(entry.get("lastModifiedDateTime"))),
        where,
    )
