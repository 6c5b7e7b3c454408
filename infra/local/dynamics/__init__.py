"""A stand-in for Dynamics 365 on one machine: OAuth tokens, Finance & Operations, faults on demand.

Imports nothing of Tillbus: a stand-in that shared its code would share its mistakes.
"""

from .clock import Clock, ManualClock
from .faults import Fault, FaultKind, FaultPlan, Target
from .identity.registration import Registration
from .limits import Limits
from .simulator import DynamicsSimulator

__all__ = [
    "Clock",
    "DynamicsSimulator",
    "Fault",
    "FaultKind",
    "FaultPlan",
    "Limits",
    "ManualClock",
    "Registration",
    "Target",
]
