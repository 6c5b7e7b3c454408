"""A port that stays ours while nobody listens on it."""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import Iterator

_LOOPBACK = "127.0.0.1"


@contextlib.contextmanager
def kept_port(port: int = 0) -> Iterator[int]:
    """Keep a port of the loopback for what listens on it, ends and comes back; a free one by
    default.

    Meanwhile whoever asks the kernel for any port is given another, and who asks for this one by
    its number may listen on it. Raises OSError where somebody else listens on it already.
    """
    with socket.socket() as keeper:
        keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        keeper.bind((_LOOPBACK, port))
        found: int = keeper.getsockname()[1]
        if sys.platform != "linux":
            keeper.close()  # elsewhere two sockets cannot have one port: it is only likely free
        yield found
