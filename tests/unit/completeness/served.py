"""The completeness service as the command line reaches it, without a host or a socket."""

from __future__ import annotations

import httpx

from infra.local.cli.completeness import Completeness
from services.completeness import api

from .conftest import Collaborators


def served(books: Collaborators) -> Completeness:
    """Return a client of the service over these books."""

    async def answer(request: httpx.Request) -> httpx.Response:
        _, what, *route = request.url.path.strip("/").split("/")
        parameters = dict(request.url.params)
        if what == "half-booked":
            answered = await api.list_half_booked(parameters, books)
        elif route:
            place = dict(zip(("company", "store", "day"), route, strict=True))
            answered = await api.get_certificate({**parameters, **place}, books)
        else:
            answered = await api.list_certificates(parameters, books)
        headers = {"content-type": answered.content_type}
        return httpx.Response(answered.status, text=answered.body(), headers=headers)

    transport = httpx.MockTransport(answer)
    return Completeness(httpx.AsyncClient(base_url="http://completeness", transport=transport))
