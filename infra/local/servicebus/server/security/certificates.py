"""The bus's own certificate authority and the server certificate it signs.

The authority stays in its folder, so that clients go on trusting it; the server certificate is made
anew each time, for the names the bus is reached by. P-256 throughout: made in milliseconds, taken
by every SDK.
"""

from __future__ import annotations

import os
import socket
import ssl
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CA_FILE = "ca.pem"
CA_KEY_FILE = "ca-key.pem"
SERVER_FILE = "server.pem"
"""Certificate and key of the server in one file."""

_CA_LIFE = timedelta(days=3650)
_SERVER_LIFE = timedelta(days=397)  # what clients take at most
_CLOCK_SKEW = timedelta(days=1)
_ALWAYS = ("localhost", "*.servicebus.localhost", "127.0.0.1", "::1")
_ANY_ADDRESS = frozenset({"", "0.0.0.0", "::"})


def ensure_ca(folder: Path) -> Path:
    """Return the authority's certificate file, made if it is missing or about to expire. Raises
    OSError."""
    certificate = folder / CA_FILE
    if not (certificate.exists() and (folder / CA_KEY_FILE).exists()) or _expires(certificate):
        folder.mkdir(parents=True, exist_ok=True)
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name("Local Service Bus certificate authority")
        builder = _builder(name, name, key.public_key(), _CA_LIFE)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        builder = builder.add_extension(_key_usage(signs_certificates=True), True)
        _write_private(folder / CA_KEY_FILE, _key_bytes(key))
        pem = builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
        certificate.write_bytes(pem)
    return certificate


def server_context(folder: Path, host: str) -> ssl.SSLContext:
    """Return the TLS context of a server reached as `host`, with a fresh certificate of the
    folder's authority. Raises OSError, ValueError (files that are no certificate)."""
    issuer = x509.load_pem_x509_certificate(ensure_ca(folder).read_bytes())
    issuer_key = load_pem_private_key((folder / CA_KEY_FILE).read_bytes(), None)
    if not isinstance(issuer_key, ec.EllipticCurvePrivateKey):
        raise ValueError(f"{folder / CA_KEY_FILE} holds no elliptic-curve key.")  # noqa: TRY004
    key = ec.generate_private_key(ec.SECP256R1())
    names = x509.SubjectAlternativeName(_names(host))
    builder = _builder(_name("Local Service Bus"), issuer.subject, key.public_key(), _SERVER_LIFE)
    builder = builder.add_extension(names, False)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
    builder = builder.add_extension(_key_usage(signs_certificates=False), True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
    builder = builder.add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), False
    )
    certificate = builder.sign(issuer_key, hashes.SHA256()).public_bytes(Encoding.PEM)
    server = folder / SERVER_FILE
    _write_private(server, certificate + _key_bytes(key))
    return own_context(server, server)


def own_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """Return the TLS context of PEM files. Raises OSError (ssl.SSLError too)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, life: timedelta
) -> x509.CertificateBuilder:
    now = datetime.now(timezone.utc)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), False)
    )


def _names(host: str) -> list[x509.GeneralName]:
    reached_as = socket.gethostname() if host in _ANY_ADDRESS else host
    names: list[x509.GeneralName] = []
    for name in dict.fromkeys((*_ALWAYS, reached_as)):
        try:
            names.append(x509.IPAddress(ip_address(name)))
        except ValueError:
            names.append(x509.DNSName(name))
    return names


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _expires(certificate: Path) -> bool:
    """Whether it ends before a server certificate it would sign."""
    ends = x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc
    return ends < datetime.now(timezone.utc) + _SERVER_LIFE


def _key_bytes(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write_private(path: Path, data: bytes) -> None:
    """Readable by its owner from the first byte on."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
