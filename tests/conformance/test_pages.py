"""Blocks of the pages that need packages of the clients: each runs as it stands, in the environment that has them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from tests.conformance.clients import FILES, LIVE
from tests.docs.fences import CONFORMANCE, Fence, fences
from tests.docs.reader import Reader
from tests.support.processes import ServerProcess

_HOMES = {"deepgram": LIVE, "livekit": LIVE, "pipecat": LIVE, "litellm": FILES}
"""Environments by the package that a block imports."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Without keys: the blocks have none, or any."""
    with ServerProcess(log=tmp_path_factory.mktemp("server") / "log") as server:
        server.wait_ready()
        yield server


def home_of(fence: Fence) -> Path:
    """The environment that has what a block imports."""
    imported = {
        (node.module or "").split(".")[0] if isinstance(node, ast.ImportFrom) else node.names[0].name.split(".")[0]
        for node in ast.walk(ast.parse(fence.text))
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    (home,) = {_HOMES[name] for name in imported if name in _HOMES}
    return home


def blocks() -> Iterator[ParameterSet]:
    for fence in fences():
        if fence.mark == CONFORMANCE:
            python = home_of(fence) / "bin" / "python"
            absent = pytest.mark.skipif(not python.exists(), reason="the clients are not installed (make conformance)")
            yield pytest.param(fence, str(python), id=str(fence), marks=absent)


@pytest.mark.parametrize(("fence", "python"), list(blocks()))
def test_what_a_page_says_can_be_done(fence: Fence, python: str, server: ServerProcess, tmp_path: Path) -> None:
    assert Reader(server.port, tmp_path, python).run(fence).strip()
