"""Access tokens: signed, expiring, for one audience; issued and verified here."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from infra.local.dynamics.identity.files import write_key

TOKEN_LIFE = timedelta(seconds=3599)
"""As Entra ID answers for applications."""

_ALGORITHM = "RS256"


class InvalidToken(Exception):
    """The Authorization header admits nobody; the text says why."""


class TokenAuthority:
    """Issues and verifies tokens with one key, kept in a file so that tokens outlive a restart."""

    def __init__(self, directory: Path, tenant: str, clock: Callable[[], datetime]) -> None:
        self.tenant = tenant
        self.authority = ""
        """URL of the tenant, known once the identity server has its port."""
        self._clock = clock
        self._key = _signing_key(directory / "signing-key.pem")
        self._public_key = self._key.public_key()
        public: dict[str, Any] = json.loads(RSAAlgorithm.to_jwk(self._public_key))
        # A sender shows one token thousands of times; checking its signature takes half a request.
        self._claims = lru_cache(maxsize=256)(self._decode)
        self._key_id = uuid.uuid5(uuid.NAMESPACE_OID, str(public["n"])).hex
        self.key_set = {"keys": [{**public, "use": "sig", "kid": self._key_id, "alg": _ALGORITHM}]}
        """The JSON Web Key Set document."""

    def issue(self, client_id: str, audience: str) -> str:
        now = self._clock()
        claims = {
            "iss": f"{self.authority}/v2.0",
            "aud": audience,
            "appid": client_id,
            "oid": str(uuid.uuid5(uuid.NAMESPACE_OID, client_id)),
            "tid": self.tenant,
            "iat": int(now.timestamp()),
            "nbf": int(now.timestamp()),
            "exp": int((now + TOKEN_LIFE).timestamp()),
            "uti": uuid.uuid4().hex,
        }
        return jwt.encode(claims, self._key, _ALGORITHM, headers={"kid": self._key_id})

    def verify(self, authorization: str, host: str) -> None:
        """Raises InvalidToken unless the header has a token of ours, in force, for this host."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise InvalidToken("The request has no bearer token.")
        claims = self._claims(token.strip())
        if self._clock().timestamp() >= claims["exp"]:
            raise InvalidToken("The token has expired.")
        if _origin(claims["aud"]) != _origin(host):
            raise InvalidToken("The token is for another audience.")

    def _decode(self, token: str) -> dict[str, Any]:
        """The claims of a token we signed. Raises InvalidToken."""
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                self._public_key,
                [_ALGORITHM],
                # Time is judged by the injected clock, the audience by host.
                options={
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                    "verify_aud": False,
                },
            )
        except jwt.PyJWTError as error:
            raise InvalidToken("The token is not one of this authority.") from error
        return claims


@lru_cache(maxsize=256)
def _origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port; the two names of this machine are one, an application id is a host."""
    parts = urlsplit(url)
    host = parts.hostname or url.lower()
    try:
        port = parts.port
    except ValueError:
        port = None
    return parts.scheme, "localhost" if host in ("127.0.0.1", "::1") else host, port


def _signing_key(path: Path) -> rsa.RSAPrivateKey:
    if path.exists():
        key = serialization.load_pem_private_key(path.read_bytes(), None)
        if isinstance(key, rsa.RSAPrivateKey):
            return key
    key = rsa.generate_private_key(65537, 2048)
    write_key(path, key)
    return key
