"""How the service is set up: environment, dimensions, measures and the stock it begins with.

On a tenant all of this is configured in Power Apps; the names are the defaults Microsoft's pages
use (Inventory Visibility configuration; reservations). Names compare without case and are answered
in lower case, as the documented query answer has them.
"""

from __future__ import annotations

from collections.abc import Mapping

from infra.local.dynamics.finance_operations.seeding import OTHER_WAREHOUSE, WAREHOUSE

ENVIRONMENT_ID = "44444444-4444-4444-4444-444444444444"
"""The environment id of Lifecycle Services: in the URLs, and the `context` of the token."""

PARTITION = ("siteid", "locationid")
"""Dimensions that every event and every query must name."""

BASE_DIMENSIONS = frozenset(
    {
        "siteid", "locationid", "colorid", "sizeid", "styleid", "configid", "versionid",
        "inventstatusid", "batchid", "serialid", "wmslocationid", "licenseplateid",
    }
)  # fmt: skip
"""What may be used without a `dimensionDataSource`."""

MEASURES: Mapping[str, frozenset[str]] = {
    "fno": frozenset({"physicalinvent", "reservphysical", "onorder", "orderedintotal"}),
    "pos": frozenset({"inbound", "outbound", "damaged"}),
    "iv": frozenset({"softreservephysical", "softreservordered"}),
}
"""Physical measures by data source; a data source names its own further dimensions freely."""

AVAILABLE_TO_RESERVE: Mapping[tuple[str, str], int] = {
    ("fno", "physicalinvent"): 1,
    ("pos", "inbound"): 1,
    ("pos", "outbound"): -1,
    ("pos", "damaged"): -1,
    ("fno", "reservphysical"): -1,
    ("iv", "softreservephysical"): -1,
    ("iv", "softreservordered"): -1,
}
"""The calculated measure `iv.availabletoreserve`: sign of each physical one in it."""

SEEDED_STOCK = {WAREHOUSE: 100, OTHER_WAREHOUSE: 20}
"""`fno.physicalinvent` by location, of each item in each company."""
