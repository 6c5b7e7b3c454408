"""The TLS context of a bus, made when the first peer asks for TLS or somebody for the authority."""

from __future__ import annotations

import ssl
from contextlib import suppress
from functools import cached_property
from ipaddress import ip_address
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import NamedTuple

from infra.local.servicebus.config import ConfigError


class TlsFiles(NamedTuple):
    """A certificate (with its chain) and its key of one's own, PEM."""

    certificate: Path
    key: Path


class Tls:
    """`folder` keeps the authority; None makes one that ends with the bus. With files of one's own
    nothing is made."""

    def __init__(self, folder: Path | None, host: str, own: TlsFiles | None = None) -> None:
        self._folder = folder
        self._host = host
        self._own = own
        self._temporary: TemporaryDirectory[str] | None = None
        self._making = Lock()

    # The certificates' library is imported where it is used: most buses in tests never are asked.
    # Clients in threads of their own ask for the authority while the bus's loop makes the context.

    @property
    def ca_file(self) -> Path:
        """What a client has to trust. Raises OSError."""
        if self._own is not None:
            return self._own.certificate
        from infra.local.servicebus.server.security.certificates import ensure_ca

        with self._making:
            return ensure_ca(self._place)

    @property
    def context(self) -> ssl.SSLContext:
        """Raises ConfigError for files that cannot be used."""
        with self._making:
            return self._context

    @cached_property
    def _context(self) -> ssl.SSLContext:
        from infra.local.servicebus.server.security.certificates import own_context, server_context

        try:
            if self._own is not None:
                return own_context(*self._own)
            return server_context(self._place, self._host)
        except (OSError, ValueError) as error:
            place = self._own.certificate if self._own else self._place
            raise ConfigError(f"The certificate at {place} cannot be used: {error}.") from error

    @cached_property
    def _place(self) -> Path:
        if self._folder is not None:
            return self._folder
        self._temporary = TemporaryDirectory(prefix="servicebus-tls-")
        return Path(self._temporary.name)

    def check(self) -> None:
        """Load files of one's own at once. Raises ConfigError."""
        if self._own is not None:
            _ = self.context

    def close(self) -> None:
        if self._temporary is not None:
            self._temporary.cleanup()


def is_loopback(host: str) -> bool:
    """Say whether only this machine reaches the host."""
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost" or host.endswith(".localhost")
