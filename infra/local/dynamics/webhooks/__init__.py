"""Notifications that leave the simulator: subscriptions, an outbox on disk, delivery by rule.

A product subscribes, publishes its changes after they are stored, and forgets the rest.
"""

from .outbox import Change, Outbox, Subscription
from .policies import POLICIES, Policy
from .senders import HttpSender, Sender, ServiceBusSender
from .webhooks import HandshakeFailed, Webhooks

__all__ = [
    "POLICIES",
    "Change",
    "HandshakeFailed",
    "HttpSender",
    "Outbox",
    "Policy",
    "Sender",
    "ServiceBusSender",
    "Subscription",
    "Webhooks",
]
