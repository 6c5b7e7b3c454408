"""The command line `tillbus`."""

from infra.local.cli.app import main

__all__ = ["main"]
