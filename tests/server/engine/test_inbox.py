"""The bounded queue between the worker's reader and its step loop."""

from __future__ import annotations

from threading import Thread

from server.engine.messages import AppendAudio, CloseStream, StopWorker, ToWorker
from server.engine.worker.inbox import Inbox


def test_messages_come_in_order_and_all_at_once() -> None:
    inbox = Inbox()
    messages: list[ToWorker] = [AppendAudio(1, b"1234"), CloseStream(1), StopWorker()]
    for message in messages:
        inbox.put(message)
    assert inbox.take(None) == messages
    assert inbox.take(0.0) == []


def test_too_much_audio_makes_the_writer_wait_until_it_is_read() -> None:
    """All audio that is unread counts, of whichever stream and in however many messages."""
    inbox = Inbox(max_audio_bytes=4)
    audio = [AppendAudio(1, b"12"), AppendAudio(2, b"34")]
    for message in audio:
        inbox.put(message)
    writer = Thread(target=inbox.put, args=(CloseStream(1),))
    writer.start()
    writer.join(0.05)
    assert writer.is_alive()
    assert inbox.take(None) == audio
    writer.join()
    assert inbox.take(None) == [CloseStream(1)]


def test_a_reader_that_waits_is_woken() -> None:
    inbox = Inbox()
    taken: list[object] = []
    reader = Thread(target=lambda: taken.extend(inbox.take(None)))
    reader.start()
    inbox.put(StopWorker())
    reader.join()
    assert taken == [StopWorker()]
