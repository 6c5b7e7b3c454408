"""Completeness: every store-day gets its certificate; see README.md for the operator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import azure.functions as func

from services.completeness import api, handlers, wiring
from shared.bus import Delivery, Outcome
from shared.bus.triggers import subscription_trigger
from shared.events import DocumentRejected
from shared.store.errors import StoreUnavailable

app = func.Blueprint()  # type: ignore[no-untyped-call]

SUBSCRIPTION = "completeness"


async def note_invalid(rejections: Sequence[DocumentRejected], collaborators: wiring.Wired) -> None:
    """Note an invalid sale: the sales subscription dead-letters it, this one only counts it."""
    await handlers.note_invalid(rejections, collaborators)


@subscription_trigger(
    app,
    topic="sale-completed",
    subscription=SUBSCRIPTION,
    wiring=wiring.collaborators,
    note_invalid=note_invalid,
)
async def witness_sales(
    deliveries: Sequence[Delivery], collaborators: wiring.Wired
) -> Sequence[Outcome]:
    """Witness completed sales."""
    return await handlers.witness(deliveries, collaborators)


@subscription_trigger(
    app,
    topic="sale-returned",
    subscription=SUBSCRIPTION,
    wiring=wiring.collaborators,
    note_invalid=note_invalid,
)
async def witness_returns(
    deliveries: Sequence[Delivery], collaborators: wiring.Wired
) -> Sequence[Outcome]:
    """Witness returned sales."""
    return await handlers.witness(deliveries, collaborators)


@subscription_trigger(
    app, topic="store-day-closed", subscription=SUBSCRIPTION, wiring=wiring.collaborators
)
async def witness_day_closes(
    deliveries: Sequence[Delivery], collaborators: wiring.Wired
) -> Sequence[Outcome]:
    """Witness stores closing their day."""
    return await handlers.witness(deliveries, collaborators)


@subscription_trigger(
    app, topic="document-posted", subscription=SUBSCRIPTION, wiring=wiring.collaborators
)
async def witness_documents(
    deliveries: Sequence[Delivery], collaborators: wiring.Wired
) -> Sequence[Outcome]:
    """Witness documents in the ledger."""
    return await handlers.witness(deliveries, collaborators)


@subscription_trigger(
    app, topic="document-rejected", subscription=SUBSCRIPTION, wiring=wiring.collaborators
)
async def witness_rejections(
    deliveries: Sequence[Delivery], collaborators: wiring.Wired
) -> Sequence[Outcome]:
    """Witness what was put aside for a person."""
    return await handlers.witness(deliveries, collaborators)


@app.timer_trigger(arg_name="timer", schedule="0 * * * * *")
async def evaluate_store_days(timer: func.TimerRequest) -> None:
    """Every minute, look at the store-days that have changed."""
    await handlers.evaluate(await wiring.collaborators())


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
    """Return one store-day's certificate."""
    return await _answer(api.get_certificate, req.route_params)


async def _answer(question: api.Question, parameters: Mapping[str, str]) -> func.HttpResponse:
    try:
        ledger = (await wiring.collaborators()).ledger
    except StoreUnavailable:
        answer = api.store_unavailable()
    else:
        answer = await question(parameters, ledger)
    return func.HttpResponse(
        answer.body(),
        status_code=answer.status,
        headers=dict(answer.headers),
        mimetype=answer.content_type,
    )
