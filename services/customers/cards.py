"""Which loyalty and gift cards there are, for books that take entries of any card."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from shared.clock import Clock
from shared.store.records import Record, Records


@dataclass(frozen=True, slots=True)
class CardKind:
    """`kind` is that of the records, `prefix` begins the card's part of their key."""

    kind: str
    prefix: str = ""

    def key(self, company: str, card: str) -> str:
        """Return the key of a card's record."""
        return f"{company}/{self.prefix}{card}"


LOYALTY_CARDS: Final = CardKind("customer-card", "card:")
"""Their keys are those that stand for a person in the archive: erased with the person."""
GIFT_CARDS: Final = CardKind("gift-card")
"""A gift card is whose who holds it."""


def waiting_key(company: str, card: str) -> str:
    """Return the key under which facts wait for a card."""
    return f"card/{company}/{card}"


@dataclass(frozen=True, slots=True)
class Cards:
    """The cards of one kind that are known. Methods raise `StoreUnavailable`."""

    of: CardKind
    records: Records
    clock: Clock

    async def known(self, cards: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
        """Return those of these (company, card) that are known."""
        by_key = {self.of.key(*card): card for card in cards}
        found = await self.records.read(self.of.kind, by_key) if by_key else {}
        return {by_key[key] for key in found}

    async def learn(self, cards: Iterable[tuple[str, str]], owner: str = "") -> None:
        """Know these from now on; one that is known already makes no difference."""
        wanted = dict.fromkeys(cards)
        new = wanted.keys() - await self.known(wanted)
        now = self.clock()
        for card in sorted(new):
            key = self.of.key(*card)
            await self.records.write([Record(self.of.kind, key, 1, "", owner, now)])
