"""The tables we write and read, with the column of each port field.

What an administrator adds to an environment, P being the publisher prefix (`DATAVERSE_PREFIX`):

* on account and contact: text columns P_key (36, with an alternate key of its own, which must be
  Active), P_company (10), P_number (40), P_group (40), P_language (10); change tracking on
* table P_pointsentry: text P_name (100, primary name), P_key (200), P_company (10), P_card (100),
  P_kind (30), P_reward (60), P_text (500), decimal P_points, date and time P_at; change tracking on
* table P_giftcardentry: text P_name (100, primary name), P_key (200), P_company (10), P_card (100),
  P_movement (30), P_currency (3), decimal P_amount, date and time P_at; change tracking on

P_key of a customer is uuid5 of company and number: an alternate key with `/` or `&` in it could be
written but never read (Microsoft, "Use an alternate key to reference a record"). The rows of the
two entry tables need no alternate key: their primary key is uuid5 of the entry's own.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from shared.dynamics.fields import EntityFields

_SPACE = uuid.UUID("7f0c1c0e-4f0a-5b0f-9a58-0d6f1b0f2a11")

_ADDRESS = {
    "email": "emailaddress1",
    "street": "address1_line1",
    "city": "address1_city",
    "postal_code": "address1_postalcode",
    "country": "address1_country",
}
_CREDIT = ("creditlimit", "creditonhold")
_STANDARD_LENGTHS = {
    "name": 160, "accountnumber": 20, "firstname": 50, "lastname": 50,
    "emailaddress1": 100, "telephone1": 50, "mobilephone": 50,
}  # fmt: skip


def row_id(*names: str) -> str:
    """Return the GUID these names have for ever; parts are kept apart whatever they hold."""
    return str(uuid.uuid5(_SPACE, "\x1f".join(names)))


@dataclass(frozen=True)
class Table:
    logical: str
    entity_set: str
    columns: Mapping[str, str]
    """Port field -> column."""
    binds: tuple[str, ...] = ()
    """Navigation properties written by `@odata.bind` or expanded."""
    read: tuple[str, ...] = ()
    """Columns only read."""
    written: tuple[str, ...] = ()
    """Columns without a port field."""
    actions: tuple[str, ...] = ()
    used_by: tuple[str, ...] = ()
    lengths: Mapping[str, int] = field(default_factory=dict)

    @property
    def primary(self) -> str:
        return f"{self.logical}id"

    @property
    def type_name(self) -> str:
        return f"Microsoft.Dynamics.CRM.{self.logical}"

    @property
    def fields(self) -> EntityFields:
        columns = tuple(dict.fromkeys((*self.columns.values(), *self.written)))
        return EntityFields(
            self.entity_set,
            (self.primary,),
            written=columns,
            read=(*columns, *self.read),
            follows=self.binds,
            actions=self.actions,
            lengths=self.lengths,
            used_by=self.used_by,
        )


@dataclass(frozen=True)
class Tables:
    prefix: str = "tillbus"

    def own(self, name: str) -> str:
        """Return the name of a custom column or table of ours."""
        return f"{self.prefix}_{name}"

    @property
    def key(self) -> str:
        """The alternate key of customers."""
        return self.own("key")

    @cached_property
    def account(self) -> Table:
        named = {"name": "name", "account_number": "accountnumber", "phone": "telephone1"}
        return self._customer("account", "accounts", named)

    @cached_property
    def contact(self) -> Table:
        named = {"first_name": "firstname", "last_name": "lastname", "phone": "mobilephone"}
        return self._customer("contact", "contacts", named)

    def _customer(self, logical: str, entity_set: str, named: Mapping[str, str]) -> Table:
        own = {name: self.own(name) for name in ("company", "number", "group", "language")}
        columns = {**named, **_ADDRESS, **own}
        return Table(
            logical,
            entity_set,
            columns,
            binds=("transactioncurrencyid",),
            read=_CREDIT,
            written=(self.key,),
            actions=("UpsertMultiple",),
            used_by=("Customers.save", "Customers.find", "Customers.credit", "Changes.since"),
            lengths={name: n for name, n in _STANDARD_LENGTHS.items() if name in columns.values()},
        )

    @cached_property
    def points(self) -> Table:
        named = ("company", "key", "card", "kind", "points", "reward", "at", "text")
        return self._entries("pointsentry", "pointsentries", named, "Loyalty")

    @cached_property
    def gift_cards(self) -> Table:
        named = ("company", "key", "card", "movement", "amount", "currency", "at")
        return self._entries("giftcardentry", "giftcardentries", named, "GiftCards")

    def _entries(self, logical: str, entity_set: str, named: tuple[str, ...], port: str) -> Table:
        return Table(
            self.own(logical),
            self.own(entity_set),
            {name: self.own(name) for name in named},
            written=(self.own("name"),),
            actions=("CreateMultiple",),
            used_by=(f"{port}.record", f"{port}.balance", "Changes.since"),
        )

    @property
    def fields(self) -> tuple[EntityFields, ...]:
        """Every entity set with every column our adapters write and read."""
        mapped = (self.account, self.contact, self.points, self.gift_cards, ANNOTATION)
        return (*(table.fields for table in mapped), CURRENCY, *REGISTRATION)


ANNOTATION = Table(
    "annotation",
    "annotations",
    {"subject": "subject", "text": "notetext"},
    binds=("objectid_account", "objectid_contact"),
    used_by=("Notes.add",),
    lengths={"subject": 500, "notetext": 100_000},
)
CURRENCY = EntityFields(
    "transactioncurrencies",
    ("transactioncurrencyid",),
    read=("isocurrencycode",),
    used_by=("Customers.save", "Customers.find", "Customers.credit"),
)
_REGISTER = ("Endpoints.register",)
REGISTRATION = (
    EntityFields(
        "serviceendpoints",
        ("serviceendpointid",),
        written=(
            "name", "contract", "url", "authtype", "authvalue", "messageformat", "userclaim",
            "namespaceaddress", "namespaceformat", "path", "saskeyname", "saskey", "connectionmode",
        ),
        read=("name",),
        used_by=_REGISTER,
    ),
    EntityFields(
        "sdkmessagefilters",
        ("sdkmessagefilterid",),
        read=("primaryobjecttypecode", "_sdkmessageid_value"),
        follows=("sdkmessageid",),
        used_by=_REGISTER,
    ),
    EntityFields("sdkmessages", ("sdkmessageid",), read=("name",), used_by=_REGISTER),
    EntityFields(
        "sdkmessageprocessingsteps",
        ("sdkmessageprocessingstepid",),
        written=(
            "name", "mode", "stage", "rank", "supporteddeployment", "asyncautodelete",
            "filteringattributes",
        ),
        read=(
            "name", "mode", "stage", "rank", "supporteddeployment", "asyncautodelete",
            "filteringattributes", "_sdkmessageid_value", "_eventhandler_value",
            "_sdkmessagefilterid_value",
        ),
        follows=("sdkmessageid", "sdkmessagefilterid", "eventhandler_serviceendpoint"),
        used_by=_REGISTER,
    ),
    EntityFields(
        "sdkmessageprocessingstepimages",
        ("sdkmessageprocessingstepimageid",),
        written=("name", "entityalias", "imagetype", "messagepropertyname", "attributes"),
        read=(
            "name", "entityalias", "imagetype", "messagepropertyname", "attributes",
            "_sdkmessageprocessingstepid_value",
        ),
        follows=("sdkmessageprocessingstepid",),
        used_by=_REGISTER,
    ),
)  # fmt: skip

FIELDS = Tables().fields
"""With the prefix as it comes; `Tables(prefix).fields` for another."""
