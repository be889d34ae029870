"""``/``: the page to try the server with, and below ``/web`` the files that it is made of.

Nothing of it comes from elsewhere, nothing in it is anybody's: it is read without a key, and asks for one where the
server wants one. What it does goes over the same routes as everybody's requests.
"""

from __future__ import annotations

import hashlib
import html
import mimetypes
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from fastapi import APIRouter, Request, Response

from server.http.errors import ApiError

router = APIRouter(include_in_schema=False)

PAGE = "/"
_FOLDER = "/web"
_POLICY = (
    "default-src 'self'; media-src 'self' blob:; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
"""Scripts, styles and connections of this server alone; what is played is a file of the reader's own."""
_PERMISSIONS = "microphone=(self), display-capture=(self), screen-wake-lock=(self), camera=(), geolocation=()"
_TEXT = frozenset({"text/html", "text/css", "text/javascript", "application/json"})
_TYPES = {".js": "text/javascript", ".flac": "audio/flac"}
"""Those on which the tables of systems do not agree."""


def _named(folder: Traversable, prefix: str) -> dict[str, Traversable]:
    found: dict[str, Traversable] = {}
    for each in folder.iterdir():
        if each.is_dir():
            found |= _named(each, f"{prefix}{each.name}/")
        else:
            found[prefix + each.name] = each
    return found


@cache
def _files() -> dict[str, Traversable]:
    """By what stands behind ``/web/``: those of the package, and the recordings that the bundled checkpoint knows."""
    samples = _named(files("model").joinpath("tiny", "samples"), "samples/")
    return _named(files("server").joinpath("web"), "") | samples


def paths() -> tuple[str, ...]:
    """Everything that is served here, each by name: what is not listed is not looked for."""
    return (PAGE, *(f"{_FOLDER}/{name}" for name in _files()))


@router.get(PAGE)
def page(request: Request) -> Response:
    """The page, which names its files by where the application is mounted."""
    content = _files()["index.html"].read_bytes()
    if root := html.escape(request.scope.get("root_path", "").rstrip("/")):
        content = content.replace(b'="web/', f'="{root}/web/'.encode())
    headers = {"content-security-policy": _POLICY, "permissions-policy": _PERMISSIONS}
    return _answer(request, content, "text/html", headers)


@router.get(_FOLDER + "/{name:path}")
def asset(request: Request, name: str) -> Response:
    """One of its files. Raises ApiError: 404 for every other name."""
    if (found := _files().get(name)) is None:
        raise ApiError(404, "There is nothing at this path.", code="not_found")
    suffix = f".{name.rpartition('.')[2]}"
    kind = _TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    return _answer(request, found.read_bytes(), kind, {})


def _answer(request: Request, content: bytes, kind: str, headers: dict[str, str]) -> Response:
    """Kept by browsers, and asked for again each time: whoever updates the server sees it at once."""
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = headers | {"etag": tag, "cache-control": "no-cache"}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=f"{kind}; charset=utf-8" if kind in _TEXT else kind, headers=headers)
