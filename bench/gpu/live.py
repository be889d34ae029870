"""Live sessions on the device at wall-clock speed: how many it can serve before their updates come late.

Each session asks again after every second of audio, as ``server.live`` does: what was said before is forced, the last
words are written anew. Random weights say nothing that could be forced or guessed, so text of the right length is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from math import ceil
from time import monotonic, sleep
from typing import Any, cast

import numpy as np

from bench.gpu.bench import LIVE_P95, Bench, Section
from bench.gpu.files import TOKENS_PER_SECOND
from bench.support.report import percentiles
from model.family.vibevoice_asr.geometry import GEOMETRY
from model.loading.checkpoint import Checkpoint
from model.seam.audio import SAMPLE_RATE, Samples
from model.seam.streams import Priority, Question, StreamSpec
from server.engine.messages import (
    AnswerDone,
    AppendAudio,
    AskStream,
    CloseStream,
    OpenStream,
    StopWorker,
    StreamFailed,
    ToClient,
    ToWorker,
    WorkerStats,
)
from server.engine.settings import EngineSettings
from server.engine.worker.loop import StepLoop

WINDOW, UPDATE = 30, 1.0
"""Seconds, as the server's own settings have them, which need more packages than there are on every GPU machine."""
_NEW_TOKENS = 12
"""Written anew in an update: about two seconds of speech."""
_ROLLED = 10
"""Seconds of audio that a new window begins with: what is not closed yet, and a few words of everybody."""
_SEGMENT_SECONDS = 4


def live(bench: Bench, section: Section) -> None:
    """More and more sessions until they cannot keep up or the time is over."""
    section.header = ["sessions", "updates", "p50, ms", "p95, ms", "p99, ms", "late", "device busy"]
    said = _said(bench.checkpoint, WINDOW)
    runner = bench.runner()
    for sessions in bench.sizes.live_streams:
        if not section.time_for(2 * bench.sizes.live_seconds):
            section.notes.append(f"no time left for {sessions} sessions")
            break
        load = _Load(sessions, bench.sizes.live_seconds, said)
        StepLoop(runner, EngineSettings(), receive=load.receive, send=load.send, clock=monotonic).run()
        p50, p95, p99 = percentiles(load.latencies, 50, 95, 99)
        late = sum(seconds > LIVE_P95 for seconds in load.latencies) / len(load.latencies)
        times = [f"{1000 * each:.0f}" for each in (p50, p95, p99)]
        busy = min(1.0, load.busy / bench.sizes.live_seconds)
        section.rows.append([str(sessions), str(len(load.latencies)), *times, f"{late:.0%}", f"{busy:.0%}"])
        bench.live[sessions] = p95
        if p95 > LIVE_P95:
            break


@dataclass(slots=True)
class _Session:
    """``stream``: of its present window. ``heard``: seconds of that. ``due``: when the next second has been spoken.

    ``waiting``: when the seconds were spoken that the device has not got yet, the oldest first. ``asked``: what stands.
    """

    stream: int
    heard: int
    due: float = 0.0
    waiting: list[float] | None = None
    asked: float | None = None


