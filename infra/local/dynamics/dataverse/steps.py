"""Registered steps: which change is sent where.

A step is a row of sdkmessageprocessingstep whose handler is a row of serviceendpoint; each becomes
one subscription of the outbox. Source: dynamics.md 3.4; addresses of Service Bus endpoints and the
size limit of theirs as documented there. Steps run after the commit whatever their mode says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from infra.local.dynamics.clock import Clock
from infra.local.dynamics.webhooks import Subscription, Webhooks

from .columns import Row
from .contexts import attribute, context, fitting
from .operations import Change
from .rows import Rows, Stored
from .tables import BY_LOGICAL

PRODUCT = "dataverse"

_WEBHOOK = 8
_KEY, _HEADER, _QUERY = 4, 5, 6
_REGISTRATION = frozenset({
    "serviceendpoint", "sdkmessageprocessingstep", "sdkmessageprocessingstepimage",
})  # fmt: skip
_TOO_LARGE = {"x-ms-dynamics-msg-size-exceeded": "true"}
_MOST_BYTES = {"dataverse-webhook": 256 * 1024, "dataverse-service-bus": 192 * 1024}


@dataclass(frozen=True, slots=True)
class Step:
    id: str
    message: str
    entity: str
    filtering: frozenset[str]
    """Columns one of which an update must set; empty means any."""
    images: Mapping[str, tuple[bool, frozenset[str]]]
    policy: str

    def hears(self, change: Change) -> bool:
        if (change.message, change.table.logical) != (self.message, self.entity):
            return False
        if self.message != "Update" or not self.filtering:
            return True
        return not self.filtering.isdisjoint(map(attribute, change.changed))


class Steps:
    def __init__(self, rows: Rows, webhooks: Webhooks, clock: Clock) -> None:
        self._rows = rows
        self._webhooks = webhooks
        self._clock = clock
        self._steps: Sequence[Step] = ()
        self.refresh()

    def tell(self, changes: Sequence[Change]) -> None:
        """To be called when they are stored."""
        if any(change.table.logical in _REGISTRATION for change in changes):
            self.refresh()
        for change in changes if self._steps else ():
            for step in self._steps:
                if step.hears(change):
                    self._send(step, change)

    def _send(self, step: Step, change: Change) -> None:
        whole = context(change, step.id, step.images, self._clock())
        body = fitting(whole, _MOST_BYTES[step.policy])
        self._webhooks.publish(
            PRODUCT,
            step.id,
            f"{change.table.entity_set}({change.id})",
            change.message,
            body,
            headers={} if body is whole else _TOO_LARGE,
        )

    def refresh(self) -> None:
        """Read the registrations anew."""
        read = map(self._read, self._all("sdkmessageprocessingstep"))
        found = [each for each in read if each is not None]
        self._steps = [step for step, _ in found]
        for _, subscription in found:
            self._webhooks.subscribe(subscription)
        known = {step.id for step in self._steps}
        for old in self._webhooks.subscriptions(PRODUCT):
            if old.id not in known:
                self._webhooks.unsubscribe(PRODUCT, old.id)

    def _all(self, logical: str) -> list[Stored]:
        return self._rows.select(BY_LOGICAL[logical], "1", "version", -1, 0, ())

    def _related(self, row: Row, column: str, logical: str) -> Row:
        identifier = row.get(f"_{column}_value")
        found = self._rows.get(BY_LOGICAL[logical], str(identifier)) if identifier else None
        return found.row if found else {}

    def _read(self, stored: Stored) -> tuple[Step, Subscription] | None:
        row = stored.row
        endpoint = self._related(row, "eventhandler", "serviceendpoint")
        message = self._related(row, "sdkmessageid", "sdkmessage").get("name")
        filters = self._related(row, "sdkmessagefilterid", "sdkmessagefilter")
        if not endpoint or not message or row.get("statecode") == 1:
            return None
        is_webhook = endpoint.get("contract") == _WEBHOOK
        policy = "dataverse-webhook" if is_webhook else "dataverse-service-bus"
        entity = str(filters.get("primaryobjecttypecode") or "")
        step = Step(
            stored.id,
            str(message),
            entity,
            _names(row.get("filteringattributes")),
            dict(self._images(stored.id)),
            policy,
        )
        url, headers = _webhook(endpoint) if is_webhook else (_queue(endpoint), {})
        headers |= {
            "x-ms-dynamics-entity-name": entity,
            "x-ms-dynamics-request-name": str(message),
        }
        return step, Subscription(PRODUCT, stored.id, stored.id, url, policy, headers=headers)

    def _images(self, step_id: str) -> Mapping[str, tuple[bool, frozenset[str]]]:
        images = {}
        for each in self._all("sdkmessageprocessingstepimage"):
            if each.row.get("_sdkmessageprocessingstepid_value") == step_id:
                alias = str(each.row.get("entityalias") or each.row.get("name"))
                after = each.row.get("imagetype") == 1
                images[alias] = (after, _names(each.row.get("attributes")))
        return images


def _names(text: object) -> frozenset[str]:
    return frozenset(name.strip() for name in str(text or "").split(",") if name.strip())


def _webhook(endpoint: Row) -> tuple[str, dict[str, str]]:
    """URL and headers by the endpoint's way to show who calls."""
    url, value = str(endpoint.get("url") or ""), str(endpoint.get("authvalue") or "")
    kind = endpoint.get("authtype")
    separator = "&" if "?" in url else "?"
    if kind == _KEY:
        return f"{url}{separator}code={quote(value, safe='')}", {}
    pairs = _settings(value)
    if kind == _QUERY:
        query = "&".join(f"{name}={quote(text, safe='')}" for name, text in pairs.items())
        return f"{url}{separator}{query}", {}
    return url, pairs if kind == _HEADER else {}


def _settings(value: str) -> dict[str, str]:
    """`<settings><setting name="…" value="…" /></settings>`, as the registration tool writes it."""
    from xml.etree import ElementTree

    try:
        found = ElementTree.fromstring(value)
    except ElementTree.ParseError:
        return {}
    return {each.get("name", ""): each.get("value", "") for each in found.iter("setting")}


def _queue(endpoint: Row) -> str:
    address = str(endpoint.get("namespaceaddress") or "").removeprefix("sb://").strip("/")
    return f"sb://{address}/{endpoint.get('path') or ''}"
