"""What holds for all tests."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from functools import cache

import pytest


@pytest.fixture(scope="session", autouse=True)
def authorities_are_read_once() -> Iterator[None]:
    """Every HTTP client reads all certificate authorities when it is made, which takes longer than most requests here.

    Contexts may be shared: whoever asks for the same authorities gets the same one.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ssl, "create_default_context", cache(ssl.create_default_context))
        yield
