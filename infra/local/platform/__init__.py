"""The whole local platform as child processes: bus, Dynamics, Application Insights, Functions host.

`Platform` starts them in order, restarts one that dies, and stops them; `Addresses` says where they
listen and turns into the settings that a Function App reads.
"""

from infra.local.platform.addresses import Addresses, NotRunning, read_addresses
from infra.local.platform.platform import Platform, PlatformOptions
from infra.local.platform.process import DidNotStart

__all__ = [
    "Addresses",
    "DidNotStart",
    "NotRunning",
    "Platform",
    "PlatformOptions",
    "read_addresses",
]
