"""What Inventory Visibility's failures mean. Error bodies are not published: texts are guesses."""

from __future__ import annotations

from shared.dynamics.odata.errors import Refused, SetUpWrong
from shared.dynamics.odata.responses import ANY_STATUS, Rule, at_once, later, plainly

RULES: tuple[Rule, ...] = (
    Rule({429}, "", later, "Inventory Visibility is throttling."),
    Rule(
        {401},
        "",
        plainly(SetUpWrong),
        "Check the application, and that it is allowed in Inventory Visibility's own settings.",
    ),
    Rule({403}, "", plainly(SetUpWrong), "The token's environment is not the one in the URL."),
    Rule({404}, "", plainly(SetUpWrong), "Check INVENTORY_VISIBILITY_URL and the environment id."),
    Rule(ANY_STATUS, r"deadlock|update conflict", at_once),
    Rule({409, 412}, "", at_once),
    Rule(
        ANY_STATUS,
        r"no physical measure|no base dimension",
        plainly(SetUpWrong),
        "Measures and dimensions are configured in Power Apps; compare INVENTORY_VISIBILITY_*.",
    ),
    Rule({408, *range(500, 600)}, "", later),
    Rule(ANY_STATUS, "", plainly(Refused)),
)
