"""Faults that are ordered: what goes wrong, where, how often.

Matching only, no I/O; what a fault then does is in `injection.py` and `faulty_link.py`.

    kind        | at                             | before it takes effect | after
    disconnect  | every operation; now = at once | cut instead            | cut, not answered
    drop        | send, settle, receive, attach, | as if it had never     | done, never answered
                | management                     | arrived                |
    delay       | as drop                        | done `delay_ms` later  | done, answered later
    refuse      | send, settle, attach,          | answered with `condition`
                | management                     |
    duplicate   | receive                        | the message comes twice under one lock
                | settle                         | confirmed, and yet the message comes again
    expire-lock | now, receive, settle           | locks end: those held now; this one as its
                |                                | message leaves, or before the outcome is applied

`takes_effect` chooses between the last two columns. At an attach, and at a receive except for
disconnect, they are one: there is no answer of the bus that could be lost.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from itertools import count
from typing import Any, NamedTuple

from infra.local.servicebus.amqp.performatives import Error
from infra.local.servicebus.jsonobject import ConfigError

NOW, SEND, RECEIVE, SETTLE, ATTACH, MANAGEMENT = (
    "now",
    "send",
    "receive",
    "settle",
    "attach",
    "management",
)

KINDS: Mapping[str, tuple[str, ...]] = {
    "disconnect": (NOW, SEND, RECEIVE, SETTLE, ATTACH, MANAGEMENT),
    "drop": (SEND, RECEIVE, SETTLE, ATTACH, MANAGEMENT),
    "delay": (SEND, RECEIVE, SETTLE, ATTACH, MANAGEMENT),
    "duplicate": (RECEIVE, SETTLE),
    "refuse": (SEND, SETTLE, ATTACH, MANAGEMENT),
    "expire-lock": (NOW, RECEIVE, SETTLE),
}
"""What each kind can happen at; the first is where it happens unless told otherwise."""


class InvalidFault(ConfigError):
    """The fault cannot happen; the text names the field and what is allowed."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One fault. None in a matching field matches everything; all that are given must match.

    `at`: operation; `management:<operation>` (such as `management:renew-lock`, for `$cbs`
        `management:put-token`) narrows to one. `now` needs no operation.
    `entity`: address, case-insensitive; of `$cbs`: '$cbs'. `client`: container id. `link`: name.
    `message_id`, `session_id`: as text; of a batch any message's.
    `after`: matching operations that pass first. `times`: how many are hit then, None = all.
    `probability`: of each matching operation, drawn from a generator seeded with `seed`.
    `condition`, `description`: of refuse (None: com.microsoft:server-busy), and of the close that
        a disconnect writes first (None: it is cut without a word).
    """

    kind: str
    at: str = ""
    entity: str | None = None
    client: str | None = None
    link: str | None = None
    message_id: str | None = None
    session_id: str | None = None
    after: int = 0
    times: int | None = 1
    probability: float = 1.0
    seed: int = 0
    takes_effect: bool = True
    delay_ms: int = 1000
    condition: str | None = None
    description: str = "This failure was ordered."

    def __post_init__(self) -> None:
        for each in fields(self):
            kinds = _TYPES[each.type]
            value = getattr(self, each.name)
            if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
                raise InvalidFault(f"{each.name}: {value!r} is not {each.type}")
        allowed = KINDS.get(self.kind)
        if allowed is None:
            raise InvalidFault(f"kind: '{self.kind}' is none of {', '.join(KINDS)}")
        object.__setattr__(self, "at", self.at or allowed[0])
        operation, _, detail = self.at.partition(":")
        if operation not in allowed or (detail and operation != MANAGEMENT):
            raise InvalidFault(f"at: {self.kind} happens at {', '.join(allowed)}, not '{self.at}'")
        for name, fine, rule in _LIMITS:
            if not fine(getattr(self, name)):
                raise InvalidFault(f"{name}: must be {rule}")

    @property
    def last_words(self) -> Error | None:
        """What a connection is told that is cut."""
        return None if self.condition is None else Error(self.condition, self.description)


_TYPES: Mapping[Any, tuple[type, ...]] = {
    "str": (str,),
    "str | None": (str, type(None)),
    "int": (int,),
    "int | None": (int, type(None)),
    "float": (float, int),
    "bool": (bool,),
}
_LIMITS: tuple[tuple[str, Callable[[Any], bool], str], ...] = (
    ("after", lambda value: value >= 0, "0 or more"),
    ("times", lambda value: value is None or value >= 1, "1 or more, or null for every one"),
    ("probability", lambda value: 0 < value <= 1, "above 0 and at most 1"),
    ("delay_ms", lambda value: value >= 0, "0 or more"),
)


def read_fault(document: Any) -> Fault:
    """Return the fault of a JSON object with Fault's fields. Raises InvalidFault."""
    if not isinstance(document, dict) or "kind" not in document:
        raise InvalidFault("a fault is an object with a 'kind'")
    known = [each.name for each in fields(Fault)]
    for name in document:
        if name not in known:
            raise InvalidFault(f"'{name}' is not known; known are {', '.join(known)}")
    return Fault(**document)


