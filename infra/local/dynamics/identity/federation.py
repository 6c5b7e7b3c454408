"""Workload identity: an application signs in with a token that its own platform gave it.

Source: Microsoft identity platform, workload identity federation: the token goes where a signed
assertion would; issuer, subject and audience have to be those of a federated credential of the
application. Entra fetches the issuer's keys; here they are the registered certificates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from .registration import NotRegistered, Registration

AUDIENCE = "api://AzureADTokenExchange"


def is_federated(assertion: str) -> bool:
    """Whether it is such a token: an assertion of the application's own names its certificate."""
    try:
        header = jwt.get_unverified_header(assertion)
    except jwt.PyJWTError:
        return False
    return not {"x5t", "x5t#S256"} & header.keys()


def verify_federated(
    assertion: str,
    registration: Registration,
    certificates: Path,
    clock: Callable[[], datetime],
) -> None:
    """Raises NotRegistered unless a registered certificate's key signed this token, in force, for
    the federated credential of the registration."""
    claims = _claims(assertion, certificates)
    expected = {
        "iss": (registration.federated_issuer, 700211, "issuer"),
        "aud": (AUDIENCE, 700212, "audience"),
        "sub": (registration.federated_subject, 700213, "subject"),
    }
    for name, (value, code, what) in expected.items():
        if claims.get(name) not in (value, [value]):
            raise NotRegistered(f"No federated credential has the token's {what}.", code)
    expires = claims.get("exp")
    if not isinstance(expires, int | float) or expires <= clock().timestamp():
        raise NotRegistered("The token has expired.", 700024)


def _claims(assertion: str, certificates: Path) -> dict[str, Any]:
    for key in _keys(certificates):
        try:
            claims: dict[str, Any] = jwt.decode(
                assertion,
                key,
                ["RS256"],
                options={
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                    "verify_aud": False,
                },
            )
        except jwt.PyJWTError:
            continue
        return claims
    raise NotRegistered("No registered key signed the token.", 50027)


def _keys(directory: Path) -> Iterator[rsa.RSAPublicKey]:
    for path in sorted(directory.glob("*.pem")):
        try:
            key = x509.load_pem_x509_certificate(path.read_bytes()).public_key()
        except ValueError:
            continue
        if isinstance(key, rsa.RSAPublicKey):
            yield key
