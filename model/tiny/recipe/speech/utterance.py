"""What a synthesiser gives: samples, and when each word and each sound in them is said."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soxr  # type: ignore[import-untyped]
from av import AudioFrame
from av.filter import Graph
from numpy.typing import NDArray

Samples = NDArray[np.float32]
SAMPLE_RATE = 24_000
_LOUDNESS = 0.1
_AUDIBLE = 10**-4  # of the energy of the loudest 5 ms
_WINDOW = SAMPLE_RATE // 200
_AROUND = 0.04  # seconds around a word in which it may begin and end


class Phone(NamedTuple):
    """One sound of a word, in seconds from the word's beginning; `symbol` is one of `phones.PHONES`."""

    symbol: str
    start: float
    end: float


@dataclass(frozen=True)
class Spoken:
    """One word of an utterance, in seconds from the utterance's beginning, as `vocabulary.WORDS` writes it."""

    word: str
    start: float
    end: float
    phones: tuple[Phone, ...] = ()


@dataclass(frozen=True)
class Utterance:
    """Mono samples at 24 kHz of any loudness, and the words in order."""

    samples: Samples
    words: tuple[Spoken, ...]

    def save(self, path: Path) -> None:
        """Write an .npz; it appears at once."""
        phones = [phone for word in self.words for phone in word.phones]
        new = path.with_suffix(".new.npz")
        np.savez(
            new,
            samples=np.clip(np.round(self.samples * 32767), -32768, 32767).astype(np.int16),
            words=np.array([word.word for word in self.words]),
            spans=np.array([(word.start, word.end, len(word.phones)) for word in self.words], np.float32),
            symbols=np.array([phone.symbol for phone in phones], np.str_),
            phones=np.array([phone[1:] for phone in phones], np.float32).reshape(-1, 2),
        )
        new.replace(path)

    @staticmethod
    def load(path: Path) -> "Utterance":
        """Read what `save` wrote."""
        kept = np.load(path)
        phones = [
            Phone(str(symbol), *map(float, span)) for symbol, span in zip(kept["symbols"], kept["phones"], strict=True)
        ]
        words, position = [], 0
        for word, (start, end, count) in zip(kept["words"], kept["spans"], strict=True):
            own = tuple(phones[position : position + int(count)])
            words.append(Spoken(str(word), float(start), float(end), own))
            position += int(count)
        return Utterance(np.asarray(kept["samples"] / np.float32(32767), np.float32), tuple(words))

    def part(self, first: int, last: int) -> "Utterance":
        """Words `first` up to `last`, cut to what can be heard of them and at a common loudness.

        Raises:
            ValueError: nothing can be heard.
        """
        kept = self.words[first:last]
        start = max(kept[0].start - _AROUND, self.words[first - 1].end if first else 0.0, 0.0)
        end = min([kept[-1].end + _AROUND, *(word.start for word in self.words[last : last + 1])])
        samples, skipped = audible(self.samples[round(start * SAMPLE_RATE) : round(end * SAMPLE_RATE)])
        shift, seconds = start + skipped / SAMPLE_RATE, len(samples) / SAMPLE_RATE
        return Utterance(levelled(samples), tuple(_moved(word, shift, seconds) for word in kept))

    def resampled(self, factor: float) -> "Utterance":
        """As somebody with a longer throat (factor above 1: lower and slower) or a shorter one says it."""
        return self._at(soxr.resample(self.samples, SAMPLE_RATE, SAMPLE_RATE * factor, "MQ"), factor)

    def at_pace(self, pace: float) -> "Utterance":
        """As the same voice says it faster (pace above 1) or slower, at the same pitch."""
        return self._at(_with_tempo(self.samples, pace), 1 / pace)

    def _at(self, samples: Samples, factor: float) -> "Utterance":
        """Other samples for the same words, whose times are so many times as long."""
        words = tuple(
            Spoken(
                word.word, word.start * factor, word.end * factor,
                tuple(Phone(phone.symbol, phone.start * factor, phone.end * factor) for phone in word.phones),
            )
            for word in self.words
        )  # fmt: skip
        return Utterance(samples, words)


def _with_tempo(samples: Samples, tempo: float) -> Samples:
    """Faster (tempo above 1) or slower at the same pitch, by FFmpeg's filter; exactly as long as that makes it."""
    graph = Graph()
    begin = graph.add("abuffer", f"sample_rate={SAMPLE_RATE}:sample_fmt=flt:channel_layout=mono")
    change, end = graph.add("atempo", str(tempo)), graph.add("abuffersink")
    begin.link_to(change)
    change.link_to(end)
    graph.configure()
    padded = np.pad(samples, (0, SAMPLE_RATE // 5))  # the filter keeps the last of what it is given to itself
    frame = AudioFrame.from_ndarray(padded[None], "flt", "mono")
    frame.sample_rate = SAMPLE_RATE
    begin.push(frame)
    begin.push(None)
    count = round(len(samples) / tempo)
    heard: list[Samples] = []
    while sum(map(len, heard)) < count:
        changed = end.pull()
        assert isinstance(changed, AudioFrame)
        heard.append(np.asarray(changed.to_ndarray()[0], np.float32))
    return np.concatenate(heard)[:count]


def audible(samples: Samples) -> tuple[Samples, int]:
    """Samples without what cannot be heard at both ends, and how many were left out in front.

    Raises:
        ValueError: nothing can be heard.
    """
    whole = samples[: len(samples) // _WINDOW * _WINDOW]
    energy = (whole**2).reshape(-1, _WINDOW).mean(axis=1)
    if not energy.any():
        raise ValueError("there is silence where a word should be")
    heard = np.flatnonzero(energy > energy.max() * _AUDIBLE)
    first = int(heard[0]) * _WINDOW
    return samples[first : (int(heard[-1]) + 1) * _WINDOW], first


def levelled(samples: Samples) -> Samples:
    """At the loudness that all of the bank has."""
    return np.asarray(samples * (_LOUDNESS / (np.sqrt(np.mean(samples**2)) + 1e-9)), np.float32)


def _moved(word: Spoken, shift: float, seconds: float) -> Spoken:
    """A word counted from `shift`, within samples of so many seconds."""
    start, end = max(word.start - shift, 0.0), min(word.end - shift, seconds)
    phones = []
    for phone in word.phones:
        first, last = (min(max(word.start + at - shift, start), end) - start for at in phone[1:])
        if last > first:
            phones.append(Phone(phone.symbol, first, last))
    return Spoken(word.word, start, end, tuple(phones))
