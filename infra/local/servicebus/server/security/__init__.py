"""Keys, tokens and certificates: what the AMQP and the HTTP side of the bus both ask."""

from infra.local.servicebus.server.security.authorization import Authorization, policy_of
from infra.local.servicebus.server.security.claims import LISTEN, MANAGE, RIGHTS, SEND, Claims
from infra.local.servicebus.server.security.sas import Unauthorized
from infra.local.servicebus.server.security.tls import Tls, TlsFiles, is_loopback

__all__ = [
    "LISTEN",
    "MANAGE",
    "RIGHTS",
    "SEND",
    "Authorization",
    "Claims",
    "Tls",
    "TlsFiles",
    "Unauthorized",
    "is_loopback",
    "policy_of",
]
