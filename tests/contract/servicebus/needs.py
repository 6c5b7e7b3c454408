"""What a scenario may need that some client or some broker lacks."""

from __future__ import annotations

LIST_SESSIONS = "list sessions"
SETTLE_WITH_PROPERTIES = "change properties while settling"
UUID_PROPERTIES = "uuids in application properties"
RESTART = "a broker that can be restarted"
ADMINISTRATION = "the administration API over https"
