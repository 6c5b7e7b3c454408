"""What holds for every test."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# How long an example takes says how busy the machine is, not whether the code is right. What runs
# away is ended by pytest's timeout; speed is measured by the benchmarks.
settings.register_profile("tillbus", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tillbus")
