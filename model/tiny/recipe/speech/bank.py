"""The bank: all that the voices of a training or a test say, word by word and as whole sentences, in one place on disk.

Recordings are put together from it (recordings.py), so the times of all words are known by construction.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..vocabulary import WORDS
from .phones import PHONES
from .utterance import SAMPLE_RATE, Phone, Samples, Spoken, Utterance
from .voices import Voice

_FULL = 16384
_UTTERANCE = np.dtype([("voice", "i4"), ("start", "i8"), ("end", "i8"), ("first", "i8"), ("last", "i8")])
_WORD = np.dtype([("word", "i4"), ("start", "f4"), ("end", "f4"), ("first", "i8"), ("last", "i8")])
_PHONE = np.dtype([("symbol", "u1"), ("start", "f4"), ("end", "f4")])


class Bank:
    """All takes by all voices, copied out of memory-mapped samples.

    Attributes:
        words: by their numbers: those of the vocabulary, and behind them others where the bank was made with some.
        voices: by their numbers.
    """

    def __init__(self, folder: Path, words: Sequence[str] = WORDS) -> None:
        self.words = words
        self.index = {word: number for number, word in enumerate(words)}
        self.voices = [Voice(**entry) for entry in json.loads((folder / "voices.json").read_text())]
        self._samples = np.load(folder / "samples.npy", mmap_mode="r")
        self._utterances, self._words, self._phones = (
            np.load(folder / f"{name}.npy") for name in ("utterances", "words", "phones")
        )
        self._takes: dict[tuple[int, int], list[int]] = {}
        self._sentences: list[list[int]] = [[] for _ in self.voices]
        for number, (voice, _, _, first, last) in enumerate(self._utterances.tolist()):
            if last - first == 1:
                self._takes.setdefault((voice, int(self._words["word"][first])), []).append(number)
            else:
                self._sentences[voice].append(number)

    def takes(self, voice: int, word: int) -> list[int]:
        """Numbers of the utterances that are this word alone."""
        return self._takes.get((voice, word), [])

    def words_of(self, voice: int) -> list[int]:
        """The words that a voice says alone."""
        return [word for word in range(len(self.words)) if (voice, word) in self._takes]

    def sentences(self, voice: int) -> list[int]:
        """Numbers of the voice's utterances of several words."""
        return self._sentences[voice]

    def utterance(self, number: int) -> Utterance:
        """A copy."""
        _, start, end, first, last = self._utterances[number].tolist()
        samples = np.asarray(self._samples[start:end] / np.float32(_FULL), np.float32)
        return Utterance(samples, tuple(self._spoken(row) for row in self._words[first:last]))

    def _spoken(self, row: Any) -> Spoken:
        word, start, end, first, last = row.tolist()
        phones = (Phone(PHONES[symbol], *span) for symbol, *span in self._phones[first:last].tolist())
        return Spoken(self.words[word], start, end, tuple(phones))

    def word(self, voice: int, word: int) -> Samples:
        """The first take of a word."""
        return self.utterance(self.takes(voice, word)[0]).samples

    def pitch(self, voice: int) -> float:
        """The voice's pitch in hertz, roughly: the median over some words."""
        said = self.words_of(voice)
        return float(np.median([_fundamental(self.word(voice, word)) for word in said[:: max(1, len(said) // 15)]]))


class _Writer:
    """Rows of the bank's tables, and samples that are written as they come."""

    def __init__(self, folder: Path, words: Sequence[str]) -> None:
        self._folder, self._index = folder, {word: number for number, word in enumerate(words)}
        self._samples = (folder / "samples.raw").open("wb")
        self._count = 0
        self._utterances: list[tuple[int, ...]] = []
        self._words: list[tuple[float, ...]] = []
        self._phones: list[tuple[float, ...]] = []

    def add(self, voice: int, utterance: Utterance) -> None:
        first = len(self._words)
        for word in utterance.words:
            before = len(self._phones)
            self._phones += [(PHONES.index(p.symbol), p.start, p.end) for p in word.phones if p.symbol in PHONES]
            self._words.append((self._index[word.word], word.start, word.end, before, len(self._phones)))
        samples = np.clip(utterance.samples * _FULL, -32768, 32767).astype(np.int16)
        self._samples.write(samples.tobytes())
        self._utterances.append((voice, self._count, self._count + len(samples), first, len(self._words)))
        self._count += len(samples)

    def close(self) -> None:
        self._samples.close()
        raw = self._folder / "samples.raw"
        np.save(self._folder / "samples.npy", np.memmap(raw, np.int16, "r"))
        raw.unlink()
        tables: dict[str, tuple[Any, Any]] = {
            "utterances": (self._utterances, _UTTERANCE), "words": (self._words, _WORD),
            "phones": (self._phones, _PHONE),
        }  # fmt: skip
        for name, (rows, kind) in tables.items():
            np.save(self._folder / f"{name}.npy", np.array(rows, kind))


def kept(folder: Path, voices: Sequence[Voice], words: Sequence[str] = WORDS) -> Bank | None:
    """The bank in `folder` if it is one of these voices."""
    listing = folder / "voices.json"
    if listing.exists() and json.loads(listing.read_text()) == [asdict(voice) for voice in voices]:
        return Bank(folder, words)
    return None


def fill(folder: Path, spoken: Iterable[tuple[Voice, Iterable[Utterance]]], words: Sequence[str] = WORDS) -> Bank:
    """A bank in `folder` of what each voice says; words alone as they are taken, sentences whole."""
    folder.mkdir(parents=True, exist_ok=True)
    writer, voices = _Writer(folder, words), list[dict[str, Any]]()
    for voice, utterances in spoken:
        for utterance in utterances:
            writer.add(len(voices), utterance)
        voices.append(asdict(voice))
    writer.close()
    (folder / "voices.json").write_text(json.dumps(voices))
    return Bank(folder, words)


def _fundamental(samples: Samples) -> float:
    """About how many times a second the voice swings, by autocorrelation around the loudest place."""
    window = SAMPLE_RATE // 20
    middle = int(np.argmax(np.convolve(samples[::24] ** 2, np.ones(window // 24), "same"))) * 24
    piece: NDArray[np.float32] = samples[max(0, middle - window // 2) :][:window]
    spectrum = np.abs(np.fft.rfft(piece, 4 * window)) ** 2
    spectrum[4 * window * 1200 // SAMPLE_RATE :] = 0
    echo = np.fft.irfft(spectrum)[: window // 2]
    shortest = SAMPLE_RATE // 400
    return SAMPLE_RATE / (shortest + int(np.argmax(echo[shortest:])))
