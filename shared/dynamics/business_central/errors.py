"""What Business Central's errors mean: codes first, AL's texts where a code says too little.

Source: Microsoft, "Error codes" of the API, and the labels of the API v2.0 pages. The texts are
those of `Accept-Language: en-US`, which every request asks for.
"""

from __future__ import annotations

from shared.dynamics.odata.errors import AlreadyExists, Conflict, MissingParent, Refused, SetUpWrong
from shared.dynamics.odata.responses import (
    ANY_STATUS,
    SERVER_ERROR,
    Rule,
    at_once,
    later,
    plainly,
)

RULES: tuple[Rule, ...] = (
    Rule({429}, "", later, "Spread the load over more applications: limits are per application."),
    Rule(
        {401},
        "",
        plainly(SetUpWrong),
        "Check tenant, client id and secret, and the page 'Microsoft Entra Applications': the "
        "application is enabled there with permission sets; on premises the web service key.",
    ),
    Rule({403}, "", plainly(SetUpWrong), "Give the application permission sets that allow this."),
    Rule(ANY_STATUS, r"internal_entitywithsamekeyexists", plainly(AlreadyExists)),
    # Another attempt was faster: the look-up finds what it did.
    Rule(
        ANY_STATUS,
        r"action can be applied to a draft|there is nothing to post",
        plainly(AlreadyExists),
    ),
    Rule(ANY_STATUS, r"request_entitychanged|deadlock|locked by another user", at_once),
    Rule({409, 412}, "", at_once),
    Rule(
        ANY_STATUS,
        r"internal_companynotfound",
        plainly(Refused),
        "Correct the company in the setting COMPANIES or create it in Business Central.",
    ),
    Rule(
        ANY_STATUS,
        r"badrequest_resourcenotfound|badrequest_methodnot|does not exist on type|"
        r"could not find a property|is read-only",
        plainly(SetUpWrong),
        "This environment's API differs from what we write; compare its version.",
    ),
    Rule(
        ANY_STATUS,
        r"internal_recordnotfound|internal_invalidtablerelation|internal_datanotfound|"
        r"cannot be found|does not match to|(item|account|customer) does not exist",
        plainly(MissingParent),
    ),
    # The retail custom API compares the document's total with ours before it posts.
    Rule(ANY_STATUS, r"\bwas expected\b", plainly(Conflict)),
    Rule({413}, "", plainly(SetUpWrong), "Send less at once."),
    Rule(ANY_STATUS, r"internal_tenantunavailable|internal_serverbusy", later),
    Rule({408, 502, 503, 504}, "", later),
    Rule(SERVER_ERROR, r"\bapplication_", plainly(Refused)),
    Rule(SERVER_ERROR, "", later),
    Rule({404}, "", plainly(MissingParent)),
    Rule(ANY_STATUS, "", plainly(Refused)),
)
