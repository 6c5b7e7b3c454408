"""The tables there are. Names, types and lengths of account, contact and transactioncurrency:
microsoft/CDM; of the registration tables: Microsoft's table reference; `tillbus_*` are the custom
tables and columns of this project, as an administrator would have made them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from .columns import (
    BIG_INTEGER,
    BOOLEAN,
    DECIMAL,
    GUID,
    INTEGER,
    MOMENT,
    MONEY,
    Column,
    text,
)

PREFIX = "tillbus"


@dataclass(frozen=True)
class Navigation:
    """A single-valued navigation property: what `<name>@odata.bind` and `$expand` take."""

    column: str
    """The lookup column; its value is answered as `_<column>_value`."""
    target: str
    """Logical name of the table it leads to."""

    @property
    def value(self) -> str:
        return f"_{self.column}_value"


@dataclass(frozen=True, eq=False)
class Table:
    logical: str
    """Such as `contact`."""
    entity_set: str
    """Such as `contacts`."""
    name: str
    """The primary name column."""
    own: Mapping[str, Column]
    lookups: Mapping[str, Navigation] = field(default_factory=dict)
    """Navigation property -> where it leads."""
    keys: tuple[str, ...] = ()
    """Alternate keys, each of one column."""
    tracked: bool = False
    """Whether change tracking is on."""
    computed: str = ""
    """A read-only text column made of firstname and lastname; '' without one."""

    @property
    def primary(self) -> str:
        return f"{self.logical}id"

    @property
    def type_name(self) -> str:
        return f"Microsoft.Dynamics.CRM.{self.logical}"

    @cached_property
    def columns(self) -> Mapping[str, Column]:
        """Every column that can be selected, lookups as `_x_value`."""
        lookups = {each.value: Column(GUID, read_only=True) for each in self.lookups.values()}
        return {self.primary: Column(GUID), **self.own, **lookups, **_SYSTEM}


_SYSTEM: Mapping[str, Column] = {
    "createdon": Column(MOMENT, read_only=True),
    "modifiedon": Column(MOMENT, read_only=True),
    "versionnumber": Column(BIG_INTEGER, read_only=True),
    "statecode": Column(INTEGER, labels={0: "Active", 1: "Inactive"}),
    "statuscode": Column(INTEGER, labels={1: "Active", 2: "Inactive"}),
}

_CUSTOMER: Mapping[str, Column] = {
    "description": text(2000),
    "emailaddress1": text(100),
    "emailaddress2": text(100),
    "telephone1": text(50),
    "address1_name": text(200),
    "address1_line1": text(250),
    "address1_line2": text(250),
    "address1_city": text(80),
    "address1_postalcode": text(20),
    "address1_stateorprovince": text(50),
    "address1_country": text(80),
    "creditlimit": Column(MONEY),
    "creditonhold": Column(BOOLEAN, labels={False: "No", True: "Yes"}),
    f"{PREFIX}_key": text(36),
    f"{PREFIX}_company": text(10),
    f"{PREFIX}_number": text(40),
    f"{PREFIX}_group": text(40),
    f"{PREFIX}_language": text(10),
}
_CURRENCY = {"transactioncurrencyid": Navigation("transactioncurrencyid", "transactioncurrency")}
_ENTRY: Mapping[str, Column] = {
    f"{PREFIX}_name": text(100),
    f"{PREFIX}_key": text(200),
    f"{PREFIX}_company": text(10),
    f"{PREFIX}_card": text(100),
    f"{PREFIX}_at": Column(MOMENT),
}

TABLES = {
    table.entity_set: table
    for table in (
        Table(
            "account",
            "accounts",
            "name",
            {"name": text(160), "accountnumber": text(20), **_CUSTOMER},
            {
                **_CURRENCY,
                "primarycontactid": Navigation("primarycontactid", "contact"),
                "parentaccountid": Navigation("parentaccountid", "account"),
            },
            keys=(f"{PREFIX}_key",),
            tracked=True,
        ),
        Table(
            "contact",
            "contacts",
            "fullname",
            {
                "firstname": text(50),
                "lastname": text(50),
                "fullname": text(160, read_only=True),
                "mobilephone": text(50),
                **_CUSTOMER,
            },
            {
                **_CURRENCY,
                "parentcustomerid_account": Navigation("parentcustomerid", "account"),
                "parentcustomerid_contact": Navigation("parentcustomerid", "contact"),
            },
            keys=(f"{PREFIX}_key",),
            tracked=True,
            computed="fullname",
        ),
        Table(
            f"{PREFIX}_pointsentry",
            f"{PREFIX}_pointsentries",
            f"{PREFIX}_name",
            {
                **_ENTRY,
                f"{PREFIX}_kind": text(30),
                f"{PREFIX}_points": Column(DECIMAL),
                f"{PREFIX}_reward": text(60),
                f"{PREFIX}_text": text(500),
            },
            tracked=True,
        ),
        Table(
            f"{PREFIX}_giftcardentry",
            f"{PREFIX}_giftcardentries",
            f"{PREFIX}_name",
            {
                **_ENTRY,
                f"{PREFIX}_movement": text(30),
                f"{PREFIX}_amount": Column(DECIMAL),
                f"{PREFIX}_currency": text(3),
            },
            tracked=True,
        ),
        Table(
            "annotation",
            "annotations",
            "subject",
            {
                "subject": text(500),
                "notetext": text(100_000),
                "filename": text(255),
                "mimetype": text(256),
                "isdocument": Column(BOOLEAN),
            },
            {
                f"objectid_{target}": Navigation("objectid", target)
                for target in ("account", "contact")
            },
        ),
        Table(
            "transactioncurrency",
            "transactioncurrencies",
            "currencyname",
            {
                "currencyname": text(100),
                "isocurrencycode": text(5),
                "currencysymbol": text(10),
                "currencyprecision": Column(INTEGER),
            },
        ),
        Table(
            "serviceendpoint",
            "serviceendpoints",
            "name",
            {
                "name": text(160),
                "description": text(2000),
                "url": text(2000),
                "contract": Column(
                    INTEGER,
                    labels={
                        1: "OneWay", 2: "Queue", 3: "Rest", 4: "TwoWay", 5: "Topic",
                        6: "Queue (Persistent)", 7: "Event Hub", 8: "Webhook", 9: "Event Grid",
                    },
                ),
                "authtype": Column(
                    INTEGER,
                    labels={
                        1: "ACS", 2: "SAS Key", 3: "SAS Token", 4: "Webhook Key", 5: "Http Header",
                        6: "Http Query String", 7: "Connection String", 8: "Access Key",
                    },
                ),
                "authvalue": text(2048, write_only=True),
                "saskey": text(128, write_only=True),
                "saskeyname": text(128),
                "namespaceaddress": text(160),
                "namespaceformat": Column(
                    INTEGER, labels={1: "Namespace Name", 2: "Namespace Address"}
                ),
                "path": text(160),
                "connectionmode": Column(INTEGER, labels={1: "Normal", 2: "Federated"}),
                "messageformat": Column(
                    INTEGER, labels={1: "Binary XML", 2: "Json", 3: "Text XML"}
                ),
                "userclaim": Column(INTEGER, labels={1: "None", 2: "UserId", 3: "UserInfo"}),
            },
        ),
        Table("sdkmessage", "sdkmessages", "name", {"name": text(256)}),
        Table(
            "sdkmessagefilter",
            "sdkmessagefilters",
            "name",
            {"name": text(256), "primaryobjecttypecode": text(128)},
            {"sdkmessageid": Navigation("sdkmessageid", "sdkmessage")},
        ),
        Table(
            "sdkmessageprocessingstep",
            "sdkmessageprocessingsteps",
            "name",
            {
                "name": text(256),
                "description": text(256),
                "configuration": text(1_073_741_823),
                "filteringattributes": text(100_000),
                "mode": Column(INTEGER, labels={0: "Synchronous", 1: "Asynchronous"}),
                "stage": Column(
                    INTEGER,
                    labels={10: "Pre-validation", 20: "Pre-operation", 40: "Post-operation"},
                ),
                "rank": Column(INTEGER),
                "supporteddeployment": Column(
                    INTEGER, labels={0: "Server Only", 1: "Client Only", 2: "Both"}
                ),
                "asyncautodelete": Column(BOOLEAN),
            },
            {
                "sdkmessageid": Navigation("sdkmessageid", "sdkmessage"),
                "sdkmessagefilterid": Navigation("sdkmessagefilterid", "sdkmessagefilter"),
                "eventhandler_serviceendpoint": Navigation("eventhandler", "serviceendpoint"),
            },
        ),
        Table(
            "sdkmessageprocessingstepimage",
            "sdkmessageprocessingstepimages",
            "name",
            {
                "name": text(256),
                "entityalias": text(256),
                "messagepropertyname": text(256),
                "attributes": text(100_000),
                "imagetype": Column(INTEGER, labels={0: "PreImage", 1: "PostImage", 2: "Both"}),
            },
            {"sdkmessageprocessingstepid": Navigation(
                "sdkmessageprocessingstepid", "sdkmessageprocessingstep"
            )},
        ),
    )
}  # fmt: skip
"""By entity set."""

BY_LOGICAL: Mapping[str, Table] = {table.logical: table for table in TABLES.values()}
