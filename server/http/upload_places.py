"""How many uploads come in at once. They hold nothing of the engine's, so slow ones keep nobody else from it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from server.http.errors import ApiError

_RETRY_SECONDS = 5.0
"""They end when their clients have sent them; nobody knows when."""


class UploadPlaces:
    """The places for uploads of one application.

    Attributes:
        taken: places.
    """

    def __init__(self, most: int) -> None:
        self.taken = 0
        self._most = most

    @contextmanager
    def place(self) -> Iterator[None]:
        """For one, while its body is read. Raises the 429 when all are taken."""
        if self.taken >= self._most:
            raise ApiError(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"All {self._most} places for uploads are taken.",
                code="too_many_uploads",
                retry_after=_RETRY_SECONDS,
            )
        self.taken += 1
        try:
            yield
        finally:
            self.taken -= 1
