"""Streams that are kept for another question: what they hold, and who goes first."""

from __future__ import annotations

from server.engine.worker.stream import StreamState


class KeptStreams:
    """They compute nothing and have nothing reserved. Whoever was not asked for longest is the first to go.

    ``page_size``: positions of a page of the KV cache.
    """

    def __init__(self, page_size: int) -> None:
        self._page_size = page_size
        self._streams: dict[int, StreamState] = {}

    def __len__(self) -> int:
        return len(self._streams)

    @property
    def pages(self) -> int:
        """That they hold."""
        return sum(-(-stream.held_positions // self._page_size) for stream in self._streams.values())

    @property
    def first(self) -> StreamState:
        """Who goes next. Raises StopIteration where nobody is kept."""
        return next(iter(self._streams.values()))

    def put(self, stream: StreamState) -> None:
        """It goes last, whether it is kept already or not."""
        self.remove(stream)
        self._streams[stream.number] = stream

    def remove(self, stream: StreamState) -> None:
        """It is not kept any more, if it was."""
        self._streams.pop(stream.number, None)
