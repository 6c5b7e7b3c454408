"""SASL (AMQP 1.0, 5.3): which mechanisms are offered and which answers let a peer in.

The local bus checks no key: MSSBCBS (what the .NET SDK and the Functions host use), EXTERNAL and
ANONYMOUS postpone that to CBS, PLAIN is taken at its word.
"""

from __future__ import annotations

from infra.local.servicebus.amqp.performatives import SaslInit, SaslMechanisms, SaslOutcome
from infra.local.servicebus.amqp.values import Array, Symbol, UByte

MECHANISMS = ("MSSBCBS", "PLAIN", "EXTERNAL", "ANONYMOUS")
OK, AUTH = UByte(0), UByte(1)


def offer() -> SaslMechanisms:
    return SaslMechanisms(Array(0xB3, [Symbol(name) for name in MECHANISMS]))


def judge(init: SaslInit) -> SaslOutcome:
    """PLAIN needs its three parts (RFC 4616); the other mechanisms carry nothing to judge."""
    if init.mechanism not in MECHANISMS:
        return SaslOutcome(AUTH)
    if init.mechanism == "PLAIN" and (init.initial_response or b"").count(b"\x00") != 2:
        return SaslOutcome(AUTH)
    return SaslOutcome(OK)
