"""Random conditions against an evaluator small enough to be read as the definition."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from infra.local.servicebus.filters import FilterSyntaxError, MessageView, compile_sql_filter

NAMES = ("a", "B", "c-d", "missing")
Node = tuple[Any, ...]

literals = st.one_of(
    st.integers(0, 3), st.sampled_from(["", "x", "it's", "%"]), st.none(), st.booleans()
)
operands = st.one_of(
    literals.map(lambda value: ("literal", value)),
    st.sampled_from(NAMES).map(lambda name: ("property", name)),
)
predicates = st.one_of(
    st.tuples(st.sampled_from(["=", "<>", "<", "<=", ">", ">="]), operands, operands),
    st.tuples(st.just("null"), operands),
    st.tuples(st.just("in"), operands, st.lists(operands, min_size=1, max_size=3)),
    st.tuples(st.just("exists"), st.sampled_from(NAMES)),
)
conditions = st.recursive(
    predicates,
    lambda inner: st.one_of(
        st.tuples(st.just("not"), inner),
        st.tuples(st.sampled_from(["and", "or"]), inner, inner),
    ),
    max_leaves=12,
)
messages = st.dictionaries(st.sampled_from(NAMES[:3]), literals)


def text(node: Node) -> str:
    """Fully parenthesised, so that precedence is tested by its own cases."""
    match node:
        case ("literal", None):
            return "NULL"
        case ("literal", bool(value)):
            return str(value)
        case ("literal", int(value)):
            return str(value)
        case ("literal", str(value)):
            return "'" + value.replace("'", "''") + "'"
        case ("property", name):
            return f"[{name}]"
        case ("null", operand):
            return f"{text(operand)} IS NULL"
        case ("in", operand, choices):
            return f"{text(operand)} IN ({', '.join(map(text, choices))})"
        case ("exists", name):
            return f"EXISTS([{name}])"
        case ("not", inner):
            return f"NOT ({text(inner)})"
        case (("and" | "or") as word, left, right):
            return f"({text(left)}) {word.upper()} ({text(right)})"
        case (symbol, left, right):
            return f"{text(left)} {symbol} {text(right)}"
    raise AssertionError(node)


def value(node: Node, message: dict[str, Any]) -> Any:
    return node[1] if node[0] == "literal" else message.get(node[1])


def compared(symbol: str, left: Any, right: Any) -> bool | None:
    if left is None or right is None or type(left) is not type(right):
        return None
    less, same = bool(left < right), bool(left == right)
    answers: dict[str, bool] = {
        "=": same, "<>": not same, "<": less, "<=": less or same,
        ">": not (less or same), ">=": not less,
    }  # fmt: skip
    return answers[symbol]


def reference(node: Node, message: dict[str, Any]) -> bool | None:
    match node:
        case ("null", operand):
            return value(operand, message) is None
        case ("in", operand, choices):
            own = value(operand, message)
            return either([compared("=", own, value(choice, message)) for choice in choices])
        case ("exists", name):
            return name in message
        case ("not", inner):
            return opposite(reference(inner, message))
        case ("or", left, right):
            return either([reference(left, message), reference(right, message)])
        case ("and", left, right):
            sides = [reference(left, message), reference(right, message)]
            return opposite(either([opposite(side) for side in sides]))
        case (symbol, left, right):
            return compared(symbol, value(left, message), value(right, message))
    raise AssertionError(node)


def either(answers: list[bool | None]) -> bool | None:
    if True in answers:
        return True
    return None if None in answers else False


def opposite(answer: bool | None) -> bool | None:
    return None if answer is None else not answer


@given(conditions, messages)
def test_a_condition_selects_exactly_when_the_reference_says_true(
    condition: Node, message: dict[str, Any]
) -> None:
    seen = MessageView(SimpleNamespace(properties=None, application_properties=message))

    assert compile_sql_filter(text(condition))(seen) is (reference(condition, message) is True)
    negated = compile_sql_filter(f"NOT ({text(condition)})")(seen)
    assert negated is (reference(condition, message) is False)


@given(st.text(alphabet="ab'[]\"().,;=<>!+-*/%@_1 \nNOTINSLKEAR", max_size=40))
def test_any_text_compiles_or_is_a_syntax_error(expression: str) -> None:
    position = 0
    try:
        compile_sql_filter(expression)
    except FilterSyntaxError as error:
        position = error.position
    assert 0 <= position <= len(expression)
