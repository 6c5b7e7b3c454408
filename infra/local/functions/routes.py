"""Route templates of HTTP triggers (ASP.NET Core route syntax) as regular expressions."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from infra.local.functions.errors import ConfigurationError

_PARAMETER = re.compile(
    r"\{(?P<all>\*{0,2})(?P<name>\w+)(?P<constraints>(?::[^{}=?]+)*)"
    r"(?:=(?P<default>[^{}?]*))?(?P<optional>\?)?\}"
)
_CONSTRAINTS = {
    "": r"[^/]+",
    "int": r"-?\d+",
    "long": r"-?\d+",
    "bool": r"(?:true|false)",
    "alpha": r"[a-z]+",
    "guid": r"\{?[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\}?",
    "decimal": r"-?\d+(?:\.\d+)?",
    "double": r"-?\d+(?:\.\d+)?",
    "float": r"-?\d+(?:\.\d+)?",
}


@dataclass(frozen=True)
class Route:
    """A template that matches paths, without regard to case; the most literal route goes first."""

    pattern: re.Pattern[str]
    defaults: Mapping[str, str]
    precedence: tuple[int, ...]

    def match(self, path: str) -> dict[str, str] | None:
        """Return the route parameters of the path (no leading slash), None if it is another's."""
        found = self.pattern.fullmatch(path.strip("/"))
        if found is None:
            return None
        given = {name: value for name, value in found.groupdict().items() if value is not None}
        return {**self.defaults, **given}


def compile_route(template: str) -> Route:
    """Read one template; `ConfigurationError` for syntax or a constraint this host lacks."""
    pattern = ""
    precedence: list[int] = []
    defaults: dict[str, str] = {}
    for segment in filter(None, template.strip("/").split("/")):
        text, rank, optional = _segment(segment, template, defaults)
        separator = "/" if pattern else ""
        pattern += f"(?:{separator}{text})?" if optional else separator + text
        precedence.append(rank)
    return Route(re.compile(pattern, re.IGNORECASE), defaults, tuple(precedence))


def _segment(segment: str, template: str, defaults: dict[str, str]) -> tuple[str, int, bool]:
    """Return one segment's expression, its rank (literal 0, catch-all 3), if it may be absent."""
    text, rank, optional, end = "", 0, False, 0
    for match in _PARAMETER.finditer(segment):
        text += _literal(segment[end : match.start()], template)
        end = match.end()
        kinds = match["constraints"].split(":")[1:] or [""]
        for kind in kinds:
            if kind not in _CONSTRAINTS:
                raise ConfigurationError(
                    f"Route {template!r} uses the constraint {kind!r}, which this host lacks."
                )
        value = ".*" if match["all"] else _CONSTRAINTS[kinds[0]]
        text += f"(?P<{match['name']}>{value})"
        rank = max(rank, 3 if match["all"] else 2 if kinds == [""] else 1)
        if match["default"] is not None:
            defaults[match["name"]] = match["default"]
        optional = bool(match["optional"] or match["all"] or match["default"] is not None)
    return text + _literal(segment[end:], template), rank, optional


def _literal(text: str, template: str) -> str:
    if "{" in text or "}" in text:
        raise ConfigurationError(f"Route {template!r} cannot be read at {text!r}.")
    return re.escape(text)
