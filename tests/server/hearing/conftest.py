"""An author in each vocabulary."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.author import Author
from tests.support.snapshot import snapshot
from tests.support.speaking_runner import CHECKPOINT

VOCABULARIES: dict[str, Callable[[], Path]] = {"twin's": lambda: CHECKPOINT, "real": snapshot}


@pytest.fixture(scope="package", params=VOCABULARIES)
def author(request: pytest.FixtureRequest) -> Author:
    return Author(VOCABULARIES[request.param]())
