"""Server-sent events of a response, as JSON objects."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any, NamedTuple

import httpx
from httpx_sse import EventSource


class Event(NamedTuple):
    """``id``: by which the stream can be taken up behind it; empty where it has none."""

    body: dict[str, Any]
    id: str


async def events_of(response: httpx.Response) -> AsyncIterator[Event]:
    """As they come."""
    async for event in EventSource(response).aiter_sse():
        if event.data:
            yield Event(json.loads(event.data), event.id)


def events_of_now(response: httpx.Response) -> Iterator[Event]:
    """The same without an event loop."""
    for event in EventSource(response).iter_sse():
        if event.data:
            yield Event(json.loads(event.data), event.id)