class Occasion(NamedTuple):
    """Something that is about to happen. `messages` yields (message id, session id) as texts; it
    is asked only by faults that look at them."""

    operation: str  # as Fault.at, with the detail of a management operation
    entity: str
    client: str
    link: str
    messages: Callable[[], Iterator[tuple[str | None, str | None]]]


@dataclass(eq=False)
class Ordered:
    """A fault in force. `hits` counts the operations it has struck."""

    id: int
    fault: Fault
    _remove: Callable[[Ordered], None] = field(repr=False)
    hits: int = 0
    _passed: int = 0

    def __post_init__(self) -> None:
        self._chance = random.Random(self.fault.seed)  # not for secrets: a run can be repeated

    def remove(self) -> None:
        """Order no more of it; nothing happens when it was removed before."""
        self._remove(self)

    def strikes(self, occasion: Occasion) -> bool:
        fault = self.fault
        if self.spent or not self.matches(occasion):
            return False
        if fault.probability < 1 and self._chance.random() >= fault.probability:
            return False
        if self._passed < fault.after:
            self._passed += 1
            return False
        self.hits += 1
        return True

    @property
    def spent(self) -> bool:
        return self.fault.times is not None and self.hits >= self.fault.times

    def matches(self, occasion: Occasion) -> bool:
        """Answer whether it is about this occasion, apart from counts and chance."""
        fault = self.fault
        if fault.at not in (occasion.operation, occasion.operation.partition(":")[0]):
            return False
        if fault.entity is not None and fault.entity.lower() != occasion.entity.lower():
            return False
        if fault.client not in (None, occasion.client) or fault.link not in (None, occasion.link):
            return False
        if fault.message_id is None and fault.session_id is None:
            return True
        return any(
            fault.message_id in (None, message_id) and fault.session_id in (None, session_id)
            for message_id, session_id in occasion.messages()
        )

    def listing(self) -> dict[str, Any]:
        """JSON: the fault's fields, `id` and `hits`."""
        return {"id": self.id, "hits": self.hits, **asdict(self.fault)}


class Faults:
    """The faults of one bus. `active` is empty while none can strike: the only thing that healthy
    traffic looks at. Those that have struck often enough stay listed until they are removed."""

    def __init__(self) -> None:
        self.active: list[Ordered] = []
        self._ordered: dict[int, Ordered] = {}
        self._ids = count(1)
        self.at_once: Callable[[Ordered], None] | None = None  # set while the bus runs

    def add(self, fault: Fault) -> Ordered:
        """Order the fault; one `at` now has happened when this returns."""
        ordered = Ordered(next(self._ids), fault, self._remove)
        self._ordered[ordered.id] = ordered
        if fault.at != NOW:
            self.active.append(ordered)
        elif self.at_once is not None:
            self.at_once(ordered)
        return ordered

    def strike(self, occasion: Occasion) -> Fault | None:
        """Return the first fault, in the order of adding, that strikes now; it is counted."""
        for ordered in self.active:
            if ordered.strikes(occasion):
                if ordered.spent:
                    self.active.remove(ordered)
                return ordered.fault
        return None

    def find(self, identifier: int) -> Ordered | None:
        return self._ordered.get(identifier)

    def clear(self) -> None:
        self.active.clear()
        self._ordered.clear()

    def _remove(self, ordered: Ordered) -> None:
        if self._ordered.pop(ordered.id, None) is not None and ordered in self.active:
            self.active.remove(ordered)

    def __iter__(self) -> Iterator[Ordered]:
        return iter(list(self._ordered.values()))
