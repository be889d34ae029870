from __future__ import annotations

import pytest

from tests.support.tools import tool


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Images are built when they are asked for."""
    if "images" not in config.option.markexpr:
        for item in items:
            if item.get_closest_marker("images"):
                item.add_marker(pytest.mark.skip(reason="builds images: make test-images"))


@pytest.fixture(scope="session")
def haproxy() -> str:
    return tool("haproxy", "haproxy")
