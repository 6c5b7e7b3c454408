"""Who may do what: shared access policies of the namespace and of its entities.

Without a policy of the namespace the bus is in development mode, as the official emulator always
is: every token and every key is taken and gives every right. The host of a resource is not
compared, because one bus is reached by many names.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timezone
from hmac import compare_digest

from infra.local.servicebus.broker import EntityNotFound, Namespace
from infra.local.servicebus.server.addresses import entity_of
from infra.local.servicebus.server.security.claims import RIGHTS, Claim, Claims
from infra.local.servicebus.server.security.sas import Unauthorized, covers, is_sas, read_token
from infra.local.servicebus.settings import AuthorizationRule

log = logging.getLogger(__name__)


def policy_of(text: str) -> AuthorizationRule:
    """Read 'NAME=KEY' or 'NAME=KEY:Listen,Send'. Raises ValueError."""
    named, separator, listed = text.rpartition(":")
    name, _, key = (named if separator else text).partition("=")
    rights = frozenset(listed.split(",") if separator else RIGHTS)
    if not name or not key or not rights <= set(RIGHTS):
        # Without what was given: it may be a key.
        raise ValueError(f"a policy is NAME=KEY or NAME=KEY:RIGHTS, of {', '.join(RIGHTS)}")
    return AuthorizationRule(name, rights, key, "")


class Authorization:
    def __init__(
        self,
        namespace: Namespace,
        rules: Sequence[AuthorizationRule] = (),
        *,
        now: Callable[[], int],
    ) -> None:
        self.enforced = bool(rules)
        self.now = now
        self._rules = tuple(rules)
        self._namespace = namespace
        if not rules:
            for entity in (*namespace.queues(), *namespace.topics()):
                if entity.config.authorization_rules:
                    log.warning("The policies of '%s' need keys to be checked.", entity.address)

    def claim_of_token(self, token: str) -> Claim:
        """Return what a token gives for the resource it names. Raises Unauthorized, in the
        service's words where it has some."""
        if not is_sas(token):
            raise Unauthorized(
                "InvalidToken: With keys configured the local Service Bus takes shared access "
                "signatures only; it cannot verify tokens of Microsoft Entra ID."
            )
        sas = read_token(token)
        rights: frozenset[str] = frozenset()
        for rule in self._rules_above(sas.path):
            # Names are compared after signatures: how long this takes names no policy.
            signed = [sas.signed_with(key) for key in (rule.primary_key, rule.secondary_key) if key]
            if any(signed) and rule.name == sas.key_name:
                rights |= rule.rights
        if not rights:
            raise Unauthorized("InvalidSignature: The token has an invalid signature.")
        if sas.expires_at <= self.now():
            ended = datetime.fromtimestamp(sas.expires_at / 1000, timezone.utc)
            raise Unauthorized(
                f"ExpiredToken: The token is expired. Expiration time: '{ended:%Y-%m-%d %H:%M:%SZ}'"
            )
        return Claim(sas.path, rights, sas.expires_at)

    def claim_for(self, audience: str, token: str) -> Claim:
        """As claim_of_token, narrowed to an audience the token must cover."""
        claim = self.claim_of_token(token)
        path = entity_of(audience).lower()
        if not covers(claim.path, path):
            raise Unauthorized(
                f"InvalidAudience: The authorization header contains a token with a wrong "
                f"audience: '{claim.path}' does not cover '{path}'."
            )
        return claim._replace(path=path)

    def claims_of_token(self, token: str) -> Claims:
        """Return what the Authorization header of an HTTP request allows. Raises Unauthorized."""
        claims = Claims(self)
        if self.enforced:
            claims.add(self.claim_of_token(token))
        return claims

    def claims_of_key(self, name: str, key: str) -> list[Claim]:
        """Return what a policy's name and key give without a token; empty for none (SASL PLAIN)."""
        every = [("", rule) for rule in self._rules]
        for entity in (*self._namespace.queues(), *self._namespace.topics()):
            every += [(entity.address.lower(), rule) for rule in entity.config.authorization_rules]
        return [Claim(path, rule.rights) for path, rule in every if _is_key(rule, name, key)]

    def _rules_above(self, path: str) -> Iterator[AuthorizationRule]:
        """The policies that may sign for a path: of the entity, of those above, the namespace's."""
        yield from self._rules
        parts = path.split("/")
        for length in range(1, len(parts) + 1):
            try:
                entity = self._namespace.entity("/".join(parts[:length]))
            except EntityNotFound:
                continue
            yield from entity.config.authorization_rules


def _is_key(rule: AuthorizationRule, name: str, key: str) -> bool:
    keys = [known.encode() for known in (rule.primary_key, rule.secondary_key) if known]
    same = [compare_digest(key.encode(), known) for known in keys]
    return any(same) and rule.name == name
