"""What services need to know of a legal entity beyond the facts: the setting COMPANIES."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

TENDER_TYPES: Mapping[str, str] = {
    "cash": "1",
    "other": "2",
    "card": "3",
    "account": "4",
    "voucher": "7",
    "gift-card": "8",
}
"""Payment methods as Commerce's demo data numbers them; a company's own numbers override these."""

Ledger = Literal["finance-operations", "business-central", "commerce"]
CashBook = Literal["finance-operations", "business-central", "commerce", "none"]
Grain = Literal["ticket", "aggregate", "statement"]
StockBook = Literal["inventory-visibility", "finance-operations", "business-central", "none"]
CustomerBook = Literal["finance-operations", "business-central", "dataverse"]
OrderBook = Literal["finance-operations", "business-central"]
EntryBook = Literal["finance-operations", "dataverse"]


class Place(BaseModel):
    """Where a store's goods are, as Dynamics names it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    site: str = Field("", description="site; empty where the product has none")
    warehouse: str = Field("", description="warehouse or location; empty = the store's number")


class Company(BaseModel):
    """One company as named in the facts; every field but the currencies has a usable default."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    legal_entity: str = Field("", description="company in Dynamics; empty = the company's name")
    country: str = Field("", description="ISO 3166-1 code whose tax law its stores obey")
    currencies: tuple[str, ...] = Field(
        min_length=1, description="currencies its stores sell in; the first is the accounting one"
    )
    time_zone: str = Field("UTC", description="IANA zone of transaction date and time")
    warehouse: str | None = Field(
        None, description="for all stores; without it Dynamics takes each store's own"
    )
    stores: dict[str, Place] = Field(
        default_factory=dict, description="store -> site and warehouse, where they differ"
    )
    site: str = Field("", description="site of the stores not named in `stores`")

    ledger: Ledger = Field("finance-operations", description="who keeps the books of its sales")
    grain: Grain = Field(
        "ticket", description="one document per ticket, per day, store and tender, or per day"
    )
    tender_types: dict[str, str] = Field(
        default_factory=dict, description="tender type of the till -> payment method of the store"
    )
    tax_codes: dict[str, str] = Field(
        default_factory=dict, description="tax code of the till -> sales tax code; others stay"
    )
    walk_in_customer: str = Field(
        "", description="customer of sales without one, where a document needs one"
    )
    accounts: dict[str, str] = Field(
        default_factory=dict,
        description="main account by purpose: revenue, tax, rounding, and tender types",
    )
    journal: str = Field("", description="journal name of statements and of the drawers' money")
    store_dimension: str = Field(
        "", description="dimension that journals name the store in; empty = none"
    )
    cash: CashBook | None = Field(
        None, description="who keeps the money movements of its drawers; without it its ledger"
    )
    live_since: date | None = Field(
        None,
        description="first business day whose sales come through Tillbus; returns of earlier ones "
        "wait for no sale",
    )
    return_patience: timedelta = Field(
        timedelta(days=1), description="how long a return waits for a sale that is not booked"
    )

    stock: StockBook = Field("inventory-visibility", description="who keeps its stock")
    sales_move_stock: bool | None = Field(
        None,
        description="whether its sales' documents move that book themselves; without it they do "
        "where ledger and stock are one product and the documents have items",
    )
    unstocked_items: frozenset[str] = Field(
        frozenset(), description="items that have no stock: services, fees, deposits"
    )
    customers: tuple[CustomerBook, ...] = Field(
        ("finance-operations", "dataverse"), description="who keeps its customers"
    )
    loyalty: EntryBook = Field("dataverse", description="who keeps points")
    points_per_unit: Decimal = Field(
        Decimal(0),
        ge=0,
        description="points a sale with a loyalty card earns per unit of its currency; "
        "0: the tills say what was earned",
    )
    points_reward: str = Field("POINTS", description="which kind of points sales earn")
    gift_cards: EntryBook = Field("finance-operations", description="who keeps gift cards")
    payment_methods: dict[str, str] = Field(
        default_factory=dict,
        description="tender type -> method of payment of customers' payments; others have none",
    )
    orders: OrderBook = Field("finance-operations", description="who keeps its web orders")

    @field_validator("time_zone")
    @classmethod
    def _exists(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(f"{name!r} is not a time zone of the IANA database") from error
        return name

    def entity(self, company: str) -> str:
        """Return what Dynamics calls the company that facts call `company`."""
        return self.legal_entity or company

    def tender_type(self, type_: str) -> str:
        return self.tender_types.get(type_) or TENDER_TYPES[type_]

    def tax_code(self, code: str) -> str:
        return self.tax_codes.get(code, code)

    def place(self, store: str) -> Place:
        """Return site and warehouse of a store, neither of them guessed but from its number."""
        place = self.stores.get(store, Place())
        return Place(
            site=place.site or self.site,
            warehouse=place.warehouse or self.warehouse or store,
        )


class CompaniesSettings(BaseSettings):
    """The setting itself, for services that book for companies; they add their own to it."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True)

    companies: dict[str, Company] = Field(min_length=1, description="JSON object")
