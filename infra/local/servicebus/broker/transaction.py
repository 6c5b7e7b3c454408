"""Transactions: work that is held until its transaction is discharged, then done all or not at all.

Work is checked twice: when it is held, so that its sender hears of a refusal at once, and when the
transaction is discharged, all of it before any of it is done. Held work changes nothing: locks run
on, and after a rollback everything is as it would be without the transaction (AMQP 1.0, 4.4; Azure:
Overview of Service Bus transaction processing).

A transaction belongs to the connection that declared it and happens on one top-level entity, the
one its first work is for; messages for other entities travel via that one.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import count
from typing import NamedTuple
from uuid import UUID

from infra.local.servicebus.broker.errors import (
    BrokerError,
    MessageLockLost,
    NotAllowed,
    QuotaExceeded,
    TransactionRolledBack,
    TransactionUnknown,
)
from infra.local.servicebus.broker.namespace import Namespace
from infra.local.servicebus.broker.timers import Timer

TIMEOUT_MS = 120_000
"""From the first work on; then the transaction is rolled back and forgotten (Azure SDK for .NET,
troubleshooting guide)."""

MAX_MESSAGES = 100
"""Messages sent and settled in one transaction (Azure: Service Bus quotas)."""

MAX_OPEN = 1000
MAX_HELD_BYTES = 128 * 1024 * 1024
"""Per connection, so that memory stays bounded; ours: Azure names no such limits."""


class Work(NamedTuple):
    """One operation on `via`, a top-level entity.

    `check` raises BrokerError when it cannot be done at that time (int ms) and changes nothing;
    `apply` does it and is only called right after. `lock` is the token of the message it settles;
    `address` the entity that `payloads` enter."""

    via: str
    apply: Callable[[int], object]
    check: Callable[[int], object] = lambda _now: None
    lock: UUID | None = None
    address: str = ""
    payloads: Sequence[bytes] = ()

    @property
    def messages(self) -> int:
        return len(self.payloads) + (self.lock is not None)

    @property
    def size(self) -> int:
        return sum(map(len, self.payloads))


class Transaction:
    """Made by Transactions.declare."""

    def __init__(self, transactions: Transactions, txn_id: bytes) -> None:
        self.id = txn_id
        self.done: list[Callable[[], None]] = []  # to be called when a commit is durable
        self._transactions = transactions
        self._work: list[Work] = []
        self._failure: str | None = None
        self.size = 0
        self.timer: Timer | None = None  # from the first work on

    def hold(self, works: Sequence[Work], now: int) -> None:
        """Keep the works for the discharge, all or none: raises what refuses one of them."""
        for number, work in enumerate(works):
            self._refuse([*self._work, *works[:number]], work)
        self._transactions.check(works, now)
        self._transactions.take(self, sum(work.size for work in works), now)
        self._work += works

    @staticmethod
    def _refuse(held: Sequence[Work], work: Work) -> None:
        if held and held[0].via.lower() != work.via.lower():
            raise NotAllowed(
                "Local transactions cannot span multiple entities or partitions: this one is on "
                f"'{held[0].via}', the operation on '{work.via}'."
            )
        if sum(each.messages for each in held) + work.messages > MAX_MESSAGES:
            raise QuotaExceeded(f"A transaction has at most {MAX_MESSAGES} messages.")
        if work.lock is not None and any(each.lock == work.lock for each in held):
            raise MessageLockLost(f"The message {work.lock} is already settled in this transaction")

    def spoil(self, why: str) -> None:
        """Let the discharge fail: work was refused and nobody could be told."""
        self._failure = self._failure or why

    def commit(self, now: int) -> None:
        """Do all of the work, or raise TransactionRolledBack and do none."""
        if self._failure is not None:
            raise TransactionRolledBack(f"The transaction was rolled back: {self._failure}")
        try:
            self._transactions.check(self._work, now)
        except BrokerError as cause:
            raise TransactionRolledBack(
                f"The transaction was rolled back: {cause.text} ({cause.condition})"
            ) from cause
        for work in self._work:
            work.apply(now)


class Transactions:
    """The open transactions of one connection, by id."""

    _numbers = count(1)

    def __init__(self, namespace: Namespace) -> None:
        self._namespace = namespace
        self._open: dict[bytes, Transaction] = {}
        self._held = 0

    def __len__(self) -> int:
        return len(self._open)

    @property
    def held_bytes(self) -> int:
        return self._held

    def declare(self) -> bytes:
        """Begin a transaction; return its id, which no other has, in any run. QuotaExceeded."""
        if len(self._open) >= MAX_OPEN:
            raise QuotaExceeded(f"A connection has at most {MAX_OPEN} transactions at a time.")
        txn_id = b"txn:%s:%d" % (os.urandom(8).hex().encode(), next(self._numbers))
        self._open[txn_id] = Transaction(self, txn_id)
        return txn_id

    def find(self, txn_id: bytes) -> Transaction:
        """Raises TransactionUnknown: never declared on this connection, discharged or timed out."""
        found = self._open.get(txn_id)
        if found is None:
            raise TransactionUnknown(
                "The transaction is not declared on this connection, is discharged already or has "
                "timed out."
            )
        return found

    def discharge(self, txn_id: bytes, now: int, *, fail: bool) -> list[Callable[[], None]]:
        """End the transaction: do its work, or drop it where `fail`; return what is to be called
        once that is durable. Raises TransactionUnknown, or TransactionRolledBack when the work
        cannot be done; then it is dropped too."""
        transaction = self.find(txn_id)
        self.drop(txn_id)
        if fail:
            return []
        transaction.commit(now)
        return transaction.done

    def drop(self, txn_id: bytes) -> None:
        """Roll back, if the transaction is still open."""
        gone = self._open.pop(txn_id, None)
        if gone is not None:
            self._held -= gone.size
            if gone.timer is not None:
                self._namespace.timers.cancel(gone.timer)

    # For the transactions

    def check(self, works: Sequence[Work], now: int) -> None:
        """Raise when the works cannot all be done now; messages count together where they enter
        the same entity, as they would fill it together."""
        entering: defaultdict[str, list[bytes]] = defaultdict(list)
        for work in works:
            work.check(now)
            if work.payloads:
                entering[work.address.lower()] += work.payloads
        for address, payloads in entering.items():
            self._namespace.check(address, payloads, now, via=works[0].via)

    def take(self, transaction: Transaction, size: int, now: int) -> None:
        if self._held + size > MAX_HELD_BYTES:
            raise QuotaExceeded(f"Transactions hold at most {MAX_HELD_BYTES} bytes of messages.")
        self._held += size
        transaction.size += size
        if transaction.timer is None:
            timers = self._namespace.timers
            transaction.timer = timers.at(now + TIMEOUT_MS, self._timed_out, transaction.id)

    def _timed_out(self, txn_id: bytes, _now: int) -> None:
        self.drop(txn_id)
