"""Chains of every kind, for properties that must hold of all of them."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import strategies as st

from infra.local.till.chain import TROUBLES, Options, Troubles

SATURDAY = date(2026, 3, 7)

STORMS = Troubles(
    tills_cut_off=80,
    stores_cut_off=50,
    power_cuts=150,
    reinstalled=140,
    clocks_off_by=timedelta(minutes=10),
)
"""Hardly a till is left alone."""


@st.composite
def options(draw: st.DrawFn) -> Options:
    return Options(
        stores=draw(st.integers(1, 8)),
        tills=draw(st.integers(1, 3)),
        days=draw(st.integers(1, 3)),
        seed=draw(st.integers(0, 10_000)),
        first_day=SATURDAY - timedelta(days=draw(st.integers(0, 6))),
        customers=draw(st.integers(0, 15)),
        troubles=draw(st.sampled_from([*TROUBLES.values(), STORMS])),
    )
