"""The word bank: every word of the vocabulary, said alone by every voice, made once and kept on disk.

Recordings are put together from the bank, so the times of all words are known by construction. Needs the system
program espeak-ng, as a library.
"""
# ruff: noqa: S311 - chance here is for variety, not for secrets

import ctypes
import json
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache, lru_cache, partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import soxr  # type: ignore[import-untyped]
from numpy.typing import NDArray
from tqdm import tqdm  # type: ignore[import-untyped]

from .network import SAMPLE_RATE
from .vocabulary import WORDS, listed

Samples = NDArray[np.float32]

_ESPEAK_RATE = 22_050

ACCENTS = ("en-us", "en", "en-gb-x-rp", "en-gb-scotland", "en-gb-x-gbclan", "en-gb-x-gbcwmd", "en-029")
NEW_ACCENT = "en-us-nyc"

MEN = listed(
    "m1 m2 m4 m5 m7 m8 Alex Andy Denis Diogo Gene Jacky Lee Marco Mario Michael Mike Storm adam antonio benjamin "
    "boris caleb david edward gustave john klatt klatt2 klatt3 klatt5 max miguel norbert pablo paul pedro quincy "
    "rob robert travis victor"
)
WOMEN = listed("f1 f3 f4 f5 Alicia Andrea Nguyen anika anikaRobot aunty belinda shelby steph steph3")
NEW_MEN = listed("m3 m6 ed klatt4 marcelo iven sandro")
NEW_WOMEN = listed("f2 Annie linda grandma")


class Phone(NamedTuple):
    """One sound of a word, in seconds from the word's beginning."""

    symbol: str
    start: float
    end: float


# espeak-ng's symbols over all its English accents, without the rarest.
PHONES = listed(
    "n t s I k l r d E z eI m i: f b 3 p w V @ i v aI oU 0 a u: N h j g D I2 tS O: T 3: aU dZ @L O@ A@ a# aa t# S "
    "o@ U i@3 O2 e@ I# A: i@ aI@ U@ @2 t[ t2 aI2"
)


@dataclass(frozen=True)
class Voice:
    """One way of speaking: to the training, one speaker."""

    group: str  # "train", or the held-out group it belongs to
    name: str  # as espeak-ng knows it, accent+variant
    pitch: int = 50
    speed: int = 160
    spread: int = 50
    resample: float = 1.0  # above 1: lower and slower

    @property
    def timbre(self) -> str:
        """What tells two voices apart before pitch: the variant without its accent."""
        return self.name.partition("+")[2] or self.name


def training_voices(count: int, seed: int) -> list[Voice]:
    """A random draw over accents, variants, pitches and speeds."""
    rng = random.Random(seed)
    voices: list[Voice] = []
    while len(voices) < count:
        variant = rng.choice(MEN if rng.random() < 0.5 else WOMEN)
        voices.append(
            Voice(
                "train", f"{rng.choice(ACCENTS)}+{variant}", rng.randint(20, 85), rng.randint(150, 240),
                rng.randint(25, 75), resample=rng.uniform(0.94, 1.06),
            )
        )  # fmt: skip
    return voices


def held_out_voices(seed: int) -> list[Voice]:
    """Voices that training never hears: new variants, and these in a new accent too."""
    rng = random.Random(seed)
    voices = []
    for variant in (*NEW_MEN, *NEW_WOMEN):
        for _ in range(3):
            settings = rng.randint(25, 80), rng.randint(155, 230), rng.randint(30, 70)
            voices.append(Voice("new voices", f"{rng.choice(ACCENTS)}+{variant}", *settings))
        settings = rng.randint(25, 80), rng.randint(155, 230), rng.randint(30, 70)
        voices.append(Voice("new accent", f"{NEW_ACCENT}+{variant}", *settings))
    return voices


class _Event(ctypes.Structure):
    """espeak_EVENT of espeak-ng's speak_lib.h."""

    _fields_ = [
        ("type", ctypes.c_int), ("id", ctypes.c_uint), ("text_position", ctypes.c_int), ("length", ctypes.c_int),
        ("milliseconds", ctypes.c_int), ("sample", ctypes.c_int), ("user", ctypes.c_void_p),
        ("symbol", ctypes.c_char * 8),
    ]  # fmt: skip


class _Espeak:
    """The library, and what its callback has received since `clear`."""

    def __init__(self) -> None:
        self.library = ctypes.CDLL("libespeak-ng.so.1")
        self.blocks: list[NDArray[np.int16]] = []
        self.phones: list[tuple[str, float]] = []  # symbol and start in seconds
        receiver = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))
        self._callback = receiver(self._receive)  # the library keeps no reference
        synchronous, phoneme_events = 2, 1
        self.library.espeak_Initialize(synchronous, 0, None, phoneme_events)
        self.library.espeak_SetSynthCallback(self._callback)

    def _receive(self, wave: Any, count: int, events: Any) -> int:
        if count > 0:
            self.blocks.append(np.ctypeslib.as_array(wave, (count,)).copy())
        position, phoneme = 0, 7
        while events[position].type:
            if events[position].type == phoneme:
                event = events[position]
                self.phones.append((event.symbol.decode(errors="replace"), event.milliseconds / 1000))
            position += 1
        return 0

    def clear(self) -> None:
        self.blocks.clear()
        self.phones.clear()


@cache
def _espeak() -> _Espeak:
    return _Espeak()


