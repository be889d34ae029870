"""Talks among held-out voices, and clips of these voices from recordings of their own. Needs espeak-ng on first use."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from model.seam.audio import SAMPLE_RATE, Samples
from model.tiny.recipe.evaluate import HELD_OUT_SEED, held_out_bank, levelled
from model.tiny.recipe.recordings import Segment, Style, compose, distinct
from model.tiny.recipe.sounds import Background
from model.tiny.recipe.speech.bank import Bank

_WORK = Path(".cache/tiny")
_SNR = (20.0, 40.0)
_CLIP = (2.0, 10.0)
"""Seconds: of a known speaker's clip, as the server takes them."""


@dataclass(frozen=True, slots=True)
class Talk:
    """``samples``: [n], 24 kHz. ``turns``: what is said in it, without tags."""

    samples: Samples
    turns: Sequence[Segment]

    def said_by(self, voice: int) -> list[Samples]:
        """Its turns."""
        spans = ((round(turn.start * SAMPLE_RATE), round(turn.end * SAMPLE_RATE)) for turn in self.turns)
        return [self.samples[a:b] for turn, (a, b) in zip(self.turns, spans, strict=True) if turn.voice == voice]


@cache
def _words() -> Bank:
    return held_out_bank(_WORK)


@cache
def _background() -> Background:
    return Background(HELD_OUT_SEED)


def voices(count: int, rng: random.Random) -> list[int]:
    """So many that a listener can tell apart, none of them twice."""
    words = _words()
    pool = [index for index, voice in enumerate(words.voices) if voice.group == "new voices"]
    while True:
        chosen = distinct([words.voices[index] for index in pool], count, rng)
        if len(set(chosen)) == count:
            return [pool[place] for place in chosen]


def talk(among: Sequence[int], seconds: float, rng: random.Random, *, long_gaps: float = 0.04) -> Talk:
    """One of about ``seconds`` in which each of these voices says something."""
    style = Style(len(among), seconds, long_gaps=long_gaps, snr=_SNR, plain=True)
    while True:
        made = compose(_words(), list(among), style, _background(), rng)
        turns = [segment for segment in made.segments if not segment.tag]
        if {turn.voice for turn in turns} == set(among):
            return Talk(levelled(made, rng), turns)


def clip(voice: int, rng: random.Random) -> Samples:
    """Some seconds of one voice, from another recording, with another microphone."""
    shortest, longest = _CLIP
    while True:
        made = talk([voice], rng.uniform(shortest, 0.6 * longest), rng, long_gaps=0.0)
        if shortest <= made.samples.size / SAMPLE_RATE <= longest:
            return made.samples
