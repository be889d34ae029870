"""Who may import whom: the table of docs/architecture.md, held against every import that is written in the source.

`tests/test_walls.py` asks what a room loads when it is imported. Here an import counts wherever it stands, also in a
function, and what nobody imports any more is no longer allowed.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.processes import ROOT

ROOMS = {
    "model": (
        "model.errors model.family model.memory model.seam bitsandbytes flash_attn huggingface_hub numpy "
        "safetensors torch transformers triton"
    ),
    "model.errors": "",
    "model.family": "model.family.vibevoice_asr",
    "model.family.vibevoice_asr": "model.errors model.family tokenizers transformers",
    "model.memory": "model model.errors model.seam torch transformers",
    "model.seam": "model.family numpy",
    "model.start": "model model.memory model.seam torch",
    "model.tiny": "model numpy soundfile soxr tokenizers torch tqdm transformers",
    "server": "server.serving",
    "server.context": "",
    "server.logs": "",
    "server.version": "",
    "server.audio_in": "model.seam av numpy soxr",
    "server.transcript": "icu4py regex tokenizers",
    "server.engine": "model.seam",
    "server.engine.client": "model.seam server.engine server.engine.worker",
    "server.engine.worker": "model.errors model.memory model.seam model.start server.engine server.logs numpy",
    "server.windows": "model.family model.seam server.engine server.engine.client server.transcript numpy",
    "server.recordings": (
        "model.seam server.audio_in server.context server.engine server.engine.client server.recordings.wishes "
        "server.transcript numpy"
    ),
    "server.recordings.wishes": "",
    "server.live": (
        "model.seam server.engine server.engine.client server.live.captions server.live.ears server.live.settings "
        "server.live.vocabulary server.transcript server.windows"
    ),
    "server.live.settings": "pydantic",
    "server.live.vocabulary": "model.seam server.audio_in server.transcript",
    "server.live.ears": "model.seam server.live.settings server.live.vocabulary server.windows numpy onnxruntime soxr",
    "server.live.captions": "server.live.settings server.live.vocabulary server.transcript server.windows regex",
    "server.protocols.deepgram": (
        "server.audio_in server.context server.live.vocabulary server.transcript server.version pydantic "
        "pydantic_core regex"
    ),
    "server.protocols.openai": "server.context server.recordings.wishes server.transcript pydantic",
    "server.protocols.openai.realtime": (
        "server.audio_in server.context server.live.vocabulary server.transcript pydantic pydantic_core"
    ),
    "server.settings": "model.seam server.live.settings pydantic pydantic_settings",
    "server.metrics": "server.engine.client server.version prometheus_client",
    "server.http": (
        "model.seam server.audio_in server.engine server.engine.client server.live server.live.vocabulary "
        "server.logs server.metrics server.protocols.deepgram server.protocols.openai "
        "server.protocols.openai.realtime server.recordings server.recordings.wishes server.settings "
        "server.transcript fastapi numpy prometheus_client pydantic pydantic_core starlette"
    ),
    "server.app": (
        "server.engine server.engine.client server.engine.worker server.http server.live server.settings "
        "server.version fastapi starlette"
    ),
    "server.serving": (
        "server.app server.engine server.http server.logs server.settings fastapi pydantic uvicorn websockets"
    ),
}
"""By room: the other rooms that it may import, then the packages."""


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
    files = (file for top in ("model", "server") for file in (ROOT / top).rglob("*.py"))
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


def _allowed(room: str) -> set[str]:
    return set(ROOMS[room].split())


IMPORTS = tuple(_imports())


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_what_the_table_says_and_nothing_else(room: str) -> None:
    own = [found for found in IMPORTS if _room_of(found.module) == room]
    assert [found for found in own if _room_of(found.name) not in _allowed(room)] == []
    assert _allowed(room) - {_room_of(found.name) for found in own} == set(), "nobody needs this any more"


def test_the_table_has_a_room_for_every_module_and_knows_no_others() -> None:
    modules = _modules()
    assert {_room_of(module) for module in modules} == set(ROOMS)
    named = {name for room in ROOMS for name in _allowed(room)}
    assert {name for name in named if name.partition(".")[0] in ("model", "server")} <= set(ROOMS)


def test_an_import_inside_of_a_function_counts() -> None:
    tree = ast.parse("def f():\n    from server.http import errors\n    import fastapi.responses as r")
    names = [name for node in ast.walk(tree) for name in _names(node, "server.recordings", _modules())]
    assert sorted(names) == ["fastapi.responses", "server.http.errors"]
