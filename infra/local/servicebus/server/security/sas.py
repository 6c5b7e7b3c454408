"""Shared access signatures: `SharedAccessSignature sr=…&sig=…&se=…&skn=…`.

    sr   the resource, url-encoded; the signature is over these very characters, as encoders differ
    se   the end of its life, seconds since the epoch
    skn  the name of the key
    sig  base64 of HMAC-SHA256(key, sr + "\\n" + se), url-encoded

Source: "Service Bus access control with Shared Access Signatures"; texts as the service sends them.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
from base64 import b64decode
from dataclasses import dataclass
from urllib.parse import unquote, unquote_plus

from infra.local.servicebus.broker import BrokerError
from infra.local.servicebus.server.addresses import entity_of

_SCHEME = "sharedaccesssignature"
_FIELDS = ("sr", "sig", "se", "skn")
_MOST_DIGITS = 12
_LONGEST = 16 * 1024


class Unauthorized(BrokerError):
    """Nobody we know, or not allowed this."""

    condition = "amqp:unauthorized-access"


@dataclass(frozen=True)
class SasToken:
    """A token as it was read; `path` is the entity path it is for in lower case, '' for the
    namespace, `expires_at` ms since the epoch."""

    path: str
    key_name: str
    expires_at: int
    _signed: bytes
    _signature: bytes

    def signed_with(self, key: str) -> bool:
        """Say whether the key made the signature, in a time that tells nothing."""
        expected = hmac.digest(key.encode(), self._signed, hashlib.sha256)
        return hmac.compare_digest(expected, self._signature)


def is_sas(token: str) -> bool:
    return token[: len(_SCHEME)].lower() == _SCHEME


def read_token(token: str) -> SasToken:
    """Raises Unauthorized for what is no shared access signature."""
    fields = _fields(token)
    ends, resource = fields["se"], unquote_plus(fields["sr"])
    if not (ends.isascii() and ends.isdigit()) or len(ends) > _MOST_DIGITS:
        raise _malformed("'se' is a number of seconds")
    try:
        signature = b64decode(unquote(fields["sig"]), validate=True)
    except (binascii.Error, ValueError) as error:
        raise _malformed("'sig' is base64") from error
    # A resource without a scheme begins with the host; the Node SDK's has a query.
    whole = resource if "://" in resource else f"sb://{resource}"
    path = entity_of(whole.partition("?")[0])
    return SasToken(
        path.lower(),
        unquote_plus(fields["skn"]),
        int(ends) * 1000,
        f"{fields['sr']}\n{ends}".encode(),
        signature,
    )


def covers(prefix: str, path: str) -> bool:
    """Say whether a resource covers another: itself and all below it. Both in lower case."""
    return not prefix or path == prefix or path.startswith(f"{prefix}/")


def _fields(token: str) -> dict[str, str]:
    scheme, _, rest = token.strip().partition(" ")
    if scheme.lower() != _SCHEME or len(token) > _LONGEST:
        raise _malformed("it begins with 'SharedAccessSignature '")
    pairs = [part.partition("=") for part in rest.strip().split("&")]
    fields = {name.strip().lower(): value for name, _, value in pairs}
    if not all(fields.get(name) for name in _FIELDS):
        raise _malformed(f"it has {', '.join(_FIELDS)}")
    return fields


def _malformed(rule: str) -> Unauthorized:
    return Unauthorized(f"MalformedToken: The token is no shared access signature: {rule}.")
