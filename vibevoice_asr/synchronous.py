"""Transcribing from scripts and notebooks: a thread with an event loop, whether or not the caller has one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Iterable, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from threading import Lock, Thread
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

from server.transcript.segments import Transcript
from vibevoice_asr.asynchronous import AT_ONCE, AsyncTranscriber
from vibevoice_asr.options import Options, Recording
from vibevoice_asr.outcome import Outcome

Result = TypeVar("Result")


class Transcriber:
    """The model in a process of its own, until `close`; a context manager as well. Threads may share it.

    It is loaded when this returns. See `AsyncTranscriber` for the arguments.

    Raises TranscriptionError where the model cannot be had, ValueError for settings that make no sense.
    """

    def __init__(self, model: str | None = None, *, at_once: int = AT_ONCE, **settings: Any) -> None:
        self._transcriber = AsyncTranscriber(model, at_once=at_once, **settings)
        self._loaded: Future[None] = Future()
        self._stop = asyncio.Event()
        self._closing, self._closed = Lock(), False
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._run, name="transcriber", daemon=True)
        self._thread.start()
        try:
            self._loaded.result()
        except BaseException:  # Ctrl+C as well
            self.close()
            raise

    def transcribe(self, recording: Recording, **options: Unpack[Options]) -> Transcript:
        """See `AsyncTranscriber.transcribe`."""
        return self._do(self._transcriber.transcribe(recording, **options))

    def transcribe_all(self, recordings: Iterable[Recording], **options: Unpack[Options]) -> Iterator[Outcome]:
        """See `AsyncTranscriber.transcribe_all`."""
        outcomes = self._transcriber.transcribe_all(recordings, **options)
        try:
            while (outcome := self._do(_next(outcomes))) is not None:
                yield outcome
        finally:
            if not self._closed:
                self._do(_close(outcomes))

    def close(self) -> None:
        """End the model's process. Harmless when repeated.

        Threads that wait for a transcript get a RuntimeError.
        """
        with self._closing:
            self._closed = True
        with suppress(RuntimeError):  # it was closed before
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self) -> None:
        """Thread: the event loop, to its end."""
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        ended = asyncio.create_task(self._stop.wait())
        loading = asyncio.create_task(self._transcriber.__aenter__())
        try:
            await asyncio.wait([loading, ended], return_when=asyncio.FIRST_COMPLETED)
            if not loading.done():  # nobody waits for it any more
                loading.cancel()
            await loading
            self._loaded.set_result(None)
            await ended
        except BaseException as error:
            if self._loaded.done():
                raise
            self._loaded.set_exception(error)
        finally:
            await self._transcriber.__aexit__(None, None, None)

    def _do(self, work: Coroutine[Any, Any, Result]) -> Result:
        """What ``work`` gives, done in the thread of the event loop.

        Raises what it raises, and RuntimeError where the transcriber is closed, before or meanwhile.
        """
        if not self._closed and not self._thread.is_alive():
            work.close()  # the thread does not come along when a process forks: nobody would ever answer
            raise RuntimeError("The transcriber belongs to another process: make one in this process.")
        with self._closing:  # what the event loop is given before it is told to stop, it answers
            if self._closed:
                work.close()
                raise RuntimeError("The transcriber is closed.")
            future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except CancelledError:
            raise RuntimeError("The transcriber was closed meanwhile.") from None
        except BaseException:
            future.cancel()  # Ctrl+C: nobody waits for it any more
            raise


async def _next(outcomes: AsyncGenerator[Outcome, None]) -> Outcome | None:
    return await anext(outcomes, None)


async def _close(outcomes: AsyncGenerator[Outcome, None]) -> None:
    await outcomes.aclose()
