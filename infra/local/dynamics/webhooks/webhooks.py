"""Subscriptions are made here, changes published, notifications delivered."""

from __future__ import annotations

import asyncio
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from urllib.parse import urlencode, urlsplit

from infra.local.dynamics.clock import Clock, within
from infra.local.dynamics.counts import Counts

from .outbox import Change, Notification, Outbox, Subscription
from .policies import NO_ANSWER, POLICIES, Policy, later_kind
from .senders import Sender

_JSON = {"Content-Type": "application/json"}
_PATIENCE = 5.0
"""Seconds for an answer under a manual clock: whoever advances it waits for the deliveries."""


class HandshakeFailed(Exception):
    """The receiver did not prove itself; the text says what it did."""


class Webhooks:
    def __init__(
        self, outbox: Outbox, clock: Clock, senders: Mapping[str, Sender], counts: Counts
    ) -> None:
        """`senders` by URL scheme."""
        self._outbox = outbox
        self._clock = clock
        self._senders = senders
        self._counts = counts
        self._news = asyncio.Event()
        self._delivering = asyncio.Lock()

    # Subscriptions

    async def shake_hands(self, subscription: Subscription, test: object = None) -> None:
        """Do what the policy asks before a subscription is made or renewed.

        `test` is the body of a test event. Raises HandshakeFailed.
        """
        policy = POLICIES[subscription.policy]
        if not policy.handshake:
            return
        url, expected = subscription.url, None
        if policy.handshake == "validation-token":
            expected = str(uuid.uuid4())
            separator = "&" if urlsplit(url).query else "?"
            url = f"{url}{separator}{urlencode({'validationToken': expected})}"
        event = Change("", "test", self._now(), test)
        body = b"" if test is None else policy.compose([(subscription, event)])
        status, text = await self._send(replace(subscription, url=url), policy, {}, body)
        if not 200 <= status < 300:
            raise HandshakeFailed(text if status == NO_ANSWER else f"The answer was {status}.")
        if expected is not None and (status != 200 or text.strip() != expected):
            raise HandshakeFailed("The answer did not repeat the validation token.")

    def subscribe(self, subscription: Subscription) -> Subscription:
        """Add or renew it, with its policy's lifetime from now on; return it as it is kept."""
        lifetime = POLICIES[subscription.policy].lifetime
        if lifetime is not None:
            subscription = replace(subscription, expires_at=self._now() + lifetime)
        self._outbox.put(subscription)
        return subscription

    def get(self, product: str, identifier: str) -> Subscription | None:
        self._expire()
        return self._outbox.get(product, identifier)

    def subscriptions(self, product: str | None = None) -> list[Subscription]:
        self._expire()
        return self._outbox.subscriptions(product)

    def unsubscribe(self, product: str, identifier: str) -> bool:
        """Return whether there was one; what it has not been told is dropped."""
        return self._outbox.remove(product, identifier)

    # Changes

    def publish(
        self,
        product: str,
        topic: str,
        resource: str,
        kind: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Tell whoever listens to this topic. To be called after the change is stored."""
        now = self._now()
        change = Change(resource, kind, now, body, headers or {})
        for subscription in self.subscriptions(product):
            if subscription.topic == topic:
                self._add(subscription, change, now)

    def _add(self, subscription: Subscription, change: Change, now: float) -> None:
        policy = POLICIES[subscription.policy]
        if policy.coalesces:
            untold = self._outbox.untried(subscription, change.resource)
            if untold is not None:
                self._outbox.merge(subscription, change, later_kind(untold, change.kind))
                return
        self._outbox.add(subscription, change, now + policy.delay)
        self._news.set()

    def resend(self, identifier: int) -> bool:
        """Try what was given up once more; return whether there is such a notification."""
        found = self._outbox.again(identifier, self._now())
        self._news.set()
        return found

    def listing(self) -> list[dict[str, object]]:
        return self._outbox.listing()

    def clear(self) -> None:
        self._outbox.clear()

    # Delivery

    async def run(self) -> None:
        """Deliver whatever becomes due, until cancelled."""
        while True:
            self._news.clear()
            await self.settle()
            due = self._outbox.next_due()
            if due is None:
                await self._news.wait()
            else:
                news = asyncio.ensure_future(self._news.wait())
                await within(self._clock, due - self._now(), news)

    async def settle(self) -> None:
        """Deliver what is due at this moment; return when nothing is."""
        async with self._delivering:
            self._expire()
            while due := self._outbox.due(self._now()):
                by_url: dict[str, list[Notification]] = defaultdict(list)
                for notification in due:
                    by_url[notification.subscription.url].append(notification)
                await asyncio.gather(*map(self._deliver_to_one, by_url.values()))

    async def _deliver_to_one(self, notifications: Sequence[Notification]) -> None:
        for name, group in groupby(notifications, key=lambda each: each.subscription.policy):
            policy = POLICIES[name]
            together = list(group)
            for each in [together] if policy.coalesces else ([one] for one in together):
                await self._deliver(policy, each)

    async def _deliver(self, policy: Policy, notifications: Sequence[Notification]) -> None:
        """One delivery, and what follows from its answer."""
        first = notifications[0]
        ids = [each.id for each in notifications]
        if self._outbox.get(first.subscription.product, first.subscription.id) is None:
            return
        body = policy.compose([(each.subscription, each.change) for each in notifications])
        status, text = await self._send(first.subscription, policy, first.change.headers, body)
        if 200 <= status < 300:
            self._counts.add("notifications", len(ids))
            self._outbox.delivered(ids)
            return
        failure = text if status == NO_ANSWER else f"answered {status}"
        if policy.retried(status) and first.tries < len(policy.spacing):
            self._outbox.failed(ids, self._now() + policy.spacing[first.tries])
        else:
            self._outbox.given_up(ids, failure)
            if policy.refusal_deletes and not policy.retried(status):
                self._drop(each.subscription for each in notifications)

    def _drop(self, subscriptions: Iterable[Subscription]) -> None:
        for each in subscriptions:
            self._outbox.remove(each.product, each.id)

    async def _send(
        self,
        subscription: Subscription,
        policy: Policy,
        headers: Mapping[str, str],
        body: bytes,
    ) -> tuple[int, str]:
        """Status and text of the answer; NO_ANSWER and why."""
        sender = self._senders.get(urlsplit(subscription.url).scheme)
        if sender is None:
            return NO_ANSWER, f"nobody here sends to {subscription.url}"
        timeout = min(policy.timeout, _PATIENCE) if self._clock.manual else policy.timeout
        every = {**_JSON, **subscription.headers, **headers}
        try:
            async with asyncio.timeout(timeout):
                return await sender(subscription.url, every, body)
        except (OSError, TimeoutError) as error:
            return NO_ANSWER, str(error) or "no answer in time"

    def _expire(self) -> None:
        now = self._now()
        self._drop(
            [
                each
                for each in self._outbox.subscriptions()
                if each.expires_at is not None and each.expires_at <= now
            ]
        )

    def _now(self) -> float:
        return self._clock().timestamp()
