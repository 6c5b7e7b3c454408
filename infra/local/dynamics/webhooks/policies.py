"""How each product delivers: when, how often again, in which form, and what ends a subscription.

Sources: dynamics.md 1.6 (business events), 2.6 (Business Central), 3.4 (Dataverse). Guessed: the
spacing of Business Central's and Dataverse's tries, and that no answer is like a 503.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from urllib.parse import quote

from pydantic_core import to_json

from .outbox import Change, Subscription

NO_ANSWER = 0
"""In place of a status."""

Told = Sequence[tuple[Subscription, Change]]


@dataclass(frozen=True, slots=True)
class Policy:
    compose: Callable[[Told], bytes]
    """The body of one delivery; of a policy that does not coalesce it tells one change."""
    delay: float = 0
    """Seconds between a change and its notification."""
    coalesces: bool = False
    """One notification per resource and delay; all that are due for one URL go in one body."""
    retried: Callable[[int], bool] = lambda status: not 200 <= status < 300
    """Whether a delivery answered by this status is tried again."""
    spacing: Sequence[float] = ()
    """Seconds before each further try; after the last the notification is given up."""
    refusal_deletes: bool = False
    """Whether a status that is neither 2xx nor retried deletes the subscription."""
    lifetime: float | None = None
    """Seconds a subscription lives unless it is renewed; None: for ever."""
    timeout: float = 60
    handshake: str = ""
    """`validation-token`: a call whose answer must echo the token; `test-event`: a call that must
    be accepted; empty: none."""


COLLECTION = "collection"
_MOST_ENTRIES = 1000
_36_HOURS = (60, 120, 240, 480, 960, 1920, *(35 * [3600]))


def iso(moment: float) -> str:
    at = datetime.fromtimestamp(moment, timezone.utc)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _business_central(told: Told) -> bytes:
    """`{"value": […]}`; a subscription with too many changes gets one entry with a filter URL."""
    by_subscription: dict[str, list[tuple[Subscription, Change]]] = defaultdict(list)
    for subscription, change in told:
        by_subscription[subscription.id].append((subscription, change))
    entries = []
    for changes in by_subscription.values():
        if len(changes) > _MOST_ENTRIES:
            subscription = changes[0][0]
            first = min(change.at for _, change in changes)
            since = quote(f"lastModifiedDateTime gt {iso(first)}")
            last = max(change.at for _, change in changes)
            whole = Change(f"{subscription.topic}?$filter={since}", COLLECTION, last)
            entries.append(_entry(subscription, whole))
        else:
            entries += [_entry(*each) for each in changes]
    return to_json({"value": entries})


def _entry(subscription: Subscription, change: Change) -> dict[str, object]:
    return {
        "subscriptionId": subscription.id,
        "clientState": subscription.client_state,
        "expirationDateTime": iso(subscription.expires_at or change.at),
        "resource": change.resource,
        "changeType": change.kind,
        "lastModifiedDateTime": iso(change.at),
    }


def _as_it_is(told: Told) -> bytes:
    [(_, change)] = told
    return to_json(change.body)


def later_kind(first: str, then: str) -> str:
    """What a receiver hears of two changes of one resource told as one."""
    return first if first == "created" and then == "updated" else then


BUSINESS_CENTRAL = "business-central"
DATAVERSE_WEBHOOK = "dataverse-webhook"
DATAVERSE_SERVICE_BUS = "dataverse-service-bus"
BUSINESS_EVENT = "business-event"

POLICIES: Mapping[str, Policy] = {
    BUSINESS_CENTRAL: Policy(
        compose=_business_central,
        delay=30,
        coalesces=True,
        retried=lambda status: status in (NO_ANSWER, 408, 429) or status >= 500,
        spacing=_36_HOURS,
        refusal_deletes=True,
        lifetime=3 * 24 * 3600,
        handshake="validation-token",
    ),
    DATAVERSE_WEBHOOK: Policy(
        compose=_as_it_is,
        retried=lambda status: status in (NO_ANSWER, 502, 503, 504),
        spacing=(5,),
    ),
    DATAVERSE_SERVICE_BUS: Policy(compose=_as_it_is, spacing=(60, 120, 240, 480, 960)),
    BUSINESS_EVENT: Policy(compose=_as_it_is, spacing=(1, 1, 1), handshake="test-event"),
}
