"""Several receivers of one queue are served in turn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from infra.local.servicebus.broker.runtime import Listener

GULP = 32
"""Messages a receiver takes at once when it is alone: few enough that a slow reader is noticed in
time. With others it takes one, so that no credit, however large, takes all."""


class Receiver(Protocol):
    @property
    def wants(self) -> bool:
        """Whether it can send on a message now."""
        ...

    def take(self, most: int) -> bool:
        """Take up to `most` messages; False when there were none."""
        ...


class Turns:
    """The receivers that want messages of one queue, or of one session, next one first.

    Listens for messages only while somebody wants them. `ready` calls back in the next turn of the
    event loop, once however often it is asked to."""

    def __init__(
        self, ready: Callable[[Callable[[], None]], None], listeners: set[Listener]
    ) -> None:
        self._ready = ready
        self._listeners = listeners
        self._wanting: dict[Receiver, None] = {}

    def want(self, receiver: Receiver) -> None:
        """Enter the line at its end, or keep the place in it, and be served."""
        self._wanting[receiver] = None
        self._listeners.add(self._heard)
        self.deal()

    def leave(self, receiver: Receiver) -> None:
        self._wanting.pop(receiver, None)
        self._listen_if_wanted()

    def deal(self) -> None:
        """Hand out what waits."""
        served = True
        while served and self._wanting:
            receiver = next(iter(self._wanting))
            if not receiver.wants:
                del self._wanting[receiver]
                continue
            try:
                served = receiver.take(1 if len(self._wanting) > 1 else GULP)
            except BaseException:  # the others are not to suffer
                self._wanting.pop(receiver, None)
                raise
            if served and receiver in self._wanting:
                del self._wanting[receiver]
                self._wanting[receiver] = None  # at the end of the line
        self._listen_if_wanted()

    def _listen_if_wanted(self) -> None:
        if not self._wanting:
            self._listeners.discard(self._heard)

    def _heard(self, _now: int) -> None:
        self._ready(self.deal)
