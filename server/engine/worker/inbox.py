"""Messages on their way from the worker's reader thread to its step loop."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Condition

from server.engine.messages import AppendAudio, ToWorker

MAX_AUDIO_BYTES = 16 * 1024 * 1024
"""Unread audio (about three minutes) above which the reader waits, so that the pipe fills and the client waits too."""


class Inbox:
    """A queue of messages that is bounded by the audio in it. One thread puts, one takes."""

    def __init__(self, max_audio_bytes: int = MAX_AUDIO_BYTES) -> None:
        self._max_audio_bytes = max_audio_bytes
        self._messages: list[ToWorker] = []
        self._audio_bytes = 0
        self._changed = Condition()

    def put(self, message: ToWorker) -> None:
        """Queue a message; waits while there is too much audio before it."""
        with self._changed:
            self._changed.wait_for(lambda: self._audio_bytes < self._max_audio_bytes)
            self._messages.append(message)
            if isinstance(message, AppendAudio):
                self._audio_bytes += len(message.samples)
            self._changed.notify()

    def take(self, timeout: float | None) -> Sequence[ToWorker]:
        """Everything that is queued; waits up to ``timeout`` seconds (None: for ever) for a first message."""
        with self._changed:
            self._changed.wait_for(lambda: self._messages, timeout)
            messages, self._messages = self._messages, []
            self._audio_bytes = 0
            self._changed.notify()
            return messages
