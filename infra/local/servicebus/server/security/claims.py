"""What one peer may do: the rights its tokens gave it, each for a path and until a time."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from infra.local.servicebus.server.security.sas import Unauthorized, covers

LISTEN, SEND, MANAGE = "Listen", "Send", "Manage"
RIGHTS = (LISTEN, SEND, MANAGE)

_SCHEDULING = frozenset(
    {"com.microsoft:schedule-message", "com.microsoft:cancel-scheduled-message"}
)
"""What takes Send and Listen (MicrosoftDocs/azure-docs issue 5999); the rest of $management takes
Listen, rules included ("Rights required for Service Bus operations")."""


class Claim(NamedTuple):
    """Rights on an entity path and all below it, lower case; '' is the whole namespace.
    `expires_at`: ms since the epoch, exclusive; None = never."""

    path: str
    rights: frozenset[str]
    expires_at: int | None = None

    def lives(self, now: int) -> bool:
        return self.expires_at is None or now < self.expires_at

    def allows(self, path: str, right: str) -> bool:
        # Azure gives Manage only together with the other two.
        return (right in self.rights or MANAGE in self.rights) and covers(self.path, path)


class Rules(Protocol):
    """What claims need of the authorization they belong to."""

    enforced: bool

    def now(self) -> int: ...

    def claim_for(self, audience: str, token: str) -> Claim: ...

    def claims_of_key(self, name: str, key: str) -> list[Claim]: ...


class Claims:
    """Of a connection or of one HTTP request. In development mode everything is allowed."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._claims: dict[str, Claim] = {}  # by path: a newer token replaces an older one

    def add(self, claim: Claim) -> None:
        now = self._rules.now()
        self._claims = {path: kept for path, kept in self._claims.items() if kept.lives(now)}
        self._claims[claim.path] = claim

    @property
    def any_taken(self) -> bool:
        """Whether there is a token that was taken, or none is needed."""
        return bool(self._claims) or not self._rules.enforced

    @property
    def enforced(self) -> bool:
        return self._rules.enforced

    def take(self, audience: str, token: str) -> Claim:
        """Check and keep a token for an audience. Raises Unauthorized."""
        claim = self._rules.claim_for(audience, token)
        self.add(claim)
        return claim

    def sign_in(self, name: str, key: str) -> bool:
        """Take a policy's name and key (SASL PLAIN); False when there is none like that."""
        claims = self._rules.claims_of_key(name, key) if self._rules.enforced else []
        for claim in claims:
            self.add(claim)
        return bool(claims) or not self._rules.enforced

    def allow(self, path: str, *rights: str) -> bool:
        """Say whether there is one of the rights."""
        if not self._rules.enforced:
            return True
        now, path = self._rules.now(), path.strip("/").lower()
        live = [claim for claim in self._claims.values() if claim.lives(now)]
        return any(claim.allows(path, right) for claim in live for right in rights)

    def require(self, path: str, *rights: str) -> None:
        """Raises Unauthorized, in the service's own words, without one of the rights."""
        if not self.allow(path, *rights):
            raise Unauthorized(
                f"Unauthorized access. '{','.join(rights)}' claim(s) are required to perform this "
                f"operation. Resource: '{path}'."
            )

    def require_for(self, operation: str, path: str) -> None:
        """As require, for an operation of the entity's $management."""
        self.require(path, LISTEN)
        if operation in _SCHEDULING:
            self.require(path, SEND)
