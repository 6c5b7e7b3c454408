"""``tillbus reverse`` and ``tillbus waive``: the two ways out of a half-booked fact besides replay.

An order to take the booked half back goes to the service that booked it, with the fact itself from
the archive. That the refused half is not wanted any more is noted in the ledger.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from uuid import UUID

from infra.local.cli.output import Refused
from shared.bus import Publisher
from shared.clock import Clock
from shared.erasure import OPERATORS
from shared.events import EFFECTS, Effect, ReversalOrdered, new_event
from shared.events.card_numbers import mask_card_numbers
from shared.store import Act, Entries, Rejection, Store
from shared.store.effects import WAIVED, FactEffects

SOURCE = "/operators"

_MONEY: frozenset[Effect] = frozenset({"ledger", "cash"})


@dataclass(frozen=True)
class Wish:
    """What an operator wants taken back, and why."""

    fact_id: UUID
    effect: Effect
    reason: str
    actor: str
    force: bool = False
    """Also where nothing of the fact was refused."""


def effect_named(name: str) -> Effect:
    """Return the effect; raises Refused for a word that is none."""
    for each in EFFECTS:
        if each == name:
            return each
    raise Refused(f"there is no effect {name}; there are {', '.join(EFFECTS)}")


async def reversal_order(store: Store, wish: Wish, clock: Clock) -> ReversalOrdered:
    """Return the order; raises Refused where it may not be given."""
    effects = (await store.ledger.effects([wish.fact_id])).get(wish.fact_id)
    if effects is None:
        raise Refused(f"nobody has booked or refused anything of fact {wish.fact_id}")
    _check(effects, wish)
    archived = (await store.archive.read([wish.fact_id])).get(wish.fact_id)
    if archived is None:
        raise Refused(f"fact {wish.fact_id} is not in the archive, nothing can be computed from it")
    return ReversalOrdered(
        fact_id=wish.fact_id,
        effect=wish.effect,
        event=json.loads(archived.body),
        reason=wish.reason,
        ordered_by=wish.actor,
        ordered_at=clock(),
    )


def _check(effects: FactEffects, wish: Wish) -> None:
    if any(each.effect == wish.effect for each in effects.reversals):
        raise Refused(f"effect {wish.effect} of fact {wish.fact_id} is taken back already")
    if not effects.has_booked(wish.effect):
        standing = ", ".join(each.effect for each in effects.standing) or "nothing"
        raise Refused(f"effect {wish.effect} of fact {wish.fact_id} is not booked; {standing} is")
    if not effects.is_half_booked and not wish.force:
        raise Refused(f"nothing of fact {wish.fact_id} is refused; to take it back anyway: --force")


async def give(store: Store, publisher: Publisher, order: ReversalOrdered) -> None:
    """Note the order in the audit log, then publish it; ordering the same again changes nothing."""
    subject, detail = f"{order.fact_id}/{order.effect}", order.reason
    act = Act(order.ordered_at, order.ordered_by, "reversal ordered", subject, detail)
    await store.audit.append(OPERATORS, [act])
    await publisher.publish([new_event(order, source=SOURCE, time=order.ordered_at)])


async def waiver(store: Store, wish: Wish, clock: Clock) -> Rejection:
    """Return what takes the place of the refusal; raises Refused where nothing is refused.

    Money is never waived: a sale that is not in the ledger is not whole.
    """
    effects = (await store.ledger.effects([wish.fact_id])).get(wish.fact_id)
    refused = (
        [each for each in effects.outstanding if each.effect == wish.effect] if effects else []
    )
    if not refused:
        raise Refused(f"effect {wish.effect} of fact {wish.fact_id} is not refused")
    if wish.effect in _MONEY:
        raise Refused(f"effect {wish.effect} is money: book it, or take back the other half")
    return replace(
        refused[0],
        subscription=SOURCE.strip("/"),
        reason=WAIVED,
        detail=mask_card_numbers(wish.reason),
        rejected_at=clock(),
    )


async def waive(store: Store, rejection: Rejection, actor: str) -> None:
    """Note it in the audit log, then in the ledger; the store-day is looked at again."""
    subject = f"{rejection.fact_id}/{rejection.effect}"
    act = Act(rejection.rejected_at, actor, "effect waived", subject, rejection.detail)
    await store.audit.append(OPERATORS, [act])
    await store.ledger.record(Entries(rejections=[rejection]))
