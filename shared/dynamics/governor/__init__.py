"""One rate budget per environment, shared by all instances: who may call Dynamics when."""

from shared.dynamics.governor.governor import Book, Governor, Turn
from shared.dynamics.governor.lanes import Lane
from shared.dynamics.governor.pace import Pace

__all__ = ["Book", "Governor", "Lane", "Pace", "Turn"]
