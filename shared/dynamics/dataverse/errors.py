"""What Dataverse's errors mean, by their codes.

Source: Microsoft, "Web service error codes", "Service protection API limits", "Use Upsert"; codes
marked [C] in our reference are from integrators. Texts are only read where codes say too little.
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

EXPIRED_TOKEN = "0x80044352"
"""The delta token is older than the organisation keeps them."""

RULES: tuple[Rule, ...] = (
    Rule({429}, "", later, "Limits are per application: spread the load over more principals."),
    Rule(
        {401},
        "",
        plainly(SetUpWrong),
        "Check tenant, client id, secret or certificate, and that the environment has an "
        "application user for the client id.",
    ),
    Rule({403}, "", plainly(SetUpWrong), "Give the application user a role that allows this."),
    Rule(
        ANY_STATUS,
        r"0x80040333",
        plainly(Refused),
        "A duplicate detection rule of the environment matched another row.",
    ),
    Rule(
        ANY_STATUS,
        r"0x80060892|0x80040237|matching key values already exists",
        plainly(AlreadyExists),
    ),
    Rule(ANY_STATUS, r"0x80060882|doesn't match the rowversion|deadlock", at_once),
    Rule({409, 412}, "", at_once),
    Rule(
        ANY_STATUS,
        r"invalid property '|undeclared property '|could not find a property named|"
        r"resource not found for the segment",
        plainly(SetUpWrong),
        "The environment lacks a table or column of ours; add it as tables.py lists, or correct "
        "DATAVERSE_PREFIX.",
    ),
    Rule(
        ANY_STATUS,
        r"key in the request uri is not valid|not a defined key",
        plainly(SetUpWrong),
        "The alternate key of tables.py is missing, its index is not Active yet, or "
        "DATAVERSE_PREFIX is another publisher's.",
    ),
    Rule(ANY_STATUS, r"0x80040217|0x80060891|does not exist", plainly(MissingParent)),
    Rule({413}, "", plainly(SetUpWrong), "Lower DATAVERSE_ROWS."),
    Rule({408, 502, 503, 504}, "", later),
    Rule(SERVER_ERROR, r"0x80040265", plainly(Refused)),
    Rule(SERVER_ERROR, "", later),
    Rule({404}, "", plainly(MissingParent)),
    Rule(ANY_STATUS, "", plainly(Refused)),
)
