"""What one connection may have at once; beyond, it is refused or ended: memory stays bounded."""

from __future__ import annotations

MAX_FRAME_SIZE = 65536
"""Bytes; what the real service takes."""

CHANNEL_MAX = 4999
"""Highest channel, as the real service says."""

HANDLE_MAX = 255
"""Highest handle of a session; the real service refuses more than this too."""

WINDOW = 65536
"""Transfer frames the peer may send before it needs a new flow; what the SDKs grant as well."""

CREDIT_WINDOW = 1000
"""Deliveries a peer may have unanswered on one link, as the real service grants; half of it
answered is granted anew."""

MAX_LINKS = 5000
"""Links of one connection, refused ones included until the peer lets them go."""

MAX_INCOMPLETE_BYTES = 64 * 1024 * 1024
"""Of deliveries that come in several frames and are not whole yet, over all links."""

MAX_UNSETTLED = 65536
"""Deliveries remembered for a peer that does not settle them; beyond, the oldest are forgotten:
their locks ended long ago."""