@lru_cache(maxsize=1)
def _choose(voice: Voice) -> None:
    """Switch the library to a voice, which takes it longer than saying a word: only when it is another one."""
    library = _espeak().library
    if library.espeak_SetVoiceByName(voice.name.encode()) != 0:
        raise ValueError(f"espeak-ng has no voice {voice.name}")
    rate, pitch, spread = 1, 3, 4
    for parameter, value in ((rate, voice.speed), (pitch, voice.pitch), (spread, voice.spread)):
        library.espeak_SetParameter(parameter, value, 0)


def _say(word: str, voice: Voice) -> tuple[Samples, list[Phone]]:
    """One word as espeak-ng gives it."""
    _choose(voice)
    espeak, text, utf8 = _espeak(), word.encode(), 1
    espeak.clear()
    espeak.library.espeak_Synth(text, len(text) + 1, 0, 1, 0, utf8, None, None)
    ends = [start for _, start in espeak.phones[1:]]
    phones = [Phone(symbol, start, end) for (symbol, start), end in zip(espeak.phones, ends, strict=False)]
    return np.asarray(np.concatenate(espeak.blocks) / 32768, np.float32), phones


def say(word: str, voice: Voice) -> tuple[Samples, list[Phone]]:
    """One word at 24 kHz, cut to what can be heard, at a common loudness; and its phones."""
    samples, phones = _say(word, voice)
    samples = soxr.resample(samples, _ESPEAK_RATE, SAMPLE_RATE * voice.resample)
    window = SAMPLE_RATE // 200
    energy = (samples[: len(samples) // window * window] ** 2).reshape(-1, window).mean(axis=1)
    heard = np.flatnonzero(energy > energy.max() * 10**-4)
    first = heard[0] * window
    samples = samples[first : (heard[-1] + 1) * window]
    samples = np.asarray(samples * (0.1 / (np.sqrt(np.mean(samples**2)) + 1e-9)), np.float32)
    shift = first / SAMPLE_RATE
    moved = [Phone(p.symbol, p.start * voice.resample - shift, p.end * voice.resample - shift) for p in phones]
    return samples, [phone for phone in moved if phone.end > 0 and not phone.symbol.startswith("_")]


def _say_all(words: Sequence[str], voice: Voice) -> list[tuple[NDArray[np.int16], list[Phone]]]:
    said = (say(word, voice) for word in words)
    return [(np.clip(samples * 16384, -32768, 32767).astype(np.int16), phones) for samples, phones in said]


def _fundamental(samples: Samples) -> float:
    """About how many times a second the voice swings, by autocorrelation around the loudest place."""
    window = SAMPLE_RATE // 20
    middle = int(np.argmax(np.convolve(samples[::24] ** 2, np.ones(window // 24), "same"))) * 24
    piece = samples[max(0, middle - window // 2) :][:window]
    spectrum = np.abs(np.fft.rfft(piece, 4 * window)) ** 2
    spectrum[4 * window * 1200 // SAMPLE_RATE :] = 0
    echo = np.fft.irfft(spectrum)[: window // 2]
    shortest = SAMPLE_RATE // 400
    return SAMPLE_RATE / (shortest + int(np.argmax(echo[shortest:])))


class Bank:
    """All words by all voices; `word(v, w)` is a copy out of one memory-mapped array.

    `words`: by their numbers; those of the vocabulary, and further ones behind them where the bank was made with some.
    """

    def __init__(self, folder: Path, words: Sequence[str] = WORDS) -> None:
        self.words = words
        self.index = {word: number for number, word in enumerate(words)}
        self.voices = [Voice(**entry) for entry in json.loads((folder / "voices.json").read_text())]
        self._offsets = np.load(folder / "offsets.npy")
        self._samples = np.load(folder / "samples.npy", mmap_mode="r")
        phones = json.loads((folder / "phones.json").read_text())
        self._phones = [[Phone(*phone) for phone in word] for word in phones]

    def word(self, voice: int, word: int) -> Samples:
        position = voice * len(self.words) + word
        cut = self._samples[self._offsets[position] : self._offsets[position + 1]]
        return np.asarray(cut / np.float32(16384), np.float32)

    def pitch(self, voice: int) -> float:
        """The voice's pitch in hertz, roughly: the median over some words."""
        return float(np.median([_fundamental(self.word(voice, word)) for word in range(0, len(WORDS), 17)]))

    def phones(self, voice: int, word: int) -> list[Phone]:
        return self._phones[voice * len(self.words) + word]


def bank(folder: Path, voices: list[Voice], processes: int = 2, words: Sequence[str] = WORDS) -> Bank:
    """The bank of these voices and words, made now unless `folder` holds it already."""
    entries = [asdict(voice) for voice in voices]
    listing = folder / "voices.json"
    if not (listing.exists() and json.loads(listing.read_text()) == entries):
        folder.mkdir(parents=True, exist_ok=True)
        # espeak-ng's noise goes on where it was: with a process for each voice a bank is the same every time.
        with get_context("fork").Pool(processes, maxtasksperchild=1) as pool:
            made = pool.imap(partial(_say_all, words), voices)
            rows = list(tqdm(made, total=len(voices), desc="word bank", unit="voice"))
        clips = [samples for row in rows for samples, _ in row]
        np.save(folder / "samples.npy", np.concatenate(clips))
        np.save(folder / "offsets.npy", np.cumsum([0, *map(len, clips)]))
        (folder / "phones.json").write_text(json.dumps([phones for row in rows for _, phones in row]))
        listing.write_text(json.dumps(entries))
    return Bank(folder, words)
