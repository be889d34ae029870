"""Who may import whom: the table of docs/architecture.md, held against every import that is written in the source.

`tests/test_walls.py` asks what a room loads when it is imported. Here an import counts wherever it stands, also in a
function, and what nobody imports any more is no longer allowed.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.processes import ROOT

TOPS = ("model", "server", "vibevoice_asr")
_NAME = re.compile(r"`([\w/.]+)`")


def _table() -> dict[str, set[str]]:
    """By room, as a module: the other rooms and the packages that it may import."""
    lines = (ROOT / "docs" / "architecture.md").read_text("utf-8").splitlines()
    rows = [line.split("|") for line in lines if re.match(r"\| `(?:model|server|vibevoice_asr)\b", line)]
    return {room: {*_names_in(row[3]), *_names_in(row[4])} for row in rows for room in _names_in(row[1])}


def _names_in(cell: str) -> list[str]:
    return [name.removesuffix(".py").replace("/", ".") for name in _NAME.findall(cell)]


ROOMS = _table()


@dataclass(frozen=True, slots=True)
class Import:
    """``name`` is imported by ``module``."""

    module: str
    name: str


def _room_of(module: str) -> str:
    """The innermost room around it; what is none of the project's stands for itself."""
    parts = module.split(".")
    around = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((place for place in around if place in ROOMS), parts[0])


def _modules() -> dict[str, Path]:
    files = (file for top in TOPS for file in (ROOT / top).rglob("*.py"))
    return {".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): file for file in files}


def _imports() -> Iterator[Import]:
    """All that leave their room, those of the standard library excepted."""
    modules = _modules()
    for module, file in modules.items():
        package = module if file.name == "__init__.py" else module.rpartition(".")[0]
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            for name in _names(node, package, modules):
                if _room_of(name) != _room_of(module) and name.partition(".")[0] not in sys.stdlib_module_names:
                    yield Import(module, name)


def _names(node: ast.AST, package: str, modules: dict[str, Path]) -> Iterator[str]:
    """What a statement imports: modules, also where they are named like things of their package."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        above = package.split(".")[: len(package.split(".")) + 1 - node.level] if node.level else []
        origin = ".".join([*above, *([node.module] if node.module else [])])
        for alias in node.names:
            yield f"{origin}.{alias.name}" if f"{origin}.{alias.name}" in modules else origin


IMPORTS = tuple(_imports())


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_what_the_table_says_and_nothing_else(room: str) -> None:
    own = [found for found in IMPORTS if _room_of(found.module) == room]
    assert [found for found in own if _room_of(found.name) not in ROOMS[room]] == []
    assert ROOMS[room] - {_room_of(found.name) for found in own} == set(), "nobody needs this any more"


def test_the_table_has_a_room_for_every_module_and_knows_no_others() -> None:
    rooms = {_room_of(module) for module in _modules()}
    assert rooms - {"model", "server"} == set(ROOMS), "packages of rooms are no rooms themselves"
    named = {name for room in ROOMS for name in ROOMS[room]}
    assert {name for name in named if name.partition(".")[0] in TOPS} <= set(ROOMS)


def test_an_import_inside_of_a_function_counts() -> None:
    tree = ast.parse("def f():\n    from server.http import errors\n    import fastapi.responses as r")
    names = [name for node in ast.walk(tree) for name in _names(node, "server.recordings", _modules())]
    assert sorted(names) == ["fastapi.responses", "server.http.errors"]
