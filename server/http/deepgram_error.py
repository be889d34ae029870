"""Errors of Deepgram's API: its own body and headers instead of OpenAI's envelope."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from fastapi.responses import JSONResponse

from server.http.errors import ApiError

LISTEN_PATH = "/v1/listen"
FLUX_PATH = "/v2/listen"
GRANT_PATH = "/v1/auth/grant"
DEEPGRAM_PATHS = frozenset({LISTEN_PATH, FLUX_PATH, GRANT_PATH})
"""Where errors have this shape."""
REQUEST_ID_HEADER = "dg-request-id"

_CODES = {HTTPStatus.UNAUTHORIZED: "INVALID_AUTH", HTTPStatus.TOO_MANY_REQUESTS: "TOO_MANY_REQUESTS"}
"""Deepgram's own, where its reference names one for the status; elsewhere ours in capitals."""


def in_shape_of(path: str, error: ApiError, request_id: str) -> ApiError:
    """``error`` as the API at ``path`` tells it: Deepgram's at its paths and below them."""
    is_deepgrams = any(path == known or path.startswith(f"{known}/") for known in DEEPGRAM_PATHS)
    return DeepgramError(error, request_id) if is_deepgrams else error


class DeepgramError(ApiError):
    """``error`` in Deepgram's shape, with its headers: of a refused handshake some clients show nothing else."""

    def __init__(self, error: ApiError, request_id: str) -> None:
        super().__init__(
            error.status,
            error.message,
            code=error.code,
            param=error.param,
            retry_after=error.retry_after,
            headers=error.headers,
        )
        self.request_id = request_id

    @property
    def envelope(self) -> Mapping[str, object]:
        """The body."""
        status = HTTPStatus(self.status)
        code = _CODES.get(status) or (self.code or status.phrase.replace(" ", "_")).upper()
        return {"err_code": code, "err_msg": self.message, "request_id": self.request_id}

    @property
    def response(self) -> JSONResponse:
        """The answer to a request or a handshake."""
        response = super().response
        response.headers[REQUEST_ID_HEADER] = self.request_id
        response.headers["dg-error"] = self.message.encode("ascii", "replace").decode()
        return response


def invalid_query(message: str, code: str = "invalid_query_parameter") -> ApiError:
    """The 400 for a parameter of the query that cannot be honoured."""
    return ApiError(HTTPStatus.BAD_REQUEST, message, code=code)
