"""What holds for all tests."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest


@pytest.fixture(scope="session", autouse=True)
def authorities_are_read_once() -> Iterator[None]:
    """Every HTTP client reads all certificate authorities when it is made, which takes longer than most requests here.

    Contexts may be shared: whoever asks for the same authorities gets the same one. Without a file of its own, a
    context trusts those that OpenSSL's variables name at that moment, and a test may have set them.
    """
    make = ssl.create_default_context

    @cache
    def one(_environment: tuple[str | None, ...], *which: Any, **authorities: Any) -> ssl.SSLContext:
        return make(*which, **authorities)

    def shared(*which: Any, **authorities: Any) -> ssl.SSLContext:
        return one((os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")), *which, **authorities)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ssl, "create_default_context", shared)
        yield
