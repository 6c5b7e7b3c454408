"""The bus on the network: sockets, links to entities, settlement, management, admin port."""

from infra.local.servicebus.server.bus import LocalServiceBus

__all__ = ["LocalServiceBus"]
