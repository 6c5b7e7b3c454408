"""What a scenario may need that some client or some broker lacks."""

from __future__ import annotations

LIST_SESSIONS = "list sessions"
SETTLE_WITH_PROPERTIES = "change properties while settling"
CONFIRMED_SETTLEMENT = "wait for the answer to a settlement"
RELEASE_ON_CLOSE = "give back what was prefetched"
BROWSE_ON = "browse on from the last browsed message"
UUID_PROPERTIES = "send uuids"
RESTART = "be restarted"
ADMINISTRATION = "an administration API over https"
POLICIES = "shared access policies of ours"
KEYS = "keys that are checked"
WEB_SOCKETS = "WebSockets"
LONG_WAITS = "minutes that pass"
