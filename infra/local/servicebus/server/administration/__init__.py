"""The administration API: Atom over HTTP, for the SDKs' ServiceBusAdministrationClient.

Source: the Service Bus REST reference ("Entities management") and what the SDKs for Python, Node,
.NET and Java send and expect.
"""

from infra.local.servicebus.server.administration.routes import routes

__all__ = ["routes"]
