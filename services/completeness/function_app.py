"""Completeness: every store-day gets its certificate; see README.md for the operator."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple

import azure.functions as func

from services.completeness import api, forgetting, handlers, wiring
from shared.bus import Delivery, Outcome
from shared.bus.triggers import service_timer, subscription_trigger
from shared.events import DocumentRejected
from shared.store.errors import StoreUnavailable

app = func.Blueprint()  # type: ignore[no-untyped-call]

SUBSCRIPTION = "completeness"


class Witnessed(NamedTuple):
    """A topic, and the function that witnesses what is on it."""

    topic: str
    function: str
    beside_its_owner: bool = False
    """Another subscription dead-letters what is invalid there; here its number is only noted. Of
    other topics this subscription is the owner: it dead-letters and announces."""
    archive: bool = True


WITNESSED = (
    Witnessed("sale-completed", "witness_sales", beside_its_owner=True),
    Witnessed("sale-returned", "witness_returns", beside_its_owner=True),
    Witnessed("sale-voided", "witness_voids"),
    Witnessed("transaction-recorded", "witness_other_transactions"),
    Witnessed("tender-declared", "witness_counts", beside_its_owner=True),
    Witnessed("cash-moved", "witness_cash", beside_its_owner=True),
    Witnessed("store-day-opened", "witness_day_openings"),
    Witnessed("store-day-closed", "witness_day_closes", beside_its_owner=True),
    Witnessed("document-posted", "witness_documents", archive=False),
    Witnessed("document-rejected", "witness_rejections", archive=False),
)


async def note_invalid(rejections: Sequence[DocumentRejected], collaborators: wiring.Wired) -> None:
    """Note an invalid fact: the subscription that owns it dead-letters it, this one counts it."""
    await handlers.note_invalid(rejections, collaborators)


def _witness(
    function: str, topic: str
) -> Callable[[Sequence[Delivery], wiring.Wired], Awaitable[Sequence[Outcome]]]:
    async def witness(
        deliveries: Sequence[Delivery], collaborators: wiring.Wired
    ) -> Sequence[Outcome]:
        return await handlers.witness(deliveries, collaborators)

    witness.__name__ = witness.__qualname__ = function
    witness.__doc__ = f"Witness what is on {topic}."
    return witness


for each in WITNESSED:
    subscription_trigger(
        app,
        topic=each.topic,
        subscription=SUBSCRIPTION,
        wiring=wiring.collaborators,
        note_invalid=note_invalid if each.beside_its_owner else None,
        # A rejection of what is itself told of rejections would be told of for ever.
        announce=each.archive and not each.beside_its_owner,
        archive=each.archive,
    )(_witness(each.function, each.topic))


@service_timer(app, schedule="*/20 * * * * *", wiring=wiring.collaborators)
async def evaluate_store_days(collaborators: wiring.Wired) -> None:
    """Three times a minute, look at the store-days that have changed."""
    await handlers.evaluate(collaborators)


@service_timer(app, schedule="0 15 3 * * *", wiring=wiring.collaborators)
async def forget_what_is_over(collaborators: wiring.Wired) -> None:
    """Every night, forget what has been kept for as long as configured."""
    await forgetting.forget(collaborators)


@app.route(route="certificates", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
async def list_certificates(req: func.HttpRequest) -> func.HttpResponse:
    """List certificates by company, store, from and to."""
    return await _answer(api.list_certificates, req.params)


@app.route(
    route="certificates/{company}/{store}/{day}",
    methods=["GET"],
    auth_level=func.AuthLevel.FUNCTION,
)
async def get_certificate(req: func.HttpRequest) -> func.HttpResponse:
    """Return one store-day's certificate, as a page to who asks for one."""
    wanted = {"format": "html"} if api.prefers_page(req.headers.get("accept", "")) else {}
    return await _answer(api.get_certificate, {**wanted, **req.params, **req.route_params})


@app.route(route="half-booked", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
async def list_half_booked(req: func.HttpRequest) -> func.HttpResponse:
    """List facts that are booked in one place and refused in another."""
    return await _answer(api.list_half_booked, req.params)


async def _answer(question: api.Question, parameters: Mapping[str, str]) -> func.HttpResponse:
    try:
        books = await wiring.collaborators()
    except StoreUnavailable:
        answer = api.store_unavailable()
    else:
        answer = await question(parameters, books)
    return func.HttpResponse(
        answer.body(),
        status_code=answer.status,
        headers=dict(answer.headers),
        mimetype=answer.content_type,
    )
