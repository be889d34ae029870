"""Until when an answer is worth having."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class DeadlineExceeded(Exception):  # noqa: N818 - as the others are named
    """The answer would come too late, so that nothing more is done for it."""


@asynccontextmanager
async def within(deadline: float | None) -> AsyncIterator[None]:
    """What is awaited inside is cancelled at ``deadline``, by the event loop's clock; None: never.

    Raises DeadlineExceeded.
    """
    scope = asyncio.timeout_at(deadline)
    try:
        async with scope:
            yield
    except TimeoutError:
        if scope.expired():
            raise DeadlineExceeded from None
        raise
