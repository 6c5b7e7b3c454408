"""Pages below `/_simulator` that belong to no product: faults, request counts, reset, health."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from .counts import Counts
from .faults import Fault, FaultPlan
from .problems import Problem
from .product import Product


class AdminPages:
    def __init__(
        self,
        faults: FaultPlan,
        counts: Counts,
        products: Sequence[Product],
        reset_all: Callable[[], None],
    ) -> None:
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
            Route("/_simulator/reset", self._reset, methods=["POST"]),
        ]

    async def _health(self, _: Request) -> Response:
        return JSONResponse({"products": [product.name for product in self._products]})

    async def _list_faults(self, _: Request) -> Response:
        return JSONResponse({"faults": self._faults.listing()})

    async def _add_faults(self, request: Request) -> Response:
        """Takes one fault or a list; all or none are added."""
        try:
            document = json.loads(await request.body())
            documents = document if isinstance(document, list) else [document]
            faults = [Fault.model_validate(each) for each in documents]
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"])) or "fault"
            raise Problem(422, f"{place}: {first['msg']}") from error
        except (ValueError, RecursionError) as error:
            raise Problem(400, f"the body is not JSON: {error}") from error
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

    async def _reset(self, _: Request) -> Response:
        self._reset_all()
        return Response(status_code=204)
