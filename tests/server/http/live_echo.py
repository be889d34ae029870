"""A little protocol and a transcriber that does what a script says, over the real session code."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from fastapi import APIRouter, WebSocket
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from model.seam.audio import SAMPLE_RATE, Samples
from server.audio_in.encodings import PcmEncoding
from server.engine.client.engine import Engine
from server.engine.errors import EngineError
from server.engine.messages import FailureCode
from server.http.service import service_of
from server.http.sockets.live_socket import run_session
from server.live.settings import LiveSettings
from server.live.vocabulary.actions import Action, Close, Finish, Flush, Hear, Send, SetFormat
from server.live.vocabulary.events import AudioHeard, Finished, Flushed, LiveEvent, WordsCommitted
from server.live.vocabulary.flush import Asker, FlushId, flush_ids
from server.live.vocabulary.protocol import LiveProtocol, SessionEnd
from server.live.vocabulary.resumption import Place, Voices
from server.live.vocabulary.turn_detection import TurnDetection
from server.transcript.detokenizer import Vocabulary
from server.transcript.words import Word
from tests.support.scripted_server import PATIENCE, RunningServer

PATH = "/v1/echo"
SECOND = bytes(2 * SAMPLE_RATE)
"""A second of audio in the protocol's format."""
OF_THE_SERVER = {"Server.serve", "LifespanOn.main", "DrainingServer._announce", "Engine._run", "Supervisor._watch"}

router = APIRouter()


@router.websocket(PATH)
async def echo(websocket: WebSocket) -> None:
    offered = websocket.scope["subprotocols"]
    await run_session(
        websocket, service_of(websocket.scope), EchoProtocol(), subprotocol="echo" if "echo" in offered else None
    )


class EchoProtocol(LiveProtocol[str | bytes]):
    """Every event is told as it comes. Text frames are JSON and name what is to be done."""

    def __init__(self) -> None:
        self._flushes = flush_ids(Asker.PROTOCOL)
        self._reader = 0

    def opened(self) -> Sequence[Action]:
        return [Send({"type": "opened"}), SetFormat(PcmEncoding.LINEAR16)]

    def read(self, frame: str | bytes) -> str | bytes:
        self._reader = threading.get_ident()
        return frame

    def received(self, message: str | bytes) -> Sequence[Action]:
        if isinstance(message, bytes):
            return [Hear(message)]
        asked = json.loads(message)
        match asked["do"]:
            case "flush":
                return [Flush(next(self._flushes)), Send({"type": "flushing"})]
            case "finish":
                return [Finish()]
            case "format":
                return [SetFormat(PcmEncoding.LINEAR16, asked["rate"])]
            case "container":
                return [SetFormat(None)]
            case "say":
                return [Send({"type": "said", "number": number, "text": asked["text"]}) for number in range(asked["n"])]
            case "tell the reader":
                return [Send({"type": "read", "beside": self._reader != threading.get_ident()})]
            case "close":
                return [Send({"type": "bye"}), Close(4000, "as asked"), Send({"type": "never"})]
            case unknown:
                raise RuntimeError(f"a fault with a secret: {unknown}")

    def heard(self, event: LiveEvent) -> Sequence[Action]:
        match event:
            case WordsCommitted():
                return [Send({"type": "words", "text": event.text})]
            case AudioHeard(until):
                return [Send({"type": "heard", "until": until})]
            case Flushed(until):
                return [Send({"type": "flushed", "until": until})]
            case Finished(duration):
                return [Send({"type": "finished", "duration": duration}), Close()]
        return []

    def ended(self, why: SessionEnd, message: str) -> Sequence[Action]:
        return [Send({"type": "ended", "why": why.value, "message": message}), Close(4001, why.value)]


@dataclass
class Script:
    """What transcribers do, and what they have seen. The gates are open at first; close them to hold something up.

    Attributes:
        hear_gate: no audio is taken while it is closed.
        words_gate: no words are found while it is closed.
        one_by_one: the words gate closes behind every flush that is answered.
        fails_at: the engine fails when it has heard so many seconds.
        heard: seconds of audio taken, over all sessions.
        waiting: somebody waits at the first gate.
    """

    hear_gate: threading.Event = field(default_factory=threading.Event)
    words_gate: threading.Event = field(default_factory=threading.Event)
    one_by_one: bool = False
    fails_at: float = float("inf")
    heard: float = 0.0
    waiting: threading.Event = field(default_factory=threading.Event)
    loop: asyncio.AbstractEventLoop | None = None

    def __post_init__(self) -> None:
        self.open()

    def open(self) -> None:
        self.hear_gate.set()
        self.words_gate.set()

    def make(self, engine: Engine, vocabulary: Vocabulary, settings: LiveSettings, request_id: str) -> Scripted:
        self.loop = asyncio.get_running_loop()
        return Scripted(self)

    def tasks(self) -> set[str]:
        """The coroutines that run as tasks on the server's loop, beside those of the server itself."""
        assert self.loop is not None
        return tasks_on(self.loop)


