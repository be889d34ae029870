"""``/docs``: the description as a page. All of it is served here: it works without the internet, and tells nobody."""

from __future__ import annotations

import gzip
import html
from functools import cache
from importlib.resources import files

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from server.http.errors import ApiError

router = APIRouter(include_in_schema=False)

PAGE = "/docs"
_ASSETS = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "start.js": "text/javascript",
}
PATHS = (PAGE, *(f"{PAGE}/{name}" for name in _ASSETS))
"""Everybody may read these, keys or not: nothing in them is anybody's, and a page cannot send a key before it is there.
The key that is given to the page (Authorize) is held in its memory alone."""
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Nothing from other hosts and no script but those below. Swagger UI sets styles of single elements."""


@router.get(PAGE)
async def docs(request: Request) -> HTMLResponse:
    """The page, which names its files by where the application is mounted."""
    root = html.escape(request.scope.get("root_path", "").rstrip("/"))
    page = _read("page.html").decode().replace("{root}", root)
    return HTMLResponse(page, headers={"content-security-policy": _POLICY})


@router.get(PAGE + "/{name}")
async def asset(request: Request, name: str) -> Response:
    """One of its files; compressed as it lies there, where the client takes that."""
    if name not in _ASSETS:
        raise ApiError(404, "There is nothing at this path.", code="not_found")
    headers = {"cache-control": "public, max-age=3600", "vary": "accept-encoding"}
    content = _read(name)
    if _is_compressed(name):
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers["content-encoding"] = "gzip"
        else:
            content = gzip.decompress(content)
    return Response(content, media_type=_ASSETS[name], headers=headers)


def _is_compressed(name: str) -> bool:
    return name.startswith("swagger-ui")


@cache
def _read(name: str) -> bytes:
    """Half a megabyte is the largest."""
    stored = f"{name}.gz" if _is_compressed(name) else name
    return files("server.http").joinpath("docs_page", stored).read_bytes()
