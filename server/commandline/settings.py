"""The server's settings, for commands that do without one what it does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from server.commandline.faults import UsageFault
from server.settings import Settings, faults_of


def settings_of(overrides: Mapping[str, str | None]) -> Settings:
    """Those of the environment but for these. Raises UsageFault."""
    given: dict[str, Any] = {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings(**given)
    except ValidationError as error:
        raise UsageFault(" ".join(faults_of(error, [f"--{name}" for name in given]))) from None
