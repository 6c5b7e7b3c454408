from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import postgresql, sqlite

from shared.store.types import Money, UtcTime

SQLITE = sqlite.dialect()
POSTGRESQL = postgresql.dialect()  # type: ignore[no-untyped-call]


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_any_finite_amount_survives_as_text_in_plain_notation(amount: Decimal) -> None:
    stored = Money().process_bind_param(amount, SQLITE)

    assert isinstance(stored, str)
    assert "E" not in stored
    assert Money().process_result_value(stored, SQLITE) == amount
    assert Money().process_bind_param(amount, POSTGRESQL) is amount


@pytest.mark.parametrize("amount", [0.1, 1, "1.00", Decimal("NaN"), Decimal("Infinity")])
def test_money_is_a_finite_decimal_and_nothing_else(amount: object) -> None:
    for dialect in (SQLITE, POSTGRESQL):
        with pytest.raises(ValueError, match="finite Decimal"):
            Money().process_bind_param(amount, dialect)  # type: ignore[arg-type]


@given(st.datetimes(timezones=st.just(timezone(timedelta(hours=5, minutes=30)))))
def test_a_moment_comes_back_as_the_same_moment_in_utc(moment: datetime) -> None:
    for dialect in (SQLITE, POSTGRESQL):
        stored = UtcTime().process_bind_param(moment, dialect)
        back = UtcTime().process_result_value(stored, dialect)
        assert back == moment
        assert back.tzinfo is UTC


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="aware times only"):
        UtcTime().process_bind_param(datetime(2026, 3, 1), SQLITE)  # noqa: DTZ001
