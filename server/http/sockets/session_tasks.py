"""The tasks of a live session, what bounds them, and which of them has ended it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import NamedTuple

from starlette.websockets import WebSocketDisconnect

from server.http.sockets.endings import SessionOver, to_session_over
from server.live.vocabulary.protocol import SessionEnd
from server.metrics.labels import CLIENT_CLOSED, CLOSED


class SessionTasks(NamedTuple):
    """Those of a session. ``stopping``: waits for the word to stop."""

    sending: asyncio.Task[None]
    listening: asyncio.Task[None]
    receiving: asyncio.Task[None]
    stopping: asyncio.Task[bool]


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """What ends a session, in seconds.

    Attributes:
        idle: without a frame from a client that waits for nothing.
        longest: in all.
        send: for the client to take a frame.
        last_words: for the words of what was heard before the server ends the session.
    """

    idle: float
    longest: float
    send: float
    last_words: float


def cause_of(tasks: SessionTasks) -> SessionOver | str:
    """Why the first of a session's tasks has ended, or none in time. What the client knows already comes first."""
    if tasks.sending.done() and tasks.sending.exception() is None:
        return CLOSED
    for task in (tasks.sending, tasks.receiving, tasks.listening):
        if task.done() and (error := task.exception()) is not None:
            return CLIENT_CLOSED if isinstance(error, WebSocketDisconnect) else to_session_over(error)
    if tasks.stopping.done():
        return SessionOver(SessionEnd.SHUTTING_DOWN, "The server is shutting down.")
    return SessionOver(SessionEnd.TOO_LONG, "The longest time for a session is over.")
