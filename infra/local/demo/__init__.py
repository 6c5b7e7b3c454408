"""A compressed trading day with all that goes wrong on one, and the proof that it balances."""

from infra.local.demo.day import DemoDay, Poison, plan_day
from infra.local.demo.story import Ending, Story

__all__ = ["DemoDay", "Ending", "Poison", "Story", "plan_day"]