def tasks_on(loop: asyncio.AbstractEventLoop) -> set[str]:
    """The coroutines that run as tasks on the loop of a server, beside those of the server itself."""

    async def names() -> set[str]:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        return {getattr(task.get_coro(), "__qualname__", repr(task)) for task in others}

    return asyncio.run_coroutine_threadsafe(names(), loop).result(PATIENCE) - OF_THE_SERVER


class Scripted:
    """Finds the word "word" in all audio, when it is flushed."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._heard = self.backlog = 0.0
        self._events: asyncio.Queue[LiveEvent | EngineError] = asyncio.Queue()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    async def hear(self, samples: Samples) -> None:
        if not self._script.hear_gate.is_set():
            self._script.waiting.set()
            await asyncio.to_thread(self._script.hear_gate.wait, PATIENCE)
        self._heard += samples.size / SAMPLE_RATE
        self._script.heard += samples.size / SAMPLE_RATE
        if self._heard >= self._script.fails_at:
            error = EngineError(FailureCode.WORKER_DIED, "The worker died.")
            self._events.put_nowait(error)
            raise error
        self._events.put_nowait(AudioHeard(round(self._heard, 3)))

    def set_turns(self, turns: TurnDetection | None) -> None:
        raise AssertionError("not asked for")

    def set_context(self, context: str | None) -> None:
        raise AssertionError("not asked for")

    def set_adapter(self, adapter: str | None) -> None:
        raise AssertionError("not asked for")

    def set_logprobs(self, wanted: bool) -> None:
        raise AssertionError("not asked for")

    def set_sounds(self, wanted: bool) -> None:
        raise AssertionError("not asked for")

    def set_resumable(self) -> None:
        raise AssertionError("not asked for")

    def checkpoint(self) -> None:
        raise AssertionError("not asked for")

    def resume(self, place: Place, voices: Voices, at: float, flushes: Sequence[tuple[float, FlushId]]) -> None:
        raise AssertionError("not asked for")

    def discard(self) -> None:
        raise AssertionError("not asked for")

    def flush(self, flush: FlushId) -> None:
        self._say(Flushed(round(self._heard, 3), flush))

    def finish(self) -> None:
        self._say(Finished(round(self._heard, 3)))

    def _say(self, last: LiveEvent) -> None:
        self._events.put_nowait(WordsCommitted(0, 0, (Word("word", 0.0, 1.0, 0),), "word"))
        self._events.put_nowait(last)

    async def __aiter__(self) -> AsyncIterator[LiveEvent]:
        while True:
            event = await self._events.get()
            if isinstance(event, EngineError):
                raise event
            if isinstance(event, WordsCommitted) and not self._script.words_gate.is_set():
                await asyncio.to_thread(self._script.words_gate.wait, PATIENCE)
            if isinstance(event, Flushed) and self._script.one_by_one:
                self._script.words_gate.clear()
            yield event
            if isinstance(event, Finished):
                return


class Client:
    """One end of a session."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    def do(self, what: str, **fields: Any) -> None:
        self.connection.send(json.dumps({"do": what, **fields}))

    def hears(self) -> dict[str, Any]:
        event: dict[str, Any] = json.loads(self.connection.recv(timeout=PATIENCE))
        return event

    def hears_until(self, kind: str) -> list[dict[str, Any]]:
        """The events up to the first of this kind, without the reports of audio."""
        events = [self.hears()]
        while events[-1]["type"] != kind:
            events.append(self.hears())
        return [event for event in events if event["type"] != "heard"]

    def close_code(self) -> int | None:
        """Read what is left; the code with which the connection was closed."""
        with suppress(ConnectionClosed):
            while True:
                self.connection.recv(timeout=PATIENCE)
        return self.connection.close_code


def address(server: RunningServer, path: str = PATH) -> str:
    """Where to connect."""
    return server.url.replace("http", "ws", 1) + path


@contextmanager
def session(server: RunningServer, **options: Any) -> Iterator[Client]:
    """A session that was opened."""
    with connect(
        address(server), proxy=None, open_timeout=60, max_size=None, compression=None, **options
    ) as connection:
        client = Client(connection)
        assert client.hears() == {"type": "opened"}
        yield client


def ended(server: RunningServer, how: str) -> float:
    """How many sessions have ended like this."""
    return server.metric("asr_live_sessions_total", endpoint=PATH, end=how)
