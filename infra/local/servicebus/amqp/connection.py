"""The connection: bytes in, events and bytes out; no socket, no clock (AMQP 1.0, 2.4).

Theory. A connection walks through phases; the table `_HANDLERS` says which performative is allowed
in which phase, and what is not in it is an error that names both. Headers are answered only after
the peer's own: rhea loses bytes that share a packet with the SASL outcome.

    SASL_HEADER -> SASL -> HEADER -> OPENING -> OPEN -> CLOSED
         \\_________________/ (a peer may skip SASL)

Errors of a peer end its connection: close with the condition, then Closed. Time is `now`, float
seconds of any monotonic clock.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Any

from infra.local.servicebus.amqp import limits, sasl
from infra.local.servicebus.amqp.composites import decode_composite, encode_composite
from infra.local.servicebus.amqp.errors import AmqpError, FramingError
from infra.local.servicebus.amqp.events import Closed, Event
from infra.local.servicebus.amqp.fitting import FRAME_HEAD, encode_fitting
from infra.local.servicebus.amqp.frames import (
    AMQP_HEADER,
    EMPTY_FRAME,
    MIN_MAX_FRAME_SIZE,
    SASL_HEADER,
    TYPE_AMQP,
    TYPE_SASL,
    Frame,
    FrameBuffer,
    encode_frame,
)
from infra.local.servicebus.amqp.link import Link
from infra.local.servicebus.amqp.liveness import Liveness
from infra.local.servicebus.amqp.performatives import (
    Attach,
    Begin,
    Close,
    Detach,
    Disposition,
    End,
    Error,
    Flow,
    Open,
    SaslInit,
    Transfer,
)
from infra.local.servicebus.amqp.session import Session
from infra.local.servicebus.amqp.values import UShort

FAREWELL = "closed"
"""Why a connection is over that either side ended with nothing to complain about."""


class Phase(Enum):
    SASL_HEADER = auto()
    SASL = auto()
    HEADER = auto()
    OPENING = auto()
    OPEN = auto()
    CLOSED = auto()


class Connection:
    """One peer. Call receive() with its bytes, act on the events, then write take_output()."""

    def __init__(
        self,
        container_id: str,
        *,
        sign_in: sasl.SignIn = sasl.anyone,
        open_within: float | None = None,
        max_frame_size: int = limits.MAX_FRAME_SIZE,
        idle_time_out: float | None = None,
        now: float = 0.0,
    ) -> None:
        """`sign_in` judges the name and key of SASL PLAIN. `idle_time_out` (seconds) ends
        connections that are silent for twice as long; None lets them be, as the SDKs do not ping
        while nobody waits for messages. `open_within` (seconds) ends those that have not opened
        by then."""
        self.container_id = container_id
        self.phase = Phase.SASL_HEADER
        self.sessions: dict[int, Session] = {}
        self.peer_container_id = ""
        self.peer_max_frame_size = MIN_MAX_FRAME_SIZE
        self._sign_in = sign_in
        self.link_count = 0
        self.incomplete_bytes = 0
        self._liveness = Liveness(now, idle_time_out=idle_time_out, open_within=open_within)
        self._buffer = FrameBuffer(max_frame_size)
        self._out: list[bytes] = []
        self._events: list[Event] = []
        self._to_flush: list[Session] = []

    @property
    def is_open(self) -> bool:
        return self.phase is Phase.OPEN

    # In

    def receive(self, data: bytes, now: float = 0.0) -> list[Event]:
        """Take bytes from the peer in any portions; return what they meant."""
        self._liveness.heard(now)
        self._buffer.feed(data)
        try:
            while self._step():
                pass
        except AmqpError as error:
            self.fail(error.condition, error.text)
        return self.take_events()

    def take_events(self) -> list[Event]:
        events, self._events = self._events, []
        return events

    def _step(self) -> bool:
        if self.phase is Phase.CLOSED:
            return False
        if self.phase in _AWAITING_HEADER:
            header = self._buffer.take_header()
            if header is not None:
                self._on_header(header)
            return header is not None
        frame = self._buffer.take_frame()
        if frame is None:
            return False
        self._on_frame(frame)
        return True

    def _on_header(self, header: bytes) -> None:
        if header == SASL_HEADER and self.phase is Phase.SASL_HEADER:
            self._out.append(SASL_HEADER)
            self._write_sasl(sasl.offer())
            self.phase = Phase.SASL
        elif header == AMQP_HEADER:
            self._out.append(AMQP_HEADER)
            self.phase = Phase.OPENING
        else:
            # 2.2: answer with the header we do speak, then close.
            self._out.append(SASL_HEADER if self.phase is Phase.SASL_HEADER else AMQP_HEADER)
            self._closed(f"the peer speaks another protocol ({header!r})")

    def _on_frame(self, frame: Frame) -> None:
        expected = TYPE_SASL if self.phase is Phase.SASL else TYPE_AMQP
        if frame.type != expected:
            raise FramingError(f"frame type {frame.type} while {self.phase.name}")
        if not frame.body:
            return  # An empty frame only says that the peer is alive.
        performative, end = decode_composite(frame.body)
        handler = _HANDLERS.get((self.phase, type(performative)))
        if handler is None:
            raise AmqpError(
                f"{type(performative).__name__} is not allowed while {self.phase.name}",
                condition="amqp:not-allowed",
            )
        handler(self, frame.channel, performative, frame.body[end:])

    def _on_sasl_init(self, _channel: int, init: SaslInit, _payload: bytes) -> None:
        outcome = sasl.judge(init, self._sign_in)
        self._write_sasl(outcome)
        if outcome.code == sasl.OK:
            self.phase = Phase.HEADER
        else:
            self._closed(f"SASL {init.mechanism} was refused")

    def _on_open(self, _channel: int, peer: Open, _payload: bytes) -> None:
        size = limits.MAX_FRAME_SIZE if peer.max_frame_size is None else peer.max_frame_size
        if size < MIN_MAX_FRAME_SIZE:
            raise AmqpError(
                f"max-frame-size is at least {MIN_MAX_FRAME_SIZE}", condition="amqp:invalid-field"
            )
        self.peer_max_frame_size = size
        self.peer_container_id = str(peer.container_id)
        if peer.idle_time_out:
            self._liveness.peer_idle_time_out = peer.idle_time_out / 1000
        self._write_open()

    def _write_open(self) -> None:
        limit = self._liveness.idle_time_out
        idle = None if limit is None else int(limit * 1000)
        self._liveness.opened()
        self.phase = Phase.OPEN
        self.write_frame(
            0,
            Open(
                self.container_id,
                None,
                self._buffer.max_frame_size,
                UShort(limits.CHANNEL_MAX),
                idle,
                properties={},
            ),
        )

    def _on_begin(self, channel: int, begin: Begin, _payload: bytes) -> None:
        if channel > limits.CHANNEL_MAX or channel in self.sessions:
            raise AmqpError(
                f"channel {channel} is in use or exceeds channel-max {limits.CHANNEL_MAX}",
                condition="amqp:not-allowed",
            )
        self.sessions[channel] = Session(self, channel, begin)

    def _on_session_frame(self, channel: int, performative: Any, payload: bytes) -> None:
        session = self.sessions.get(channel)
        if session is None:
            raise AmqpError(f"no session on channel {channel}", condition="amqp:not-allowed")
        if session.ending:
            if isinstance(performative, End):
                self.forget(session)
            return
        session.on_frame(performative, payload)
        if self.incomplete_bytes > limits.MAX_INCOMPLETE_BYTES:
            raise AmqpError(
                f"more than {limits.MAX_INCOMPLETE_BYTES} bytes of unfinished deliveries",
                condition="amqp:resource-limit-exceeded",
            )

    def _on_close(self, _channel: int, _close: Close, _payload: bytes) -> None:
        self.close()

    # Out

    def take_output(self) -> bytes:
        """Return what must be written to the peer now."""
        if self._to_flush:
            sessions, self._to_flush = self._to_flush, []
            for session in sessions:
                session.flush()
        if not self._out:
            return b""
        out = self._out[0] if len(self._out) == 1 else b"".join(self._out)
        self._out = []
        return out

    def tick(self, now: float) -> float | None:
        """Keep the peer from timing out, end one that is silent or does not open for too long;
        return when to call again, None for never. To be called also once after opening."""
        if self.phase is Phase.CLOSED:
            return None
        overdue = self._liveness.overdue(now)
        if overdue is not None:
            self.fail("amqp:resource-limit-exceeded", overdue)
            return None
        if self.is_open and self._liveness.heartbeat_due(now):
            self._out.append(EMPTY_FRAME)
            self._liveness.written(now)
        return self._liveness.next_look()

    def written(self, now: float) -> None:
        """Note that output went out, which is as good as an empty frame."""
        self._liveness.written(now)

    def close(self, error: Error | None = None) -> None:
        """Say goodbye; the events that follow are the links' ends and Closed."""
        if self.phase is Phase.CLOSED:
            return
        if self.phase is Phase.OPENING:
            self._write_open()  # 2.4.1: a close is only understood after an open.
        if self.phase is Phase.OPEN:
            for session in self.sessions.values():
                session.flush()
            self.write_frame(0, Close(error))
        self._closed(FAREWELL if error is None else f"{error.condition}: {error.description}")

    def fail(self, condition: str, text: str) -> None:
        self.close(Error(condition, text))

    def lost(self) -> list[Event]:
        """Note that the transport is gone; return the links' ends."""
        if self.phase is not Phase.CLOSED:
            self._closed("the transport was lost")
        return self.take_events()

    def links(self) -> list[Link]:
        return [link for session in self.sessions.values() for link in session.links.values()]

    def count_link(self) -> None:
        self.link_count += 1
        if self.link_count > limits.MAX_LINKS:
            raise AmqpError(
                f"a connection has at most {limits.MAX_LINKS} links",
                condition="amqp:resource-limit-exceeded",
            )

    def forget(self, session: Session) -> None:
        self.sessions.pop(session.channel, None)

    def _closed(self, reason: str) -> None:
        self.phase = Phase.CLOSED
        for session in list(self.sessions.values()):
            session.gone()
        self.sessions.clear()
        self.emit(Closed(reason))

    # For sessions and links

    def emit(self, event: Event) -> None:
        self._events.append(event)

    def write_frame(self, channel: int, performative: Any) -> None:
        body = encode_fitting(performative, self.peer_max_frame_size - FRAME_HEAD)
        self._out.append(encode_frame(channel, body))

    def write_bytes(self, frame: bytes) -> None:
        self._out.append(frame)

    def flush_later(self, session: Session) -> None:
        self._to_flush.append(session)

    def _write_sasl(self, performative: Any) -> None:
        self._out.append(encode_frame(0, encode_composite(performative), type_=TYPE_SASL))


_AWAITING_HEADER = frozenset({Phase.SASL_HEADER, Phase.HEADER})
_HANDLERS: dict[tuple[Phase, type], Any] = {
    (Phase.SASL, SaslInit): Connection._on_sasl_init,
    (Phase.OPENING, Open): Connection._on_open,
    (Phase.OPEN, Begin): Connection._on_begin,
    **{
        (Phase.OPEN, kind): Connection._on_session_frame
        for kind in (Attach, Flow, Transfer, Disposition, Detach, End)
    },
    (Phase.OPEN, Close): Connection._on_close,
}
