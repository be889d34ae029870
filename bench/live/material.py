"""Long recordings of held-out speech with the words said in them: held-out files one behind the other."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import soundfile  # type: ignore[import-untyped]

from bench.support.clips import HELD_OUT
from model.seam.audio import SAMPLE_RATE, Samples, clip_level
from server.transcript.segments import Segment
from server.transcript.words import Word, segment_words

_PAUSE = 0.3
"""Seconds of silence between two files."""
_TAIL = 0.2
"""Seconds behind the last word: the recording ends as soon as it was said."""


@dataclass(frozen=True, slots=True)
class Recording:
    """``said``: words with the ends that their segments' times and letters give them."""

    samples: Samples
    said: tuple[Word, ...]

    @property
    def seconds(self) -> float:
        return self.samples.size / SAMPLE_RATE


def recording(seconds: float, *, seed: int) -> Recording:
    """At least ``seconds``, up to the end of speech in a file. Each seed has the files in an order of its own."""
    references = json.loads((HELD_OUT / "references.json").read_text(encoding="utf-8"))
    whole = [name for name in sorted(references) if name.startswith("brief")]  # the others end amid a word
    rng = np.random.default_rng(seed)
    pause = np.zeros(round(_PAUSE * SAMPLE_RATE), np.float32)
    parts: list[Samples] = []
    said: list[Word] = []
    samples = 0
    while True:
        for name in rng.permutation(whole).tolist():
            clip, entries = _clip(name), references[name]
            said += _words(entries, samples / SAMPLE_RATE)
            end = round((entries[-1]["End"] + _TAIL) * SAMPLE_RATE)
            if samples + min(end, clip.size) >= seconds * SAMPLE_RATE:
                return Recording(np.concatenate([*parts, clip[:end]]), tuple(said))
            parts += [clip, pause]
            samples += clip.size + pause.size


def _clip(name: str) -> Samples:
    """A file at the level that all have here: a conversation does not become ten times as loud with every turn."""
    samples, _ = soundfile.read(HELD_OUT / name, dtype="float32")
    return clip_level(samples).apply(samples)


def _words(entries: list[dict[str, Any]], offset: float) -> list[Word]:
    """The words of a file that begins at ``offset``."""
    segments = [
        Segment(0, offset + entry["Start"], offset + entry["End"], entry.get("Speaker"), entry["Content"])
        for entry in entries
    ]
    return [word for segment in segments if segment.is_speech for word in segment_words(segment)]
