"""Talks of any length among the same three people, who are strangers to the model, with what is said in them and when.

They are conversations of ten minutes one behind the other, the same every time: a longer talk begins with the shorter
ones. Files are written as they are made, so that three hours take no more memory than ten minutes.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile  # type: ignore[import-untyped]

from model.seam.audio import SAMPLE_RATE
from model.tiny.recipe.cutting import cut
from model.tiny.recipe.evaluate import HELD_OUT_SEED, held_out_bank
from model.tiny.recipe.recordings import Recording, Style, compose, manners
from model.tiny.recipe.sounds import Background
from model.tiny.recipe.speech.bank import Bank
from model.tiny.recipe.vocabulary import WORDS

_PIECE = 600.0
_STYLE = Style(speakers=3, seconds=_PIECE, long_gaps=0.04, snr=(20, 30), plain=True)
_GAIN = np.float32(0.5)
"""Leaves room for what stands out of the words, which all are equally loud."""


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """A word, lower case, with its speaker and the middle of its time in seconds."""

    text: str
    speaker: int
    at: float


@dataclass(frozen=True, slots=True)
class Talk:
    """A FLAC file and what is said in it."""

    file: Path
    seconds: float
    words: tuple[SpokenWord, ...]


def talk(minutes: float, folder: Path, work: Path, *, seed: int = 0) -> Talk:
    """A talk of so many minutes in a new file of ``folder``.

    ``work``: where the bank of the held-out voices is kept; to make it takes some minutes, and espeak-ng, once.
    """
    path, words, samples = folder / f"talk_{minutes:g}.flac", list[SpokenWord](), 0
    with soundfile.SoundFile(path, "w", SAMPLE_RATE, 1, subtype="PCM_16") as file:
        for piece in _pieces(minutes * 60, held_out_bank(work), seed):
            words += _words(piece, samples / SAMPLE_RATE)
            file.write(np.clip(piece.samples * _GAIN, -1, 1))
            samples += piece.samples.size
    return Talk(path, samples / SAMPLE_RATE, tuple(words))


def _pieces(seconds: float, words: Bank, seed: int) -> Iterator[Recording]:
    rng = random.Random(f"long/{seed}")
    pool = [index for index, voice in enumerate(words.voices) if voice.group == "new voices"]
    people, background = manners(words, pool, _STYLE, rng), Background(HELD_OUT_SEED)
    while seconds > 0:
        piece = compose(words, pool, _STYLE, background, rng, people)
        yield cut(piece, 0.0, min(seconds, piece.seconds))
        seconds -= piece.seconds


def _words(piece: Recording, offset: float) -> Iterator[SpokenWord]:
    for segment in piece.segments:
        for word in segment.words:
            yield SpokenWord(WORDS[word.index].lower(), segment.voice, offset + (word.start + word.end) / 2)
