"""What a scenario is: one sentence about Service Bus that holds for any client on any broker."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module

import pytest

from tests.contract.servicebus.broker import Broker
from tests.contract.servicebus.client import Client
from tests.contract.servicebus.process import Refused

_LEARN = "https://learn.microsoft.com/azure/service-bus-messaging/"

Run = Callable[[Client, Broker], Awaitable[None]]


@dataclass(frozen=True)
class Topic:
    """A part of the fidelity matrix; `page` is where Microsoft describes the behaviour."""

    title: str
    page: str

    @property
    def source(self) -> str:
        return _LEARN + self.page


@dataclass(frozen=True)
class Scenario:
    """`needs`: what a client or a broker may lack, from needs.py."""

    name: str
    topic: Topic
    sentence: str
    needs: frozenset[str]
    run: Run


SCENARIOS: dict[str, Scenario] = {}
"""By name, in the order of the matrix; filled by importing `scenarios`, see all_scenarios."""


def scenario(topic: Topic, *needs: str) -> Callable[[Run], Run]:
    """Register an async function `(client, broker)`; its docstring is the matrix's sentence."""

    def register(run: Run) -> Run:
        name: str = run.__name__
        sentence = " ".join((run.__doc__ or "").split())
        assert sentence.endswith("."), f"{name} needs a sentence"
        assert name not in SCENARIOS, f"two scenarios are called {name}"
        SCENARIOS[name] = Scenario(name, topic, sentence, frozenset(needs), run)
        return run

    return register


def all_scenarios() -> dict[str, Scenario]:
    import_module("tests.contract.servicebus.scenarios")
    return SCENARIOS


@contextmanager
def refused(*codes: str) -> Iterator[None]:
    """What is inside is refused with one of these conditions' short names."""
    with pytest.raises(Refused) as caught:
        yield
    assert caught.value.code in codes, caught.value
