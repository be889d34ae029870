from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.reader import Reader
from tests.support.processes import ServerProcess


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """What the pages tell people to start, with a folder for jobs."""
    folder = tmp_path_factory.mktemp("server")
    with ServerProcess("--jobs-folder", str(folder / "jobs"), log=folder / "log") as server:
        server.wait_ready()
        yield server


@pytest.fixture
def reader(server: ServerProcess, tmp_path: Path) -> Reader:
    return Reader(server.port, tmp_path)
