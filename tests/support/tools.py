"""Tools from outside Python that some tests drive."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import NoReturn

import pytest


def tool(name: str, package: str) -> str:
    """Where the command ``name`` is, this environment first. Without it the test is ``missing`` the ``package``."""
    search = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    return shutil.which(name, path=search) or missing(f"{name} is not installed (package {package})")


def missing(reason: str) -> NoReturn:
    """Skip for want of something on this machine; CI has everything, so there it is a failure."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
