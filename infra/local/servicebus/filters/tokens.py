"""A SQL expression as tokens."""

from __future__ import annotations

import re
from typing import NamedTuple

from infra.local.servicebus.filters.errors import FilterSyntaxError

KEYWORDS = frozenset(
    "AND OR NOT IS NULL IN LIKE ESCAPE EXISTS TRUE FALSE SET REMOVE".split()  # noqa: SIM905
)
_TOKEN = re.compile(
    r"""(?P<space>\s+)
    | (?P<decimal>\d+\.\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+)
    | (?P<integer>\d+)
    | (?P<text>'(?:[^']|'')*')
    | (?P<quoted>\[(?:[^\]]|\]\])+\]|"(?:[^"]|"")+")
    | (?P<parameter>@[^\W\d]\w*)
    | (?P<name>[^\W\d_]\w*)
    | (?P<symbol><>|!=|<=|>=|[=<>+\-*/%(),.;])""",
    re.VERBOSE,
)
_UNFINISHED = {"'": "a text without its closing '", "[": "a name without its closing ]"}


class Token(NamedTuple):
    """`kind`: decimal, integer, text, name, parameter, keyword, symbol or end. `value`: keywords in
    upper case, names and texts without quotes; `source` as written."""

    kind: str
    value: str
    position: int
    source: str


def tokenize(expression: str) -> list[Token]:
    """Return the tokens, the last one of kind `end`. Raises FilterSyntaxError."""
    tokens: list[Token] = []
    position = 0
    while position < len(expression):
        match = _TOKEN.match(expression, position)
        if match is None:
            character = expression[position]
            problem = _UNFINISHED.get(character, "a character that begins no token")
            raise FilterSyntaxError(
                f"There is {problem}", position=position, token=expression[position:][:20]
            )
        if match.lastgroup != "space":
            tokens.append(_token(match))
        position = match.end()
    tokens.append(Token("end", "", len(expression), ""))
    return tokens


def _token(match: re.Match[str]) -> Token:
    kind, source, position = match.lastgroup or "", match.group(), match.start()
    if kind == "text":
        return Token(kind, source[1:-1].replace("''", "'"), position, source)
    if kind == "quoted":
        close = source[-1]
        return Token("name", source[1:-1].replace(close * 2, close), position, source)
    if kind == "name" and source.upper() in KEYWORDS:
        return Token("keyword", source.upper(), position, source)
    return Token(kind, source, position, source)
