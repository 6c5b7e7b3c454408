"""What can be wrong with a peer's bytes, by how far the damage reaches (AMQP 1.0, 2.8.14 on)."""

from __future__ import annotations


class AmqpError(ValueError):
    """A peer broke the protocol; `condition` is the AMQP error condition to answer with."""

    condition = "amqp:internal-error"

    def __init__(self, text: str, *, condition: str | None = None) -> None:
        super().__init__(text)
        self.text = text
        if condition is not None:
            self.condition = condition


class DecodeError(AmqpError):
    """Bytes that are no AMQP value, performative or message."""

    condition = "amqp:decode-error"


class EncodeError(AmqpError):
    """A Python value that has no AMQP encoding; our bug or the embedding program's."""


class FramingError(AmqpError):
    """Bytes that are no frame, or a frame where none is allowed: the connection ends."""

    condition = "amqp:connection:framing-error"


class SessionError(AmqpError):
    """The session ends, the connection lives on."""

    condition = "amqp:session:errant-link"
