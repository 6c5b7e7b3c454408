"""Which of several systems is believed on a customer's field: the setting AUTHORITY. Pure.

    {
      "*":    {"tax_number": ["dynamics", "shop"]},
      "gbrt": {"address": ["dynamics", "shop", "till"], "email": "manual", "*": "last-writer"}
    }

A rule is a strategy's name, or the list of sources in the order in which they are believed. The
closest one counts: the company's before everybody's ("*"), the field's before its group's before
"*".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import BeforeValidator

Party = Literal["till", "shop", "dynamics", "dataverse", "business-central", "finance-operations"]
"""Who may say something of a field; among equals the later in this list is believed."""

PARTIES: tuple[Party, ...] = get_args(Party)
BOOKS: Final = frozenset(PARTIES[3:])
"""The Dynamics products; a rule may name each, or all of them as dynamics."""

GROUPS: Mapping[str, tuple[str, ...]] = {
    "contact": ("email", "phone", "language"),
    "address": ("street", "city", "postal_code", "country"),
}
FIELDS: Final = (
    *("name", *GROUPS["contact"], *GROUPS["address"]),
    *("tax_number", "loyalty_card"),
)
"""The fields of a customer that facts speak of."""

SENT: Final = FIELDS[:8]
"""Those that books of customers have a place for."""

_EVERYTHING: Final = "*"
_GROUP_OF = {field: group for group, fields in GROUPS.items() for field in fields}


@dataclass(frozen=True, slots=True)
class Rule:
    """`sources` of source-priority are believed in their order; who is not named, after all."""

    strategy: Literal["last-writer", "source-priority", "manual"]
    sources: tuple[str, ...] = ()

    def rank(self, party: str) -> int:
        """Return the party's place among the sources; smaller is believed first."""
        names = (party, "dynamics") if party in BOOKS else (party,)
        return next((self.sources.index(each) for each in names if each in self.sources), _LAST)


_LAST = len(PARTIES)
LAST_WRITER: Final = Rule("last-writer")
MANUAL: Final = Rule("manual")

DEFAULTS: Mapping[str, Rule] = {"tax_number": Rule("source-priority", ("dynamics", "shop", "till"))}
"""Group, credit and payment terms need no rule: no fact speaks of them, Dynamics alone has them."""


def _rule(value: Any) -> Rule:
    if value in (LAST_WRITER.strategy, MANUAL.strategy):
        return Rule(value)
    if isinstance(value, list) and value and set(value) <= set(PARTIES):
        return Rule("source-priority", tuple(dict.fromkeys(value)))
    raise ValueError(
        f"a rule is 'last-writer', 'manual' or a list of sources out of {', '.join(PARTIES)}"
    )


def _subject(value: Any) -> str:
    if value in (*FIELDS, *GROUPS, _EVERYTHING):
        return str(value)
    raise ValueError(f"{value!r} is no field; fields are {', '.join(FIELDS)}, address and contact")


Rules = dict[Annotated[str, BeforeValidator(_subject)], Annotated[Rule, BeforeValidator(_rule)]]
"""Field, group or `*` -> rule."""


@dataclass(frozen=True, slots=True)
class Authority:
    """The rules of all companies, as set."""

    companies: Mapping[str, Mapping[str, Rule]]

    def rule(self, company: str, field: str) -> Rule:
        """Return what decides on a field of a company's customers."""
        for rules in (self.companies.get(company, {}), self.companies.get(_EVERYTHING, {})):
            for subject in (field, _GROUP_OF.get(field, ""), _EVERYTHING):
                if subject in rules:
                    return rules[subject]
        return DEFAULTS.get(field, LAST_WRITER)
