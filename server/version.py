"""Which version of this software runs."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def server_version() -> str:
    """Version of the installed distribution; "unknown" when run from a bare checkout."""
    try:
        return version("vibevoice-asr-server")
    except PackageNotFoundError:
        return "unknown"
