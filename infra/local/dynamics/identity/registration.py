"""The application that may sign in, and how it proves who it is.

Client assertion: a JWT signed with the key of a registered certificate, named by thumbprint
(Microsoft identity platform, application certificate credentials).
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa

TENANT_ID = "11111111-1111-1111-1111-111111111111"
CLIENT_ID = "22222222-2222-2222-2222-222222222222"
CLIENT_SECRET = "local-secret"
IDENTITY_HEADER = "local-identity-header"
"""What a caller of the managed-identity endpoint sends as X-IDENTITY-HEADER."""

FEDERATED_ISSUER = "https://cluster.local"
FEDERATED_SUBJECT = "system:serviceaccount:tillbus:tillbus"
"""Whose tokens sign the application in: `iss` and `sub`."""

_ALGORITHMS = ["RS256", "PS256"]


class NotRegistered(Exception):
    """The assertion proves nothing; the text says why, `code` is the AADSTS number."""

    def __init__(self, text: str, code: int = 700027) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True, slots=True)
class Registration:
    tenant_id: str = TENANT_ID
    client_id: str = CLIENT_ID
    client_secret: str = CLIENT_SECRET
    identity_header: str = IDENTITY_HEADER
    federated_issuer: str = FEDERATED_ISSUER
    federated_subject: str = FEDERATED_SUBJECT

    def knows_secret(self, secret: str) -> bool:
        return hmac.compare_digest(secret.encode(), self.client_secret.encode())


def verify_assertion(
    assertion: str,
    registration: Registration,
    certificates: Path,
    token_path: str,
    clock: Callable[[], datetime],
) -> None:
    """Raises NotRegistered unless a certificate of the directory (`*.pem`, read anew each time)
    signed this assertion for this client and a token endpoint ending in `token_path`."""
    try:
        header = jwt.get_unverified_header(assertion)
        certificate = _by_thumbprint(header, certificates)
        claims = jwt.decode(
            assertion,
            _public_key(certificate),
            _ALGORITHMS,
            options={
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
                "verify_aud": False,
                "require": ["exp", "aud", "iss", "sub"],
            },
        )
    except jwt.PyJWTError as error:
        raise NotRegistered(f"The assertion cannot be verified: {error}") from error
    if not isinstance(claims["exp"], int | float) or claims["exp"] <= clock().timestamp():
        raise NotRegistered("The assertion has expired.")
    if claims["iss"] != registration.client_id or claims["sub"] != registration.client_id:
        raise NotRegistered("Issuer and subject of the assertion must be the client id.")
    if not str(claims["aud"]).endswith(token_path):
        raise NotRegistered("The assertion is not for this token endpoint.")


def _public_key(certificate: x509.Certificate) -> rsa.RSAPublicKey:
    key = certificate.public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        raise NotRegistered("The registered certificate holds no RSA key.")
    return key


def _by_thumbprint(header: dict[str, object], directory: Path) -> x509.Certificate:
    named = {"x5t": hashes.SHA1(), "x5t#S256": hashes.SHA256()}
    for path in sorted(directory.glob("*.pem")):
        try:
            certificate = x509.load_pem_x509_certificate(path.read_bytes())
        except ValueError:
            continue
        for name, algorithm in named.items():
            # Some libraries pad the base64url text, which RFC 7515 forbids and Entra takes.
            sent = str(header.get(name, "")).rstrip("=")
            if sent == _base64url(certificate.fingerprint(algorithm)):
                return certificate
    raise NotRegistered("No certificate with the assertion's thumbprint is registered.")


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
