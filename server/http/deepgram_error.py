"""Errors of Deepgram's API: its own body and headers instead of OpenAI's envelope."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from fastapi.responses import JSONResponse

from server.http.errors import ApiError

LISTEN_PATH = "/v1/listen"
GRANT_PATH = "/v1/auth/grant"
DEEPGRAM_PATHS = frozenset({LISTEN_PATH, GRANT_PATH})
"""Where errors have this shape."""
REQUEST_ID_HEADER = "dg-request-id"


class DeepgramError(ApiError):
    """``error`` in Deepgram's shape, with its headers: of a refused handshake some clients show nothing else."""

    def __init__(self, error: ApiError, request_id: str) -> None:
        super().__init__(error.status, error.message, code=error.code, param=error.param, retry_after=error.retry_after)
        self.request_id = request_id

    @property
    def envelope(self) -> Mapping[str, object]:
        """The body."""
        code = self.code or HTTPStatus(self.status).phrase
        return {"err_code": code.upper(), "err_msg": self.message, "request_id": self.request_id}

    @property
    def response(self) -> JSONResponse:
        """The answer to a request or a handshake."""
        response = super().response
        response.headers[REQUEST_ID_HEADER] = self.request_id
        response.headers["dg-error"] = self.message.encode("ascii", "replace").decode()
        return response
