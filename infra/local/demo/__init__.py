"""A compressed trading day with all that goes wrong on one, and the proof that it balances."""

from infra.local.demo.day import DemoDay, plan_day
from infra.local.demo.poison import Poison
from infra.local.demo.stage import Stage
from infra.local.demo.story import Ending, play

__all__ = ["DemoDay", "Ending", "Poison", "Stage", "plan_day", "play"]
