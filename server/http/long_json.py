"""JSON of long answers. Python's own encoder lets no other thread run before its end, tenths of a second later."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from starlette.responses import JSONResponse

_AT_ONCE = 64
"""Elements of a list that are encoded in one call: words and tokens, and segments with the words in them."""

_COMPACT = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def encoded(value: object, encoder: json.JSONEncoder) -> str:
    """``encoder.encode(value)``, done in slices between which other threads come in."""
    return "".join(_slices(value, encoder))


class LongJSONResponse(JSONResponse):
    """A `JSONResponse` that can be made in a thread while the event loop goes on."""

    def render(self, content: Any) -> bytes:
        return encoded(content, _COMPACT).encode()


def _slices(value: object, encoder: json.JSONEncoder) -> Iterator[str]:
    """Objects and short lists are taken apart, long lists cut."""
    if isinstance(value, dict):
        yield from _enclosed("{}", (_member(name, item, encoder) for name, item in value.items()), encoder)
    elif isinstance(value, list) and len(value) <= _AT_ONCE:
        yield from _enclosed("[]", (_slices(item, encoder) for item in value), encoder)
    elif isinstance(value, list):
        rest = iter(value)
        cuts = iter(lambda: list(islice(rest, _AT_ONCE)), [])
        yield from _enclosed("[]", ([encoder.encode(cut)[1:-1]] for cut in cuts), encoder)
    else:
        yield encoder.encode(value)


def _member(name: str, value: object, encoder: json.JSONEncoder) -> Iterator[str]:
    yield encoder.encode(name) + encoder.key_separator
    yield from _slices(value, encoder)


def _enclosed(brackets: str, parts: Iterable[Iterable[str]], encoder: json.JSONEncoder) -> Iterator[str]:
    yield brackets[0]
    for place, part in enumerate(parts):
        if place:
            yield encoder.item_separator
        yield from part
    yield brackets[1]
