"""What the settings of the customers' service allow."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from services.customers.wiring import CustomersSettings
from tests.unit.customers.customers import COMPANY


def settings(monkeypatch: pytest.MonkeyPatch, **values: Any) -> CustomersSettings:
    companies = {COMPANY: {"currencies": ["GBP"], **values.pop("company", {})}}
    for name, value in {"companies": companies, **values}.items():
        monkeypatch.setenv(name.upper(), json.dumps(value))
    return CustomersSettings()


def test_authority_is_read_from_its_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    read = settings(monkeypatch, authority={COMPANY: {"name": ["dynamics"], "*": "manual"}})
    assert read.authority[COMPANY]["name"].sources == ("dynamics",)
    assert read.authority[COMPANY]["*"].strategy == "manual"


def test_a_wrong_rule_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValidationError, match=r"authority\.gbrt[\s\S]*is no field"):
        settings(monkeypatch, authority={COMPANY: {"shoe": "manual"}})


def test_customers_in_two_erps_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    both = ["finance-operations", "business-central"]
    with pytest.raises(ValidationError, match="company gbrt keeps customers in two ERPs"):
        settings(monkeypatch, company={"customers": both})
