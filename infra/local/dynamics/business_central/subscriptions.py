"""Webhook subscriptions: made and renewed after a handshake, listed, deleted; changes published.

Delivery, coalescing, expiry and deletion are the room `webhooks`' part. Source: Microsoft, "Working
with webhooks"; the recorded subscription among the samples.
"""

from __future__ import annotations

import base64
import json
import re
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone

from infra.local.dynamics.webhooks import HandshakeFailed, Subscription, Webhooks

from . import errors
from .books import Change
from .custom_entities import CUSTOM_API
from .entities import STANDARD, Entity
from .messages import Answer, Operation
from .seed import COMPANIES
from .types import EMPTY_GUID, format_moment

PRODUCT = "business-central"
SUPPORTED = (
    "items", "customers", "vendors", "salesOrders", "salesInvoices", "salesCreditMemos",
    "itemCategories", "journals", "customerPaymentJournals", "currencies", "paymentMethods",
    "unitsOfMeasure", "dimensions", "companyInformation",
)  # fmt: skip
"""Sets that can be subscribed to. The published list lacks itemVariants, itemLedgerEntries and
locations (dynamics.md 2.6)."""
_MOST = 200
"""Subscriptions of one environment."""
_RESOURCE = re.compile(r"/?api/(?P<api>.+)/companies\((?P<company>[0-9a-fA-F-]{36})\)/(?P<set>\w+)")
_BODY = frozenset({"notificationUrl", "resource", "clientState"})


class Subscriptions:
    def __init__(self, webhooks: Webhooks, api: str, entities: Mapping[str, Entity]) -> None:
        """`api` as it stands after `/api/` in a resource."""
        self._webhooks = webhooks
        self._api = api
        self._entities = entities

    async def execute(self, operation: Operation, root: str) -> Answer:
        """Carry out a request to `subscriptions` or `subscriptions('id')`."""
        found = re.fullmatch(r"subscriptions(?:\('?([^')]+)'?\))?", operation.path)
        if found is None:
            raise errors.unknown_segment(operation.path)
        key = found[1]
        match operation.method, key:
            case "POST", None:
                return await self._create(operation, root)
            case "GET", None:
                value = [_shown(each) for each in self._own()]
                context = f"{root}$metadata#subscriptions"
                return Answer(200, {"@odata.context": context, "value": value})
            case "GET", str():
                return self._answer(200, self._found(key), root)
            case "PATCH", str():
                return await self._renew(self._guarded(key, operation), operation, root)
            case "DELETE", str():
                self._guarded(key, operation)
                self._webhooks.unsubscribe(PRODUCT, key)
                return Answer(204)
        raise errors.not_allowed(operation.method, "subscriptions")

    def _own(self) -> list[Subscription]:
        found = self._webhooks.subscriptions(PRODUCT)
        return [each for each in found if each.topic.startswith(f"api/{self._api}/")]

    def _found(self, key: str) -> Subscription:
        found = self._webhooks.get(PRODUCT, key)
        if found is None:
            raise errors.no_row("API Webhook Subscription", key)
        return found

    def _guarded(self, key: str, operation: Operation) -> Subscription:
        expected = operation.headers.get("if-match", "")
        if not expected:
            raise errors.token_missing()
        found = self._found(key)
        if expected not in ("*", _etag(found)):
            raise errors.changed_meanwhile()
        return found

    async def _create(self, operation: Operation, root: str) -> Answer:
        url, resource, state = _read(operation)
        if len(self._webhooks.subscriptions(PRODUCT)) >= _MOST:
            raise errors.dialog(f"There are {_MOST} subscriptions; no more can be made.")
        topic = self._topic(resource)
        subscription = Subscription(PRODUCT, uuid.uuid4().hex, topic, url, PRODUCT, state)
        return await self._shake(201, subscription, root)

    def _topic(self, resource: str) -> str:
        found = _RESOURCE.fullmatch(resource)
        if found is None or found["api"] != self._api or found["company"] not in COMPANIES:
            raise errors.malformed(f"The resource '{resource}' cannot be subscribed to.")
        if found["set"] not in SUPPORTED and (
            self._api != CUSTOM_API or found["set"] not in self._entities
        ):
            raise errors.malformed(f"'{found['set']}' does not support webhooks.")
        return _topic(self._api, found["company"], found["set"])

    async def _renew(self, old: Subscription, operation: Operation, root: str) -> Answer:
        url, resource, state = _read(operation, old)
        topic = self._topic(resource)
        renewed = Subscription(PRODUCT, old.id, topic, url, PRODUCT, state)
        return await self._shake(200, renewed, root)

    async def _shake(self, status: int, subscription: Subscription, root: str) -> Answer:
        try:
            await self._webhooks.shake_hands(subscription)
        except HandshakeFailed as error:
            raise errors.malformed(f"The notification URL did not validate: {error}") from error
        return self._answer(status, self._webhooks.subscribe(subscription), root)

    def _answer(self, status: int, subscription: Subscription, root: str) -> Answer:
        context = f"{root}$metadata#subscriptions/$entity"
        return Answer(status, {"@odata.context": context, **_shown(subscription)})


def publish(webhooks: Webhooks, changes: Sequence[Change]) -> None:
    """Tell the subscribers of every set what was changed."""
    for change in changes:
        if change.company in COMPANIES:
            api = "v2.0" if change.entity.name in STANDARD else CUSTOM_API
            topic = _topic(api, change.company, change.entity.name)
            resource = f"{topic}({change.identifier})"
            webhooks.publish(PRODUCT, topic, resource, change.kind)


def _topic(api: str, company: str, name: str) -> str:
    return f"api/{api}/companies({company})/{name}"


def _read(operation: Operation, old: Subscription | None = None) -> tuple[str, str, str]:
    body = operation.body or {}
    for name in body:
        if name not in _BODY:
            field = STANDARD["subscriptions"].fields.get(name)
            if field is None:
                raise errors.unknown_property(name, "subscriptions")
            raise errors.read_only(field)
    url = body.get("notificationUrl", old.url if old else "")
    resource = body.get("resource", old.topic if old else "")
    state = body.get("clientState", old.client_state if old else "")
    if not (isinstance(url, str) and isinstance(resource, str) and isinstance(state, str)):
        raise errors.malformed("Invalid Request Body")
    if not url:
        raise errors.malformed("Field 'notificationUrl' must not be blank or empty.")
    field = STANDARD["subscriptions"].fields["clientState"]
    if len(state) > (field.length or 0):
        raise errors.too_long(field, state)
    return url, resource, state


def _shown(subscription: Subscription) -> dict[str, object]:
    expires = datetime.fromtimestamp(subscription.expires_at or 0, timezone.utc)
    return {
        "@odata.etag": _etag(subscription),
        "subscriptionId": subscription.id,
        "notificationUrl": subscription.url,
        "resource": subscription.topic,
        "timestamp": 0,
        "userId": EMPTY_GUID,
        "clientState": subscription.client_state,
        "expirationDateTime": format_moment(expires),
    }


def _etag(subscription: Subscription) -> str:
    text = json.dumps([subscription.id, subscription.expires_at])
    return f'W/"{base64.b64encode(text.encode()).decode()}"'
