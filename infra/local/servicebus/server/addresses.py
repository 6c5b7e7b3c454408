"""Link addresses: the SDKs write entity paths bare, with a leading slash, or as whole URIs."""

from __future__ import annotations

from infra.local.servicebus.settings import path_of

CBS = "$cbs"
MANAGEMENT = "$management"


def node_of(address: str) -> tuple[str, str | None]:
    """Return (entity path, None), or (entity path, '$management'), or ('', '$cbs')."""
    path = path_of(address)
    if path.lower() == CBS:
        return "", CBS
    entity = entity_of(address)
    return entity, MANAGEMENT if entity != path else None


def entity_of(address: str) -> str:
    """Return the path of the entity an address belongs to: that of `q/$management` is `q`. A bare
    `$management` belongs to none: it must not stand for the whole namespace."""
    path = path_of(address)
    head, _, last = path.rpartition("/")
    return head if head and last.lower() == MANAGEMENT else path
