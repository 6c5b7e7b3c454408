"""A chain of stores made up from a seed: planned without any I/O, then played onto a bus.

plan = Plan(Options(stores=20, tills=3, seed=7, troubles=TROUBLES["many"]))
await play(plan, publisher, folder, timeline(plan.begins, speed=600))
"""

from __future__ import annotations

from infra.local.till.chain.line import BusAway
from infra.local.till.chain.options import TROUBLES, Options, Troubles
from infra.local.till.chain.plan import Plan
from infra.local.till.chain.player import Scene, play
from infra.local.till.chain.steps import Doing, Step
from infra.local.till.chain.tally import Tally
from infra.local.till.chain.timeline import timeline

__all__ = [
    "TROUBLES",
    "BusAway",
    "Doing",
    "Options",
    "Plan",
    "Scene",
    "Step",
    "Tally",
    "Troubles",
    "play",
    "timeline",
]
