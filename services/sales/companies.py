"""What a legal entity needs to know beyond the sale itself: the setting COMPANIES."""

from __future__ import annotations

from collections.abc import Mapping
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator

TENDER_TYPES: Mapping[str, str] = {
    "cash": "1",
    "other": "2",
    "card": "3",
    "account": "4",
    "voucher": "7",
    "gift-card": "8",
}
"""Payment methods as Commerce's demo data numbers them; a company's own numbers override these."""


class CompanySettings(BaseModel):
    """One company as named in the facts; every field but the currencies has a usable default."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    legal_entity: str = Field("", description="dataAreaId in Dynamics; empty = the company's name")
    currencies: tuple[str, ...] = Field(
        min_length=1, description="currencies its stores sell in; the first is the accounting one"
    )
    tender_types: dict[str, str] = Field(
        default_factory=dict, description="tender type of the till -> payment method of the store"
    )
    tax_codes: dict[str, str] = Field(
        default_factory=dict, description="tax code of the till -> sales tax code; others stay"
    )
    warehouse: str | None = Field(
        None, description="for all stores; without it Dynamics takes each store's own"
    )
    time_zone: str = Field("UTC", description="IANA zone of transaction date and time")

    @field_validator("time_zone")
    @classmethod
    def _exists(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(f"{name!r} is not a time zone of the IANA database") from error
        return name

    def tender_type(self, type_: str) -> str:
        return self.tender_types.get(type_) or TENDER_TYPES[type_]

    def tax_code(self, code: str) -> str:
        return self.tax_codes.get(code, code)
