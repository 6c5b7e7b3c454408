"""Rates are those of the day, and what is configured takes the place of what is shipped."""

from __future__ import annotations

import json
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from shared.tax import InvalidTaxRates, TaxRates

EU = [
    *(
        "AT",
        "BE",
        "BG",
        "CY",
        "CZ",
        "DE",
        "DK",
        "EE",
        "ES",
        "FI",
        "FR",
        "GR",
        "HR",
        "HU",
        "IE",
        "IT",
    ),
    *("LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK"),
]


@pytest.mark.parametrize(
    ("country", "day", "percents"),
    [
        ("AE", "2017-12-31", "0"),
        ("AE", "2018-01-01", "0 5"),
        ("SA", "2020-06-30", "0 5"),
        ("SA", "2020-07-01", "0 15"),
        ("BH", "2018-12-31", "0"),
        ("BH", "2021-12-31", "0 5"),
        ("BH", "2022-01-01", "0 10"),
        ("OM", "2021-04-15", "0"),
        ("OM", "2021-04-16", "0 5"),
        ("KW", "2026-03-02", "0"),
        ("QA", "2026-03-02", "0"),
        ("GB", "2009-12-31", "0 5 15"),
        ("GB", "2010-12-31", "0 5 17.5"),
        ("GB", "2011-01-04", "0 5 20"),
        ("GB", "2022-03-31", "0 5 12.5 20"),
        ("GB", "2022-04-01", "0 5 20"),
        ("DE", "2020-06-30", "0 7 19"),
        ("DE", "2020-07-01", "0 5 16"),
        ("DE", "2020-12-31", "0 5 16"),
        ("DE", "2021-01-01", "0 7 19"),
        ("NL", "2018-12-31", "0 6 21"),
        ("NL", "2019-01-01", "0 9 21"),
        ("CZ", "2023-12-31", "0 10 15 21"),
        ("CZ", "2024-01-01", "0 12 21"),
        ("EE", "2025-07-01", "0 9 24"),
        ("RO", "2025-08-01", "0 11 21"),
        ("SK", "2025-01-01", "0 5 19 23"),
        ("FI", "2024-09-01", "0 10 14 25.5"),
        ("LU", "2023-06-01", "0 3 7 13 16"),
        ("IE", "2020-12-24", "0 4.8 9 13.5 21"),
        ("JP", "2019-09-30", "0 8"),
        ("JP", "2019-10-01", "0 8 10"),
    ],
)
def test_rates_in_force_are_those_of_the_day(country: str, day: str, percents: str) -> None:
    found = TaxRates.packaged().percents(country, date.fromisoformat(day))

    assert found == {Decimal(percent) for percent in percents.split()}


def test_every_country_of_the_union_and_of_the_gulf_is_shipped() -> None:
    shipped = TaxRates.packaged().countries

    assert {*EU, "AE", "SA", "BH", "OM", "KW", "QA", "GB"} <= set(shipped)
    for code in EU:
        assert shipped[code].rate("standard", date(2026, 3, 2)) is not None
    assert TaxRates.packaged().country("US") is None


def test_shipped_rates_name_their_source_and_follow_each_other() -> None:
    for code, country in TaxRates.packaged().countries.items():
        assert country.source, code
        for kind in {rate.kind for rate in country.rates}:
            steps = [rate for rate in country.rates if rate.kind == kind]
            for earlier, later in pairwise(steps):
                assert earlier.valid_from < later.valid_from, (code, kind)
                assert earlier.percent != later.percent, (code, kind)
            assert all(rate.valid_until is None for rate in steps[:-1]), (code, kind)


def test_what_is_unsure_is_never_the_ground_of_a_refusal() -> None:
    for code, country in TaxRates.packaged().countries.items():
        if any(rate.unsure for rate in country.rates):
            assert not country.complete, code


def test_a_rate_ends_on_its_last_day() -> None:
    britain = TaxRates.packaged().country("GB")
    assert britain is not None
    last = date(2022, 3, 31)

    inside, after = (britain.rate("hospitality", day) for day in (last, last + timedelta(days=1)))

    assert inside is not None
    assert after is None
    assert britain.rate("unheard-of", last) is None


OVERRIDE = {
    "KW": {
        "name": "Kuwait",
        "rates": [{"kind": "standard", "percent": "5", "from": "2027-01-01", "unsure": True}],
    }
}


def test_configured_country_takes_the_place_of_the_shipped_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "rates.json"
    file.write_text(json.dumps(OVERRIDE), encoding="utf-8")

    for setting in (json.dumps(OVERRIDE), str(file)):
        rates = TaxRates.configured(setting)
        assert rates.percents("KW", date(2027, 1, 1)) == {Decimal(0), Decimal(5)}
        assert rates.percents("AE", date(2027, 1, 1)) == {Decimal(0), Decimal(5)}
    assert TaxRates.packaged().percents("KW", date(2027, 1, 1)) == {Decimal(0)}

    monkeypatch.setenv("TAX_RATES", str(file))
    assert TaxRates.configured().percents("KW", date(2027, 1, 1)) == {Decimal(0), Decimal(5)}
    monkeypatch.setenv("TAX_RATES", "")
    assert TaxRates.configured().countries == TaxRates.packaged().countries


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("{", "TAX_RATES: "),
        ('{"KW": {}}', "KW.name: Field required"),
        ('{"KW": {"name": "Kuwait", "taxes": []}}', "KW.taxes: Extra inputs"),
        ("/no/such/file.json", "/no/such/file.json"),
    ],
)
def test_unreadable_configuration_is_refused_saying_where(setting: str, said: str) -> None:
    with pytest.raises(InvalidTaxRates) as refused:
        TaxRates.configured(setting)

    assert said in str(refused.value)
