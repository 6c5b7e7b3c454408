"""One till of a mixed day: a method for each thing customers make it do."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date, datetime
from decimal import ROUND_FLOOR, Decimal

from shared.events import (
    Discount,
    Fact,
    GiftCardRedeemed,
    GiftCardSold,
    LoyaltyEarned,
    LoyaltyRedeemed,
    ReturnLine,
    SaleCompleted,
    SaleReturned,
    SaleVoided,
    extended_amount,
)

from .assortment import ARTICLES, basket_discount, payment, position
from .memory import Memory, Receipt
from .papers import Papers
from .pricing import Position, exactly, price_lines, ring_up
from .regimes import REGIMES
from .returns import Slip, alike, exchange, refund
from .stores import Store
from .terminal import Terminal

Sale = SaleCompleted | SaleReturned

GIFT_CARD_ITEM = "GIFT-CARD"
"""Article under which gift cards are sold; not taxed until they are used."""
POINTS = Decimal(100)
"""Points a customer pays with at once; they are worth a tenth of a note."""


class MixedTill:
    """What one terminal does on one day, by chance."""

    def __init__(
        self,
        store: Store,
        number: str,
        day: date,
        chance: random.Random,
        memory: Memory,
        *,
        used: int = 0,
    ) -> None:
        self.terminal = Terminal(store, number, day, chance, used=used)
        self._day, self._chance, self._memory = day, chance, memory
        self._regime = REGIMES[store.company]
        self._currency = self._regime.terms.currency
        self._papers = Papers(store.company, self._regime.country)
        self._suspended: Sequence[Position] = ()

    def act(
        self, kind: str, moment: datetime, *, elsewhere: int = 0, without_receipt: int = 0
    ) -> list[Fact]:
        """Do one thing of a kind that `Mix.draw` names; a suspended basket is resumed first.

        Of a hundred goods that come back, `elsewhere` are brought to another till than they were
        bought at, and `without_receipt` without one.
        """
        if self._suspended:
            return self._resume(moment)
        if kind in ("returned", "exchanged"):
            return self._bring_back(kind, moment, elsewhere, without_receipt)
        if kind in ("training", "no-sale"):
            return [self.terminal.record("training" if kind == "training" else "no-sale", moment)]
        return {
            "sale": self._sell,
            "gift-card": self._sell_gift_card,
            "voided": self.give_up,
            "suspended": self._suspend,
        }[kind](moment)

    def _sell(self, moment: datetime, basket: Sequence[Position] = ()) -> list[Fact]:
        positions = basket or self._basket()
        customer = self._customer()
        points = self._points(positions, customer)
        card, balance = self._memory.card_with_money(self._chance) or (None, Decimal(0))
        paying, in_cash = payment(self._regime, self._chance, balance)
        sale = ring_up(
            self.terminal.next_key(),
            moment,
            positions,
            self._regime.terms,
            paying,
            basket_discounts=points or basket_discount(positions, self._regime, self._chance),
            rounding_step=self._regime.smallest_coin if in_cash else None,
            receipt=self.terminal.receipt,
            cashier=self.terminal.cashier(),
            customer=customer,
        )
        facts = self._finished(sale, card)
        if points and customer:
            self._memory.add_points(customer, -POINTS)
            facts.append(
                LoyaltyRedeemed(
                    transaction=sale.key,
                    occurred_at=moment,
                    card=_loyalty_card(customer),
                    customer=customer,
                    points=POINTS,
                )
            )
        return facts

    def _sell_gift_card(self, moment: datetime) -> list[Fact]:
        chance, cards = self._chance, self._memory.cards
        is_top_up = bool(cards) and chance.random() < 0.2
        new = self._memory.new_card(self.terminal.store.company)
        card = chance.choice(list(cards)) if is_top_up else new
        amount = self._regime.note * chance.choice((1, 2, 5))
        sale = ring_up(
            self.terminal.next_key(),
            moment,
            [Position(GIFT_CARD_ITEM, Decimal(1), amount, "Gift card", gift_card=card)],
            self._regime.terms,
            exactly(chance.choice(("cash", "card")), self._currency),
            receipt=self.terminal.receipt,
            cashier=self.terminal.cashier(),
        )
        cards[card] = cards.get(card, Decimal(0)) + amount
        self.terminal.count(sale)
        sold = GiftCardSold(
            transaction=sale.key,
            occurred_at=moment,
            card=card,
            currency=self._currency,
            amount=amount,
            is_top_up=is_top_up,
        )
        return [self._papers.added_to(sale), sold]

    def _bring_back(
        self, kind: str, moment: datetime, elsewhere: int, without_receipt: int
    ) -> list[Fact]:
        chance, here = self._chance, self.terminal
        receipt = self._memory.receipt(chance, here.store.number, here.number, elsewhere)
        if receipt is None:
            return self._sell(moment)
        no_receipt = chance.randrange(100) < without_receipt and not self._papers.credit_needs_sale
        back = self._without_receipt() if no_receipt else self._pieces(receipt)
        means = chance.choice(("cash", "card"))
        slip = Slip(
            here.next_key(),
            moment,
            self._regime.terms,
            exactly(means, self._currency),
            rounding_step=self._regime.smallest_coin if means == "cash" else None,
            receipt=here.receipt,
            customer=None if no_receipt else receipt.customer,
            cashier=here.cashier(),
        )
        if kind == "returned":
            return self._finished(refund(slip, back))
        if chance.randrange(4) == 0:  # the same goods in another size or colour
            return self._finished(exchange(slip, back, [alike(line) for line in back]))
        return self._finished(exchange(slip, back, self._basket(at_most=2)))

    def _pieces(self, receipt: Receipt) -> list[ReturnLine]:
        chance, refunds = self._chance, receipt.refunds
        numbers = chance.sample(refunds.numbers, chance.randint(1, min(3, len(refunds.numbers))))
        reason = chance.choice(("unwanted", "damaged", "wrong-size"))
        on_gift_receipt = chance.random() < 0.1
        found = []
        for number in numbers:
            left = refunds.left(number)
            some = left if left % 1 else Decimal(chance.randint(1, int(left)))
            piece = refunds.piece(number, some, reason=reason, gift_receipt=on_gift_receipt)
            found.append(piece)
        return found

    def _without_receipt(self) -> list[ReturnLine]:
        lines = price_lines(self._basket(at_most=1), Decimal(0), self._regime.terms)
        return [ReturnLine(**dict(line), reason="no-receipt") for line in lines]

    def give_up(self, moment: datetime, reason: str = "customer-left") -> list[Fact]:
        """Void a basket: its number is used, nothing is sold."""
        lines = price_lines(self._basket(), Decimal(0), self._regime.terms)
        voided = SaleVoided(
            key=self.terminal.next_key(),
            occurred_at=moment,
            cashier=self.terminal.cashier(),
            currency=self._currency,
            amount=sum((line.gross_amount for line in lines), Decimal(0)),
            reason=reason,
        )
        return [voided]

    def _suspend(self, moment: datetime) -> list[Fact]:
        self._suspended = self._basket()
        return [self.terminal.record("suspended", moment)]

    def _resume(self, moment: datetime) -> list[Fact]:
        basket, self._suspended = self._suspended, ()
        return [self.terminal.record("resumed", moment), *self._sell(moment, basket)]

    def _finished(self, sale: Sale, card: str | None = None) -> list[Fact]:
        """Return the transaction with its papers, and what comes about in it beside the goods."""
        if sale.customer is not None and isinstance(sale, SaleCompleted):
            sale = sale.model_copy(update={"loyalty_card": _loyalty_card(sale.customer)})
        sale = self._papers.added_to(sale)
        self._memory.sold(sale)
        self.terminal.count(sale)
        return [sale, *self._earned(sale), *self._redeemed(sale, card)]

    def _earned(self, sale: Sale) -> list[Fact]:
        points = sale.total.quantize(Decimal(1), ROUND_FLOOR)
        if not isinstance(sale, SaleCompleted) or sale.loyalty_card is None or points == 0:
            return []
        if sale.customer is not None:
            self._memory.add_points(sale.customer, points)
        earned = LoyaltyEarned(
            transaction=sale.key,
            occurred_at=sale.occurred_at,
            card=sale.loyalty_card,
            customer=sale.customer,
            points=points,
        )
        return [earned]

    def _redeemed(self, sale: Sale, card: str | None) -> list[Fact]:
        if card is None:
            return []
        paid = [tender.amount for tender in sale.tenders if tender.type == "gift-card"]
        self._memory.cards[card] -= sum(paid, Decimal(0))
        return [
            GiftCardRedeemed(
                transaction=sale.key,
                entry=entry,
                occurred_at=sale.occurred_at,
                card=card,
                currency=sale.currency,
                amount=amount,
            )
            for entry, amount in enumerate(paid, start=1)
        ]

    def _basket(self, at_most: int = 10) -> list[Position]:
        size = self._chance.choices((1, 2, 3, 4, 6, 10), (3, 4, 4, 3, 2, 1))[0]
        articles = self._chance.sample(ARTICLES, min(size, at_most))
        return [position(each, self._regime, self._day, self._chance) for each in articles]

    def _points(self, positions: Sequence[Position], customer: str | None) -> tuple[Discount, ...]:
        """Return what points take off the basket of a customer who has enough, now and then."""
        worth = sum((_price(each, self._currency) for each in positions), Decimal(0))
        if customer is None or self._memory.points.get(customer, Decimal(0)) < POINTS:
            return ()
        if worth < self._regime.note or self._chance.random() >= 0.5:
            return ()
        return (Discount(code="POINTS", amount=self._regime.note / 10),)

    def _customer(self) -> str | None:
        return self._memory.customer(self._chance) if self._chance.random() < 0.3 else None


def _loyalty_card(customer: str) -> str:
    return f"LC-{customer.removeprefix('K')}"


def _price(each: Position, currency: str) -> Decimal:
    price = extended_amount(each.quantity, each.unit_price, currency)
    return price - sum((discount.amount for discount in each.discounts), Decimal(0))
