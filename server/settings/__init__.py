"""Settings of the server, a file for each group: every flag, with its bounds and its description."""

from __future__ import annotations

from server.settings.faults import faults_of
from server.settings.limits import MIB
from server.settings.settings import Settings

__all__ = ["MIB", "Settings", "faults_of"]
