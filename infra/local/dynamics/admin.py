"""Pages below `/_simulator` that belong to no product: faults, clock, rows, counts, reset."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from .clock import Clock, ManualClock
from .counts import Counts
from .faults import Fault, FaultPlan
from .problems import Problem
from .product import Product
from .webhooks import Webhooks

_MAX_PAGE = 10_000


Model = TypeVar("Model", bound=BaseModel)


class _Advance(BaseModel):
    model_config = ConfigDict(extra="forbid")

    advance: timedelta
    """ISO 8601 duration, or seconds."""


class AdminPages:
    def __init__(
        self,
        faults: FaultPlan,
        counts: Counts,
        clock: Clock,
        webhooks: Webhooks,
        products: Sequence[Product],
        reset_all: Callable[[], None],
    ) -> None:
        self._clock = clock
        self._webhooks = webhooks
        self._faults = faults
        self._counts = counts
        self._products = products
        self._reset_all = reset_all

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/_simulator/health", self._health, methods=["GET"]),
            Route("/_simulator/faults", self._list_faults, methods=["GET"]),
            Route("/_simulator/faults", self._add_faults, methods=["POST"]),
            Route("/_simulator/faults", self._clear_faults, methods=["DELETE"]),
            Route("/_simulator/faults/{id:int}", self._remove_fault, methods=["DELETE"]),
            Route("/_simulator/requests", self._requests, methods=["GET"]),
            Route("/_simulator/clock", self._time, methods=["GET"]),
            Route("/_simulator/clock", self._advance, methods=["POST"]),
            Route("/_simulator/entities", self._entities, methods=["GET"]),
            Route("/_simulator/webhooks", self._list_webhooks, methods=["GET"]),
            Route("/_simulator/webhooks/{id:int}/resend", self._resend, methods=["POST"]),
            Route("/_simulator/reset", self._reset, methods=["POST"]),
        ]

    async def _health(self, _: Request) -> Response:
        return JSONResponse({"products": [product.name for product in self._products]})

    async def _list_faults(self, _: Request) -> Response:
        return JSONResponse({"faults": self._faults.listing()})

    async def _add_faults(self, request: Request) -> Response:
        """Takes one fault or a list; all or none are added."""
        document = await _json(request)
        documents = document if isinstance(document, list) else [document]
        faults = [_read(Fault, each) for each in documents]
        return JSONResponse({"ids": [self._faults.add(fault) for fault in faults]}, 201)

    async def _clear_faults(self, _: Request) -> Response:
        self._faults.clear()
        return Response(status_code=204)

    async def _remove_fault(self, request: Request) -> Response:
        identifier: int = request.path_params["id"]
        if not self._faults.remove(identifier):
            raise Problem(404, f"there is no fault {identifier}")
        return Response(status_code=204)

    async def _requests(self, _: Request) -> Response:
        return JSONResponse(self._counts.listing())

    async def _time(self, _: Request) -> Response:
        return JSONResponse({"now": self._clock().isoformat(), "manual": self._clock.manual})

    async def _advance(self, request: Request) -> Response:
        """Answers when whatever became due has been done."""
        wanted = _read(_Advance, await _json(request))
        if not isinstance(self._clock, ManualClock):
            raise Problem(409, "the simulator runs by the machine's clock")
        if wanted.advance < timedelta():
            raise Problem(422, "advance: the clock never goes back")
        self._clock.advance(wanted.advance)
        await self._webhooks.settle()
        return await self._time(request)

    async def _list_webhooks(self, _: Request) -> Response:
        """`{subscriptions[], notifications[]}`: the latter wait for their time, or were given up
        and have a `failure`."""
        subscriptions = [asdict(each) for each in self._webhooks.subscriptions()]
        return JSONResponse(
            {"subscriptions": subscriptions, "notifications": self._webhooks.listing()}
        )

    async def _resend(self, request: Request) -> Response:
        identifier: int = request.path_params["id"]
        if not self._webhooks.resend(identifier):
            raise Problem(404, f"there is no notification {identifier} that was given up")
        return Response(status_code=204)

    async def _entities(self, request: Request) -> Response:
        """Counts of every product; with `product` and `set` that set's rows, page by page:
        `{count, value[], next}`; next may be null."""
        sources = {each.name: each.entities for each in self._products if each.entities}
        name, entity_set = (request.query_params.get(each) for each in ("product", "set"))
        if name is None:
            return JSONResponse({each: dict(found.counts()) for each, found in sources.items()})
        if name not in sources:
            raise Problem(404, f"there is no product {name} with rows")
        counts = sources[name].counts()
        if entity_set is None:
            return JSONResponse({name: dict(counts)})
        if entity_set not in counts:
            raise Problem(404, f"{name} has no entity set {entity_set}")
        skip, top = _number(request, "skip", 0), _number(request, "top", 1000)
        if not 1 <= top <= _MAX_PAGE:
            raise Problem(400, f"top must be 1 to {_MAX_PAGE}")
        count, following = counts[entity_set], skip + top
        rows = [dict(row) for row in sources[name].rows(entity_set, skip, top)]
        following_page = following if following < count else None
        return JSONResponse({"count": count, "value": rows, "next": following_page})

    async def _reset(self, _: Request) -> Response:
        self._reset_all()
        return Response(status_code=204)


async def _json(request: Request) -> object:
    try:
        document: object = json.loads(await request.body())
    except (ValueError, RecursionError) as error:
        raise Problem(400, f"the body is not JSON: {error}") from error
    return document


def _read(model: type[Model], document: object) -> Model:
    try:
        return model.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or model.__name__.strip("_").lower()
        raise Problem(422, f"{place}: {first['msg']}") from error


def _number(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name, str(default))
    if not text.isdecimal() or len(text) > 15:
        raise Problem(400, f"{name} must be a whole number")
    return int(text)
