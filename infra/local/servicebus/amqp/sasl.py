"""SASL (AMQP 1.0, 5.3): which mechanisms are offered and which answers let a peer in.

MSSBCBS (what the .NET SDK and the Functions host use), EXTERNAL and ANONYMOUS say nothing of the
peer: its rights come from CBS. PLAIN brings the name and the key of a shared access policy.
"""

from __future__ import annotations

from collections.abc import Callable

from infra.local.servicebus.amqp.performatives import SaslInit, SaslMechanisms, SaslOutcome
from infra.local.servicebus.amqp.values import Array, Symbol, UByte

MECHANISMS = ("MSSBCBS", "PLAIN", "EXTERNAL", "ANONYMOUS")
OK, AUTH = UByte(0), UByte(1)

SignIn = Callable[[str, str], bool]
"""Says whether a name and its key may come in."""


def anyone(_name: str, _key: str) -> bool:
    return True


def offer() -> SaslMechanisms:
    return SaslMechanisms(Array(0xB3, [Symbol(name) for name in MECHANISMS]))


def judge(init: SaslInit, sign_in: SignIn = anyone) -> SaslOutcome:
    """PLAIN needs its three parts (RFC 4616); the other mechanisms carry nothing to judge."""
    if init.mechanism not in MECHANISMS:
        return SaslOutcome(AUTH)
    if init.mechanism != "PLAIN":
        return SaslOutcome(OK)
    parts = (init.initial_response or b"").decode(errors="replace").split("\x00")
    return SaslOutcome(OK if len(parts) == 3 and sign_in(parts[1], parts[2]) else AUTH)
