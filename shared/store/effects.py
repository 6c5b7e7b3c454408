"""What has become of one fact, effect by effect: booked, refused, taken back. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from shared.events import Effect, Reason, TransactionKey
from shared.store.ledger_entries import PostedDocument, Rejection, Reversal

ABOUT_THE_MESSAGE: frozenset[str] = frozenset(
    {
        Reason.INVALID_JSON,
        Reason.NOT_A_CLOUD_EVENT,
        Reason.UNKNOWN_TYPE,
        Reason.UNKNOWN_VERSION,
        Reason.INVALID_DATA,
        Reason.AMOUNTS_DO_NOT_ADD_UP,
        Reason.CARD_NUMBER,
        Reason.ID_MISMATCH,
        Reason.MISSING_ID,
        Reason.BODY_TOO_LARGE,
        Reason.UNKNOWN_CURRENCY,
    }
)
"""Reasons for which bytes are no fact at all. They refuse a message, not an effect of a fact: the
fact may come under the same id once its publisher is corrected."""


WAIVED = "waived"
"""Reason of a rejection by which an operator says that a refused effect is not wanted: it takes the
place of the refusal, until the message is refused once more."""


@dataclass(frozen=True)
class FactEffects:
    """Every effect of one fact that anybody has spoken of; each tuple sorted by effect."""

    fact_id: UUID
    booked: tuple[PostedDocument, ...] = ()
    refused: tuple[Rejection, ...] = ()
    reversals: tuple[Reversal, ...] = ()

    @property
    def key(self) -> TransactionKey | None:
        """The transaction, where it has one."""
        return next((row.key for row in self._rows if row.key), None)

    @property
    def fact_type(self) -> str:
        """CloudEvents type of the fact; empty where nobody said."""
        return next((row.fact_type for row in self._rows if row.fact_type), "")

    @property
    def _rows(self) -> Sequence[PostedDocument | Rejection]:
        return (*self.booked, *self.refused)

    @property
    def standing(self) -> tuple[PostedDocument, ...]:
        """What is booked and has not been taken back."""
        taken_back = {each.effect for each in self.reversals}
        return tuple(each for each in self.booked if each.effect not in taken_back)

    @property
    def outstanding(self) -> tuple[Rejection, ...]:
        """What was refused, has not been booked since, and is still wanted."""
        booked = {each.effect for each in self.booked}
        return tuple(
            each
            for each in self.refused
            if each.effect not in booked and each.reason not in {*ABOUT_THE_MESSAGE, WAIVED}
        )

    @property
    def waived(self) -> tuple[Rejection, ...]:
        """What was refused and is not wanted any more."""
        return tuple(each for each in self.refused if each.reason == WAIVED)

    @property
    def is_half_booked(self) -> bool:
        """Whether one effect stands while another is refused: somebody has to act."""
        return bool(self.standing and self.outstanding)

    def has_booked(self, effect: Effect) -> bool:
        """Whether the effect stands."""
        return any(each.effect == effect for each in self.standing)


def by_fact(
    documents: Iterable[PostedDocument],
    rejections: Iterable[Rejection],
    reversals: Iterable[Reversal],
) -> dict[UUID, FactEffects]:
    """Return these rows by the fact they are about; those that name none are left out."""
    rows: dict[UUID, tuple[list[PostedDocument], list[Rejection], list[Reversal]]] = {}
    for document in documents:
        rows.setdefault(document.fact_id, ([], [], []))[0].append(document)
    for rejection in rejections:
        if rejection.fact_id is not None:
            rows.setdefault(rejection.fact_id, ([], [], []))[1].append(rejection)
    for reversal in reversals:
        rows.setdefault(reversal.fact_id, ([], [], []))[2].append(reversal)
    return {
        fact_id: FactEffects(
            fact_id,
            tuple(sorted(booked, key=lambda each: each.effect)),
            tuple(sorted(refused, key=lambda each: (each.effect, each.identity))),
            tuple(sorted(taken_back, key=lambda each: each.effect)),
        )
        for fact_id, (booked, refused, taken_back) in rows.items()
    }
