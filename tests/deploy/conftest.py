from __future__ import annotations

import pytest

from tests.support.tools import tool


@pytest.fixture(scope="session")
def haproxy() -> str:
    return tool("haproxy", "haproxy")
