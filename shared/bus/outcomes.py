"""What a handler says about one delivery; the only words between services and settlement.

The table in `shared.bus.verdicts` turns each outcome into broker operations. A handler that raises
has said nothing: that is our bug, the message is abandoned and the broker's delivery count decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.events import DocumentPosted, Fact, Reason


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
    personal data and no card number.
    """

    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class Later:
    """The world must change first: throttled, an outage, a conflict.

    `not_before` (aware UTC) is the moment the other side named, for example by `Retry-After`;
    without it the retry policy decides.
    """

    cause: str
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Parked:
    """Something `missing` keeps the facts of `key` waiting; facts of other keys flow on.

    The fact is put aside in the store until `key` is released or `patience` (None: the setting's)
    has passed. It then comes once more with `Delivery.waited_out` = `key`; a handler that still
    answers Parked under that key means: rejected, `master-data-missing`.
    """

    key: str
    missing: str
    patience: timedelta | None = None


Outcome = Done | Rejected | Later | Parked