class _Load:
    """Sessions as clients of the step loop. ``latencies``: from a second's end to the answer that hears it.

    An update that has no answer at the end counts with the time that it had.
    """

    def __init__(self, sessions: int, seconds: float, said: list[str]) -> None:
        """``said``: the text of a window by the seconds heard."""
        self._seconds, self._said = seconds, said
        self._window = len(said) - 1
        self._numbers = count()
        self._begun = 0.0
        self._stats: list[float] = []
        self.latencies: list[float] = []
        self.busy = 0.0
        spread = self._window - _ROLLED
        self._sessions = [_Session(-1, _ROLLED + spread * place // sessions) for place in range(sessions)]
        self._by_stream: dict[int, _Session] = {}
        second = np.random.default_rng(0).standard_normal(SAMPLE_RATE, dtype=np.float32) * np.float32(0.05)
        self._second: Samples = second

    def receive(self, patience: float | None) -> Sequence[ToWorker]:
        if not self._by_stream:  # all windows as they are somewhere in the middle of a session
            return [message for session in self._sessions for message in self._open(session, session.heard)]
        now = monotonic()
        if not self._begun:
            if all(session.asked is None for session in self._sessions):
                self._begin(now)
            return []
        if now > self._begun + self._seconds:
            return self._end(now)
        messages: list[ToWorker] = []
        for session in self._sessions:
            while session.due <= now:
                session.waiting = [*(session.waiting or []), session.due]
                session.due += UPDATE
            if session.waiting and session.asked is None:
                messages += self._update(session)
        if not messages and patience != 0:
            sleep(max(0.0, min(session.due for session in self._sessions) - now))
        return messages

    def send(self, messages: Sequence[ToClient]) -> None:
        now = monotonic()
        for message in messages:
            match message:
                case AnswerDone(number):
                    session = self._by_stream[number]
                    if self._begun and session.asked is not None:
                        self.latencies.append(now - session.asked)
                    session.asked = None
                case WorkerStats() if self._begun:
                    self._stats.append(message.done.busy_seconds)
                case StreamFailed(number, code, explanation):
                    raise RuntimeError(f"stream {number}: {code} {explanation}")
                case _:
                    pass

    def _begin(self, now: float) -> None:
        self._begun = now
        step = UPDATE / len(self._sessions)
        for place, session in enumerate(self._sessions):
            session.due = now + place * step

    def _end(self, now: float) -> list[ToWorker]:
        self.latencies += [now - each.asked for each in self._sessions if each.asked is not None]
        self.busy = self._stats[-1] - self._stats[0] if self._stats else 0.0
        return [*(CloseStream(session.stream) for session in self._sessions), StopWorker()]

    def _update(self, session: _Session) -> list[ToWorker]:
        """All audio that waits, and the question."""
        assert session.waiting
        seconds = len(session.waiting)
        session.asked, session.waiting = session.waiting[0], None
        if session.heard + seconds > self._window:
            left = session.stream
            return [CloseStream(left), *self._open(session, min(self._window, _ROLLED + seconds))]
        session.heard += seconds
        return self._ask(session, seconds)

    def _open(self, session: _Session, seconds: int) -> list[ToWorker]:
        session.stream, session.heard = next(self._numbers), seconds
        self._by_stream[session.stream] = session
        if session.asked is None:
            session.asked = 0.0  # before the clock runs
        # What is forced counts as answer; announcing it as audio reserves the room without making answers longer.
        frames = ceil(self._window * GEOMETRY.frame_rate) + ceil(2 * self._window * TOKENS_PER_SECOND)
        spec = StreamSpec(frames, Question(max_tokens=_NEW_TOKENS), priority=Priority.LIVE)
        opening = OpenStream(session.stream, f"session-{session.stream}", spec)
        return [opening, *self._ask(session, seconds)]

    def _ask(self, session: _Session, seconds: int) -> list[ToWorker]:
        audio = np.tile(self._second, seconds).tobytes()
        question = Question(prefix=self._said[session.heard], max_tokens=_NEW_TOKENS, whole=False)
        return [AppendAudio(session.stream, audio), AskStream(session.stream, question)]


def _said(checkpoint: Checkpoint, window: int) -> list[str]:
    """Closed segments of as many tokens as speech of 0, 1, ... ``window`` seconds has."""
    tokenizer = cast(Any, checkpoint.processor).tokenizer
    wanted = _SEGMENT_SECONDS * TOKENS_PER_SECOND

    def segment(place: int, words: int) -> str:
        start, end = _SEGMENT_SECONDS * place, _SEGMENT_SECONDS * (place + 1)
        return f'{{"Start":{start}.00,"End":{end}.00,"Speaker":0,"Content":"{" ".join(["so"] * words)}"}}'

    words = next(words for words in count(1) if len(tokenizer(segment(0, words)).input_ids) >= wanted)
    segments = [segment(place, words) for place in range(window // _SEGMENT_SECONDS)]
    return ["[" + ",".join(segments[: seconds // _SEGMENT_SECONDS]) for seconds in range(window + 1)]
