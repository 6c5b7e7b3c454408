"""Registers where Dataverse tells of changes: an endpoint, a step per table and message, an image.

Everything is found again by its name, so that registering twice changes nothing; a row somebody
changed is set back, guarded by its ETag. Values: Microsoft's references of ServiceEndpoint,
SdkMessageProcessingStep and SdkMessageProcessingStepImage.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.dynamics.dataverse.requests import by_id, create, equal, read, write
from shared.dynamics.dataverse.tables import row_id
from shared.dynamics.odata.errors import AlreadyExists, DynamicsError, MissingParent, TryLater
from shared.dynamics.service import Service, Uncertain

ROUNDS = 4
IMAGE = "row"
"""Name of the image with the row as it is after the write, before it for a Delete."""

_ENDPOINTS = "serviceendpoints"
_STEPS = "sdkmessageprocessingsteps"
_IMAGES = "sdkmessageprocessingstepimages"
_SECRETS = frozenset({"authvalue", "saskey"})
_POST_OPERATION, _ASYNCHRONOUS = 40, 1


@dataclass(frozen=True, slots=True)
class Webhook:
    """An HTTPS address with its function key, sent as `?code=`."""

    name: str
    url: str
    key: str

    @property
    def columns(self) -> dict[str, object]:
        return {"contract": 8, "url": self.url, "authtype": 4, "authvalue": self.key}


@dataclass(frozen=True, slots=True)
class ServiceBusEntity:
    """A queue or topic by shared access key; the body is JSON.

    `namespace`: such as `sb://contoso.servicebus.windows.net/`.
    """

    name: str
    namespace: str
    path: str
    key_name: str
    key: str
    is_topic: bool = False

    @property
    def columns(self) -> dict[str, object]:
        return {
            "contract": 5 if self.is_topic else 6,
            "namespaceaddress": self.namespace,
            "namespaceformat": 2,
            "path": self.path,
            "authtype": 2,
            "saskeyname": self.key_name,
            "saskey": self.key,
            "messageformat": 2,
            "userclaim": 1,
            "connectionmode": 1,
        }


@dataclass(frozen=True, slots=True)
class Interest:
    """`message`: Create, Update or Delete; `columns`: those whose update is told and that are sent
    along, all where empty."""

    table: str
    message: str
    columns: tuple[str, ...] = ()


class DataverseEndpoints:
    def __init__(self, service: Service) -> None:
        self._service = service

    async def register(
        self, endpoint: Webhook | ServiceBusEntity, interests: Sequence[Interest]
    ) -> str:
        """Let Dataverse tell the endpoint of these changes; return the endpoint's id. What else is
        registered stays. Raises DynamicsError; safe to repeat."""
        body = {"name": endpoint.name, **endpoint.columns}
        handler = await self._ensure(_ENDPOINTS, {"name": endpoint.name}, body, {})
        for interest in interests:
            await self._step(endpoint.name, handler, interest)
        return handler

    async def _step(self, endpoint: str, handler: str, interest: Interest) -> None:
        name = f"{endpoint}: {interest.message} of {interest.table}"
        message, message_filter = await self._filter(interest)
        is_update = interest.message == "Update"
        columns = ",".join(interest.columns)
        step = await self._ensure(
            _STEPS,
            {"name": name},
            {
                "name": name,
                "stage": _POST_OPERATION,
                "mode": _ASYNCHRONOUS,
                "rank": 1,
                "supporteddeployment": 0,
                "asyncautodelete": True,
                "filteringattributes": (columns if is_update else "") or None,
            },
            {
                "sdkmessageid": ("_sdkmessageid_value", "sdkmessages", message),
                "sdkmessagefilterid": (
                    "_sdkmessagefilterid_value", "sdkmessagefilters", message_filter,
                ),
                "eventhandler_serviceendpoint": ("_eventhandler_value", _ENDPOINTS, handler),
            },
        )  # fmt: skip
        await self._ensure(
            _IMAGES,
            {"name": f"{name}: {IMAGE}"},
            {
                "name": f"{name}: {IMAGE}",
                "entityalias": IMAGE,
                "imagetype": 0 if interest.message == "Delete" else 1,
                "messagepropertyname": "Id" if interest.message == "Create" else "Target",
                "attributes": columns or None,
            },
            {
                "sdkmessageprocessingstepid": (
                    "_sdkmessageprocessingstepid_value", _STEPS, step,
                ),
            },
        )  # fmt: skip

    async def _filter(self, interest: Interest) -> tuple[str, str]:
        """Ids of the message and of its filter for the table. Raises MissingParent."""
        condition = equal(primaryobjecttypecode=interest.table)
        operation = read(
            "sdkmessagefilters",
            ("primaryobjecttypecode",),
            filter=condition,
            expand="sdkmessageid($select=name)",
        )
        async for row in self._service.rows(operation):
            message = row.get("sdkmessageid") or {}
            if message.get("name") == interest.message:
                return message["sdkmessageid"], row["sdkmessagefilterid"]
        raise MissingParent(f"Dataverse tells of no {interest.message} of {interest.table}.")

    async def _ensure(
        self,
        entity_set: str,
        name: Mapping[str, str],
        body: Mapping[str, object],
        lookups: Mapping[str, tuple[str, str, str]],
    ) -> str:
        """Return the id of the row of that name, made or changed to what it should be.

        `lookups`: navigation property -> column, entity set, id."""
        primary = f"{entity_set.removesuffix('s')}id"
        wanted = {**body, **{column: to for column, _, to in lookups.values()}}
        bound = {f"{to}@odata.bind": f"/{by_id(at, i)}" for to, (_, at, i) in lookups.items()}
        told: DynamicsError = TryLater("Dynamics gave no certain answer.")
        for _ in range(ROUNDS):
            found = await self._named(entity_set, name, tuple(wanted))
            if found is not None and not _differs(found, wanted):
                return str(found[primary])
            identifier = str(found[primary]) if found else row_id(entity_set, *name.values())
            full = {**body, **bound}
            if found is None:
                operation = create(entity_set, {primary: identifier, **full})
            else:
                guard = ("If-Match", str(found["@odata.etag"]))
                operation = write(by_id(entity_set, identifier), full, guard)
            try:
                await self._service.write(operation)
            except (Uncertain, AlreadyExists):
                continue
            except TryLater as error:
                if not error.at_once:
                    raise
                told = error
                continue
            return identifier
        raise told

    async def _named(
        self, entity_set: str, name: Mapping[str, str], columns: Sequence[str]
    ) -> dict[str, Any] | None:
        readable = [column for column in columns if column not in _SECRETS]
        rows = self._service.rows(read(entity_set, readable, filter=equal(**name)))
        return await anext(rows, None)


def _differs(found: Mapping[str, Any], wanted: Mapping[str, object]) -> bool:
    """Secrets are never answered; where there are any, the row is written anew."""
    return bool(_SECRETS & wanted.keys()) or any(
        (found.get(column) or None) != (value or None) for column, value in wanted.items()
    )
