"""The countries' tax rates: those in `rates.json` beside this module, and the setting TAX_RATES."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import cache
from importlib import resources
from pathlib import Path

from pydantic import TypeAdapter, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from .country import CountryTax

_COUNTRIES: TypeAdapter[dict[str, CountryTax]] = TypeAdapter(dict[str, CountryTax])


class InvalidTaxRates(ValueError):
    """TAX_RATES cannot be read; the text says where it is wrong."""


class TaxSettings(BaseSettings):
    """The setting a service reads."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True)

    tax_rates: str = ""
    """Path of a JSON file, or its content: ISO 3166-1 code -> country, as in rates.json. A country
    named there is taken from there as a whole; the others stay."""


class TaxRates:
    """Tax law by country; looking up the rates of a day costs once."""

    def __init__(self, countries: Mapping[str, CountryTax]) -> None:
        self._countries = dict(countries)
        self._in_force: dict[tuple[str, date], frozenset[Decimal]] = {}

    @classmethod
    def packaged(cls) -> TaxRates:
        """Return what is shipped."""
        return cls(_packaged())

    @classmethod
    def configured(cls, setting: str | None = None) -> TaxRates:
        """Return what is shipped with what TAX_RATES says instead, read from the environment if no
        text is given.

        Raises InvalidTaxRates.
        """
        text = TaxSettings().tax_rates if setting is None else setting
        return cls({**_packaged(), **_read(text)}) if text.strip() else cls.packaged()

    def country(self, code: str) -> CountryTax | None:
        """Return a country's law by its ISO 3166-1 alpha-2 code; None where none is configured."""
        return self._countries.get(code)

    def percents(self, country: str, day: date) -> frozenset[Decimal]:
        """Return the rates in force in a country that is configured, 0 included."""
        found = self._in_force.get((country, day))
        if found is None:
            found = self._in_force[country, day] = self._countries[country].percents(day)
        return found

    @property
    def countries(self) -> Mapping[str, CountryTax]:
        """Return everything configured, by country."""
        return dict(self._countries)


@cache
def _packaged() -> dict[str, CountryTax]:
    text = resources.files(__package__).joinpath("rates.json").read_text(encoding="utf-8")
    return _COUNTRIES.validate_json(text)


def _read(setting: str) -> dict[str, CountryTax]:
    text, where = setting, "TAX_RATES"
    if not setting.lstrip().startswith("{"):
        where = f"TAX_RATES, {setting}"
        try:
            text = Path(setting).read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise InvalidTaxRates(f"{where}: {error}") from error
    try:
        return _COUNTRIES.validate_json(text)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in problem["loc"])
        raise InvalidTaxRates(f"{where}: {place}: {problem['msg']}") from error
