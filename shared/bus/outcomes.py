"""What a handler says about one delivery; the only words between services and settlement.

The table in `shared.bus.verdicts` turns each outcome into broker operations. A handler that raises
has said nothing: that is our bug, the message is abandoned and the broker's delivery count decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.events import DocumentPosted, Effect, Fact, Reason
from shared.store.errors import StoreUnavailable


@dataclass(frozen=True, slots=True)
class Done:
    """The fact has had its effect, now or earlier (compared with what is there, not assumed).

    `document` is announced as a `document-posted` fact before the message is completed; `None`
    when the handler booked nothing that others wait for. `also` are further facts that follow from
    it, published with it.
    """

    document: DocumentPosted | None = None
    also: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True)
class Rejected:
    """No redelivery can help: the message goes to the dead-letter queue at once.

    `detail` is one sentence for the person who will read the dead-letter queue; it holds no
    personal data and no card number. `effect` is the one that is missing because of it, where the
    fact has several and the trigger cannot say which. `also` are the facts to publish with it: the
    documents of its other effects.
    """

    reason: Reason
    detail: str
    effect: Effect | None = None
    also: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True)
class Later:
    """The world must change first: throttled, an outage, a conflict.

    `not_before` (aware UTC) is the moment the other side named, for example by `Retry-After`;
    without it the retry policy decides. `effect` and `also` as in Rejected.
    """

    cause: str
    not_before: datetime | None = None
    effect: Effect | None = None
    also: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True)
class Parked:
    """Something `missing` keeps the facts of `key` waiting; facts of other keys flow on.

    The fact is put aside in the store until `key` is released or `patience` (None: the setting's)
    has passed. It then comes once more with `Delivery.waited_out` = `key`; a handler that still
    answers Parked under that key means: rejected, `master-data-missing`. `effect` and `also` as in
    Rejected.
    """

    key: str
    missing: str
    patience: timedelta | None = None
    effect: Effect | None = None
    also: tuple[Fact, ...] = ()


Outcome = Done | Rejected | Later | Parked


def nameless(key: str) -> str:
    """Return a key to park under without the customer's number or card: as telemetry may show it,
    and whatever else is kept beyond a person's erasure.

    Whoever has to know them finds them with the fact.
    """
    kind, _, rest = key.partition("/")
    return f"{kind}/{rest.partition('/')[0]}/…" if kind in _KEYS_OF_PERSONS else key


_KEYS_OF_PERSONS = frozenset({"customer", "card"})


def without_store(error: StoreUnavailable) -> Later:
    """Return the outcome of what cannot be done while the store is away."""
    return Later(f"the store is unavailable: {error}")
