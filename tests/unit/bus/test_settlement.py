"""Both adapters: what they ask for, and that one lost lock spoils nothing for the others."""

import threading
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from shared.bus.message import Received
from shared.bus.settlement import (
    MAX_TEXT_CHARS,
    HostSettlement,
    ManagementSettlement,
    Rejection,
    settlement_kind,
)
from tests.unit.bus.samples import message, sale_event


class Actions:
    """`ServiceBusMessageActions` with the host's side cut off."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, ...]] = []
        self.threads: set[int] = set()
        self.lost: set[Any] = set()

    def _call(self, name: str, native: Any, *details: str) -> None:
        self.threads.add(threading.get_ident())
        if native in self.lost:
            raise RuntimeError("lock lost")
        self.calls.append((name, native, *details))

    def complete(self, native: Any) -> None:
        self._call("complete", native)

    def abandon(self, native: Any) -> None:
        self._call("abandon", native)

    def deadletter(
        self, native: Any, *, deadletter_reason: str, deadletter_error_description: str
    ) -> None:
        self._call("deadletter", native, deadletter_reason, deadletter_error_description)


class Receiver:
    """The private part of the SDK's receiver that `ManagementSettlement` uses."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, list[uuid.UUID], Mapping[str, str] | None]] = []
        self.lost: set[str] = set()

    async def _open_with_retry(self) -> None: ...

    async def _settle_message_via_mgmt_link(
        self, status: str, tokens: Sequence[uuid.UUID], details: Mapping[str, str] | None
    ) -> None:
        if self.lost & {str(token) for token in tokens}:
            raise RuntimeError("lock lost")
        self.requests.append((status, list(tokens), details))


def messages(count: int) -> list[Received]:
    return [replace(message(sale_event(n)), native=f"native {n}") for n in range(1, count + 1)]


async def test_completing_is_left_to_the_host() -> None:
    actions = Actions()

    assert await HostSettlement(actions).complete_many(messages(20)) == []

    assert actions.calls == []


async def test_many_are_abandoned_away_from_the_loop() -> None:
    actions = Actions()

    assert await HostSettlement(actions).abandon_many(messages(20)) == []

    assert sorted(actions.calls) == sorted(("abandon", f"native {n}") for n in range(1, 21))
    assert threading.get_ident() not in actions.threads


async def test_the_host_reports_only_the_messages_it_could_not_settle() -> None:
    actions = Actions()
    actions.lost = {"native 2"}
    all_three = messages(3)

    unsettled = await HostSettlement(actions).abandon_many(all_three)

    assert [each.message for each in unsettled] == [all_three[1]]
    assert len(actions.calls) == 2


async def test_the_host_dead_letters_with_texts_the_broker_takes() -> None:
    actions = Actions()
    (one,) = messages(1)

    await HostSettlement(actions).dead_letter_many([Rejection(one, "reason", "x" * 5000)])

    assert actions.calls == [("deadletter", "native 1", "reason", "x" * MAX_TEXT_CHARS)]


async def test_by_lock_token_many_are_completed_in_one_request() -> None:
    receiver = Receiver()
    all_three = messages(3)

    assert await ManagementSettlement(receiver).complete_many(all_three) == []  # type: ignore[arg-type]

    tokens = [uuid.UUID(each.lock_token) for each in all_three]
    assert receiver.requests == [("completed", tokens, None)]


async def test_by_lock_token_a_lost_lock_is_found_and_the_others_settled() -> None:
    receiver = Receiver()
    all_three = messages(3)
    receiver.lost = {all_three[1].lock_token}

    unsettled = await ManagementSettlement(receiver).abandon_many(all_three)  # type: ignore[arg-type]

    assert [each.message for each in unsettled] == [all_three[1]]
    settled = [token for _, tokens, _ in receiver.requests for token in tokens]
    assert settled == [uuid.UUID(all_three[0].lock_token), uuid.UUID(all_three[2].lock_token)]


async def test_by_lock_token_each_rejection_has_its_own_texts() -> None:
    receiver = Receiver()
    first, second = messages(2)
    rejections = [Rejection(first, "a", "first"), Rejection(second, "b", "y" * 5000)]

    assert await ManagementSettlement(receiver).dead_letter_many(rejections) == []  # type: ignore[arg-type]

    assert [details for _, _, details in receiver.requests] == [
        {"deadletter-reason": "a", "deadletter-description": "first"},
        {"deadletter-reason": "b", "deadletter-description": "y" * MAX_TEXT_CHARS},
    ]


async def test_settling_nothing_asks_for_nothing() -> None:
    receiver, actions = Receiver(), Actions()

    for settlement in (ManagementSettlement(receiver), HostSettlement(actions)):  # type: ignore[arg-type]
        assert await settlement.complete_many([]) == []
        assert await settlement.dead_letter_many([]) == []

    assert receiver.requests == []
    assert actions.threads == set()


@pytest.mark.parametrize(("setting", "kind"), [("host", "host"), (" Management ", "management")])
def test_the_setting_chooses_the_adapter(setting: str, kind: str) -> None:
    assert settlement_kind({"SETTLEMENT": setting}) == kind


def test_the_host_settles_by_default_where_its_extension_is_installed() -> None:
    pytest.importorskip("azurefunctions.extensions.bindings.servicebus")

    assert settlement_kind({}) == "host"


def test_an_unknown_adapter_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="'magic'"):
        settlement_kind({"SETTLEMENT": "magic"})
