from __future__ import annotations

from pathlib import Path

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Other browsers are driven only where they are asked for: they are large, and few machines have them."""
    if "browsers" not in config.option.markexpr:
        items[:] = [item for item in items if Path(__file__).parent not in item.path.parents]
