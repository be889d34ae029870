"""A scripted runner for live sessions: it writes what is said in the audio it gets, and goes on from what is forced.

What is said is in the samples themselves: turn n of a talk is sound of the level ``n * LEVEL``. So a turn is found
wherever its audio comes to stand, also in a window that begins later or behind somebody's voice of long ago.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from model.family.vibevoice_asr.geometry import HOP
from model.seam.audio import SAMPLE_RATE, Samples
from model.seam.streams import Question
from tests.support.author import Author
from tests.support.speaking_runner import SpeakingRunner

LEVEL = 0.01
TURN = 1.7
"""Seconds that each turn takes."""
PAUSE = 0.3
_BLUR = 0.1
"""Seconds: a turn that lacks no more is whole, and one that begins so little before an end begins behind it."""


class Said(NamedTuple):
    """One turn of a talk."""

    speaker: int
    text: str


def audio_of(talk: Sequence[Said]) -> Samples:
    """The talk's sound: its turns with pauses behind them, 24 kHz."""
    turns = [np.full(round(TURN * SAMPLE_RATE), (place + 1) * LEVEL, np.float32) for place in range(len(talk))]
    pause = np.zeros(round(PAUSE * SAMPLE_RATE), np.float32)
    return np.concatenate([part for turn in turns for part in (turn, pause)])


def answer_to(talk: Sequence[Said], samples: Samples, prefix: str) -> str:
    """A whole answer to this audio that begins with the segments of ``prefix`` and goes on with what is said then."""
    segments = json.loads(prefix + "]") if prefix else []
    after = max((segment["End"] for segment in segments), default=0.0) - _BLUR
    own = [
        {"Start": round(start, 2), "End": round(end, 2), "Speaker": talk[turn].speaker, "Content": talk[turn].text}
        for turn, start, end in _turns(samples)
        if start >= after and end - start > TURN - _BLUR
    ]
    written = ",".join(json.dumps(segment, ensure_ascii=False, separators=(",", ":")) for segment in own)
    return (prefix or "[") + ("," if prefix and written else "") + written + "]"


def _turns(samples: Samples) -> list[tuple[int, float, float]]:
    """Which turns are heard, from when to when in seconds."""
    levels = np.rint(samples / LEVEL).astype(int)
    edges = [0, *(np.flatnonzero(np.diff(levels)) + 1).tolist(), levels.size]
    runs = ((levels[first] - 1, first, end) for first, end in itertools.pairwise(edges) if first < end)
    return [(int(turn), first / SAMPLE_RATE, end / SAMPLE_RATE) for turn, first, end in runs if turn >= 0]


@dataclass
class ListeningRunner(SpeakingRunner):
    """The context names the talk that is heard.

    Attributes:
        talks: what is said in them.
    """

    talks: Mapping[str | None, Sequence[Said]] = field(default_factory=dict)
    heard: dict[int, list[Samples]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._author = Author(self.checkpoint)

    def append(self, stream: int, samples: Samples) -> None:
        self.heard.setdefault(stream, []).append(samples)
        super().append(stream, samples)

    def ask(self, stream: int, question: Question) -> str:
        super().ask(stream, question)
        return self._author.prompt.text(self._author.forced(question.prefix))

    def answer_to(self, stream: int, question: Question) -> list[int]:
        if question.context not in self.talks:  # nobody's: the worker warms up
            return super().answer_to(stream, question)
        samples = np.concatenate(self.heard[stream])[: self.streams[stream].frames_taken * HOP]
        answer = answer_to(self.talks[question.context], samples, question.prefix)
        return self._author.rest(self._author.forced(question.prefix), answer)

    def fork(self, stream: int, of: int) -> None:
        super().fork(stream, of)
        self.heard[stream] = [*self.heard.get(of, [])]

    def release(self, stream: int) -> None:
        super().release(stream)
        self.heard.pop(stream, None)
