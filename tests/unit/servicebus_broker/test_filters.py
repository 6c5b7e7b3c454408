"""SQL filters and actions of rules."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from infra.local.servicebus.amqp.message import Properties
from infra.local.servicebus.filters import (
    FilterError,
    FilterSyntaxError,
    MessageView,
    compile_action,
    compile_sql_filter,
)

SYSTEM = Properties(message_id="m-1", subject="sale", to="till", content_type="json")
USER = {
    "colour": "red", "Size": 7, "price": 1.5, "open": True, "nothing": None,
    "retry-for": "sales", "it's": "quoted", "a]b": "bracket", "percent": "50%",
}  # fmt: skip


def view(user: dict[str, Any] | None = None) -> MessageView:
    return MessageView(
        SimpleNamespace(properties=SYSTEM, application_properties=USER if user is None else user)
    )


def selects(expression: str) -> bool:
    return compile_sql_filter(expression)(view())


@pytest.mark.parametrize(
    "expression",
    [
        "colour = 'red'",
        "COLOUR = 'red'",
        "user.colour = 'red'",
        "[retry-for] = 'sales'",
        "[user].[retry-for] = 'sales'",
        "\"retry-for\" = 'sales'",
        "[it's] = 'quoted'",
        "[a]]b] = 'bracket'",
        "sys.Label = 'sale' AND sys.MessageId = 'm-1' and SYS.to = 'till'",
        "colour <> 'blue'",
        "colour != 'blue'",
        "size > 6 AND size >= 7 AND size < 8 AND size <= 7",
        "size = 7.0",
        "price = 1.5 AND price = 15e-1 AND price = .5 + 1",
        "open = TRUE",
        "open",
        "TRUE",
        "NOT FALSE",
        "NOT open = false",
        "missing IS NULL",
        "nothing IS NULL",
        "colour IS NOT NULL",
        "sys.CorrelationId IS NULL",
        "EXISTS(colour) AND EXISTS (nothing) AND NOT EXISTS(missing) AND EXISTS(sys.To)",
        "colour IN ('blue', 'red')",
        "colour NOT IN ('blue', 'green')",
        "colour LIKE 'r%' AND colour LIKE '_e_' AND colour NOT LIKE 'R%'",
        "percent LIKE '50!%' ESCAPE '!'",
        "size + 1 * 2 = 9",
        "(size + 1) * 2 = 16",
        "size / 2 = 3 AND size % 4 = 3",
        "-size / 2 = -3 AND -size % 4 = -3",
        "size / 2.0 = 3.5",
        "- - size = 7 AND + size = 7",
        "colour + '!' = 'red!'",
        "1 = 1 OR missing = 1",
        "missing = 1 OR 1 = 1",
        "1 = 2 OR 3 = 3 AND 4 = 4",
        "property('colour') = 'red' AND p('sys.Label') = 'sale'",
        "newid() <> newid()",
        "'it''s' = 'it''s'",
        "size NOT IN (1) AND (NOT (size IN (1, 2)))",
        "Größe IS NULL",
    ],
)
def test_the_expression_selects_the_message(expression: str) -> None:
    assert selects(expression)


@pytest.mark.parametrize(
    "expression",
    [
        "colour = 'blue'",
        "colour = 'Red'",
        "missing = 1",
        "missing <> 1",
        "NOT missing = 1",
        "NOT (missing = 1 OR 1 = 2)",
        "missing IN (1)",
        "missing NOT IN (1)",
        "size NOT IN (1, NULL)",
        "missing LIKE '%'",
        "NOT missing LIKE 'a'",
        "size = 'red'",
        "size <> 'red'",
        "nothing = NULL",
        "missing + 1 = 1",
        "-missing = 1",
        "open = 1",
        "missing",
        "colour LIKE 're'",
        "size LIKE '7'",
        "1 = 1 AND missing = 1",
        "colour LIKE 'r.d'",
    ],
)
def test_the_expression_does_not_select_the_message(expression: str) -> None:
    assert not selects(expression)


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("1 / 0 = 1", "no result"),
        ("9223372036854775807 + 1 = 1", "64 bits"),
        ("colour * 2 = 1", "not arithmetic"),
        ("-colour = 1", "not arithmetic"),
        ("colour", "neither true nor false"),
        ("size AND 1 = 1", "neither true nor false"),
        ("sys.Nothing = 1", "sys.nothing"),
        ("colour LIKE 'a' ESCAPE 'ab'", "one character"),
        ("colour LIKE 'a!' ESCAPE '!'", "escape character"),
        ("property(1) = 1", "needs a name"),
    ],
)
def test_what_cannot_be_evaluated_is_a_filter_error(expression: str, problem: str) -> None:
    with pytest.raises(FilterError, match=problem):
        selects(expression)


@pytest.mark.parametrize(
    ("expression", "position", "token"),
    [
        ("", 0, ""),
        ("colour =", 8, ""),
        ("colour = 'red", 9, "'red"),
        ("[colour = 1", 0, "[colour = 1"),
        ("colour == 1", 8, "="),
        ("colour = 1 1", 11, "1"),
        ("colour BETWEEN 1 AND 2", 7, "BETWEEN"),
        ("(colour = 1", 11, ""),
        ("colour IS 1", 10, "1"),
        ("colour NOT 1", 11, "1"),
        ("colour IN 1", 10, "1"),
        ("colour IN ()", 11, ")"),
        ("other.colour = 1", 0, "other"),
        ("upper(colour) = 'A'", 0, "upper"),
        ("colour = @wanted", 9, "@wanted"),
        ("colour = #", 9, "#"),
        ("99999999999999999999 = 1", 0, "99999999999999999999"),
        ("sys. = 1", 5, "="),
    ],
)
def test_a_syntax_error_names_position_and_token(
    expression: str, position: int, token: str
) -> None:
    with pytest.raises(FilterSyntaxError) as raised:
        compile_sql_filter(expression)

    assert (raised.value.position, raised.value.token) == (position, token)
    assert f"position {position}" in str(raised.value)


def test_nesting_has_a_limit_and_chains_have_none() -> None:
    assert selects(" OR ".join(["1 = 2"] * 5_000 + ["1 = 1"]))
    assert selects("+".join(["1"] * 5_000) + " = 5000")
    for deep in ("(" * 5_000, "NOT " * 5_000, "-" * 5_000):
        with pytest.raises(FilterSyntaxError, match="deeper"):
            compile_sql_filter(deep + "1 = 1")


def test_parameters_have_values() -> None:
    assert compile_sql_filter("size = @wanted", {"@Wanted": 7})(view())


def test_an_action_changes_properties_in_order_and_leaves_the_message_alone() -> None:
    sent = {"Colour": "red", "size": 1}
    act = compile_action(
        "SET size = size + 1; SET big = size * 10 SET colour = 'blue';"
        "REMOVE missing; SET sys.To = 'x' + sys.Label; SET again = sys.To; REMOVE sys.Label;"
    )

    changes = act(view(sent))

    assert changes.application_properties == {
        "size": 2, "big": 20, "colour": "blue", "again": "xsale",
    }  # fmt: skip
    assert changes.properties == {"to": "xsale", "subject": None}
    assert sent == {"Colour": "red", "size": 1}


@pytest.mark.parametrize(
    "action", ["", "colour = 1", "SET colour", "SET sys.Size = 1", "REMOVE 1", "SET a = 1 = 2", ";"]
)
def test_a_wrong_action_is_a_syntax_error(action: str) -> None:
    with pytest.raises(FilterSyntaxError):
        compile_action(action)


def test_a_system_property_is_only_set_to_text() -> None:
    with pytest.raises(FilterError, match="no text"):
        compile_action("SET sys.To = 1")(view())
    assert compile_action("SET sys.MessageId = NULL")(view()).properties == {"message_id": None}
