"""The arrows between the rooms of the design: who may import whom, read from the sources."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("services", "shared", "infra", "tools", "tests", "function_app")
STAND_INS = ("infra.local.servicebus", "infra.local.dynamics")

KNOWS_AZURE_FUNCTIONS = {"shared.bus.triggers"}
"""The one shared module that may: handlers and clients run without a Functions host."""


@cache
def modules() -> Mapping[str, ast.Module]:
    """Return every module of the tree by its dotted name, parsed; a package goes by its folder."""
    found = {}
    paths = [ROOT / "function_app.py"]
    for room in ROOMS:
        paths += (ROOT / room).rglob("*.py")
    for path in paths:
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = ast.parse(path.read_bytes())
    return found


def imports(name: str, tree: ast.AST) -> Iterator[str]:
    """Yield the modules these statements import, inside functions too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = ".".join(filter(None, (parent(name, node.level), node.module)))
            for alias in node.names:
                # `from package import module` names a module, `from module import name` does not.
                module = f"{package}.{alias.name}"
                yield module if module in modules() else package


def parent(name: str, level: int) -> str:
    """Return the package that so many leading dots mean in a module; empty for none."""
    if not level:
        return ""
    is_package = (ROOT / Path(*name.split(".")) / "__init__.py").exists()
    parts = name.split(".")
    return ".".join(parts[: len(parts) - level + is_package])


def below(room: str) -> dict[str, set[str]]:
    """Return what each module of a room imports of ours."""
    return {
        name: {each for each in imports(name, tree) if each.split(".")[0] in ROOMS}
        for name, tree in modules().items()
        if within(name, room)
    }


def within(module: str, room: str) -> bool:
    return module == room or module.startswith(f"{room}.")


def strangers(room: str, *allowed: str) -> list[str]:
    """Return the imports of a room that lead anywhere but into itself and `allowed`."""
    return [
        f"{name} imports {each}"
        for name, wanted in below(room).items()
        for each in wanted
        if not any(within(each, friend) for friend in (room, *allowed))
    ]


def service_names() -> list[str]:
    return sorted(
        f"services.{path.parent.name}" for path in ROOT.glob("services/*/function_app.py")
    )


def test_shared_imports_nothing_of_ours_but_shared() -> None:
    assert strangers("shared") == []


@pytest.mark.parametrize("service", service_names())
def test_a_service_imports_shared_and_no_other_service(service: str) -> None:
    assert strangers(service, "shared") == []


@pytest.mark.parametrize("stand_in", STAND_INS)
def test_a_stand_in_shares_no_code_with_what_it_stands_in_for(stand_in: str) -> None:
    assert strangers(stand_in) == []


def test_the_functions_host_knows_of_ours_only_how_a_message_is_written() -> None:
    friends = "infra.local.servicebus.amqp", "shared.clock"
    assert strangers("infra.local.functions", *friends) == []


def test_the_local_platform_imports_no_service_and_no_test() -> None:
    assert strangers("infra", "shared") == []


def test_only_triggers_know_azure_functions() -> None:
    allowed = KNOWS_AZURE_FUNCTIONS | {f"{service}.function_app" for service in service_names()}
    found = {
        name
        for name, tree in modules().items()
        if within(name, "services") or within(name, "shared")
        if any(within(each, "azure.functions") for each in imports(name, tree))
    }
    assert found == allowed


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = {
        name: {each for each in imports(name, tree) if each != name}
        - {each for block in only_for_types(tree) for each in imports(name, block)}
        for name, tree in modules().items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"import circle: {' -> '.join(error.args[1])}")


def only_for_types(tree: ast.Module) -> Iterator[ast.If]:
    """Yield the blocks that never run: what stands there is known to the type checker alone."""
    for node in tree.body:
        match node:
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                yield node
