"""What can be known about the Bicep files without Azure's compiler.

The compiler is no package of PyPI or npm, so types and API versions are not checked here; syntax
(by the tree-sitter grammar), files, parameters, names and Azure's limits are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tree_sitter_bicep
from tree_sitter import Language, Node, Parser

AZURE = Path(__file__).resolve().parents[3] / "infra" / "azure"
FILES = sorted(AZURE.rglob("*.bicep"))
_PARSER = Parser(Language(tree_sitter_bicep.language()))

_DURATION = re.compile(r"P(\d+D)?(T(\d+H)?(\d+M)?(\d+S)?)?")
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")


def _errors(node: Node) -> Iterator[str]:
    if node.type == "ERROR" or node.is_missing:
        yield f"line {node.start_point[0] + 1}: {node.text!r}"
    for child in node.children:
        yield from _errors(child)


def _declared(path: Path) -> dict[str, bool]:
    """Return the parameters of a file: name -> whether it may be left out."""
    found = re.findall(r"^param (\w+) ([^\n]*)", path.read_text(), re.MULTILINE)
    return {name: " = " in f" {rest}" or rest.endswith("?") for name, rest in found}


def _modules(path: Path) -> Iterator[tuple[Path, set[str]]]:
    """Yield each module a file uses with the names of the parameters it gives."""
    tree = _PARSER.parse(path.read_bytes())
    for node in tree.root_node.children:
        if node.type != "module_declaration":
            continue
        text = (node.text or b"").decode()
        target = re.search(r"'([^']+\.bicep)'", text)
        assert target is not None
        params = text[text.index("params:") :]
        indent = re.search(r"\n( +)\w+:", params)
        if params.split("\n", 1)[0].rstrip().endswith("}"):
            names = re.findall(r"[{,] (\w+):", params.split("\n", 1)[0])
        else:
            assert indent is not None
            names = re.findall(rf"\n{indent[1]}(\w+):", params)
        yield path.parent / target[1], set(names)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_bicep_file_parses(path: Path) -> None:
    assert list(_errors(_PARSER.parse(path.read_bytes()).root_node)) == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_parameter_output_and_export_is_described(path: Path) -> None:
    lines = path.read_text().splitlines()
    for number, line in enumerate(lines):
        if re.match(r"(param|output) ", line):
            decorators = "\n".join(lines[max(0, number - 4) : number])
            assert "@description(" in decorators, f"{path.name}:{number + 1}"


def test_every_module_exists_and_is_given_what_it_declares() -> None:
    used = [use for path in FILES for use in _modules(path)]

    assert len(used) >= 7
    for target, given in used:
        declared = _declared(target)
        required = {name for name, has_default in declared.items() if not has_default}
        assert given <= declared.keys(), target.name
        assert required <= given, target.name


@pytest.mark.parametrize("path", sorted(AZURE.glob("*.bicepparam")), ids=lambda path: path.name)
def test_parameter_files_give_what_main_declares(path: Path) -> None:
    declared = _declared(AZURE / "main.bicep")
    given = set(re.findall(r"^param (\w+) =", path.read_text(), re.MULTILINE))

    assert given <= declared.keys()
    assert {name for name, has_default in declared.items() if not has_default} <= given


def test_topology_that_bicep_loads_is_where_it_says() -> None:
    load = re.search(r"loadJsonContent\('([^']+)', '([^']+)'\)", (AZURE / "main.bicep").read_text())
    assert load is not None

    document: Any = json.loads((AZURE / load[1]).read_text())
    for step in re.findall(r"\w+", load[2]):
        document = document[int(step) if step.isdigit() else step]

    assert {topic["Name"] for topic in document} >= {"sale-completed", "document-posted"}


def test_topology_stays_within_the_limits_of_azure() -> None:
    # Service Bus quotas, Microsoft Learn: topic path 260, subscription and rule 50 characters,
    # lock at most five minutes, duplicate window 20 s to 7 days, at most 2000 deliveries.
    document = json.loads((AZURE.parent / "topology.json").read_text())
    for topic in document["UserConfig"]["Namespaces"][0]["Topics"]:
        assert _NAME.fullmatch(topic["Name"])
        assert len(topic["Name"]) <= 260
        for subscription in topic["Subscriptions"]:
            assert _NAME.fullmatch(subscription["Name"])
            assert len(subscription["Name"]) <= 50
            properties = subscription["Properties"]
            assert re.fullmatch(r"PT([1-5]M|[1-9]\d?S)", properties["LockDuration"])
            assert 1 <= properties["MaxDeliveryCount"] <= 2000
            assert subscription["Rules"], "without a rule of its own it would see others' retries"
            for rule in subscription["Rules"]:
                assert len(rule["Name"]) <= 50
                assert len(rule["Properties"]["SqlFilter"]["SqlExpression"]) <= 1024
        for value in topic["Properties"].values():
            assert not isinstance(value, str) or _DURATION.fullmatch(value)


def test_no_key_or_connection_string_is_asked_of_azure() -> None:
    for path in FILES:
        text = path.read_text()
        assert "listKeys" not in text
        assert "AccountKey" not in text
        assert "SharedAccessKey=" not in text


def test_roles_are_written_once_and_referred_to_by_name() -> None:
    guid = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
    for path in FILES:
        if path.name != "roles.bicep":
            assert not guid.search(path.read_text()), path.name
