"""What Commerce's failures mean, by the resource id of the error.

The ids are those of Microsoft's Retail SDK; which operation answers which is not published ([U]).
"""

from __future__ import annotations

from shared.dynamics.odata.errors import AlreadyExists, MissingParent, Refused, SetUpWrong
from shared.dynamics.odata.responses import (
    ANY_STATUS,
    SERVER_ERROR,
    Rule,
    at_once,
    later,
    plainly,
)

RULES: tuple[Rule, ...] = (
    Rule({429}, "", later, "The scale unit is throttling."),
    Rule(
        {401},
        "",
        plainly(SetUpWrong),
        "Check the relying party in Commerce shared parameters (user type Application, server "
        "resource id = the scale unit's URL), and that job 1110 has run.",
    ),
    Rule({403}, "", plainly(SetUpWrong), "The role Application may not call this operation."),
    Rule(ANY_STATUS, r"duplicateobject|already exists", plainly(AlreadyExists)),
    Rule(ANY_STATUS, r"objectversionmismatch|deadlock", at_once),
    Rule({409, 412}, "", at_once),
    Rule(ANY_STATUS, r"objectnotfound|ordernotfound|giftcardnotfound", plainly(MissingParent)),
    Rule(
        ANY_STATUS,
        r"operating unit|no http resource|resource not found for the segment",
        plainly(SetUpWrong),
        "Compare COMMERCE_OPERATING_UNIT, COMMERCE_CHANNEL_ID and the scale unit's version.",
    ),
    Rule({404}, "", plainly(SetUpWrong), "Check COMMERCE_URL: operations are below /Commerce."),
    Rule({408, 502, 503, 504}, "", later),
    Rule(SERVER_ERROR, "", later),
    Rule(ANY_STATUS, "", plainly(Refused)),
)
