"""espeak-ng's voices: accents, variants, pitches and speeds. Every word is said alone.

Needs the system program espeak-ng, as a library.
"""
# ruff: noqa: S311 - chance here is for variety, not for secrets

import ctypes
import random
from collections.abc import Sequence
from functools import cache, lru_cache, partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import soxr  # type: ignore[import-untyped]
from numpy.typing import NDArray
from tqdm import tqdm  # type: ignore[import-untyped]

from ..vocabulary import WORDS, listed
from .bank import Bank, fill, kept
from .utterance import SAMPLE_RATE, Phone, Samples, Spoken, Utterance, audible, levelled
from .voices import Voice

_ESPEAK_RATE = 22_050
_SAID_AS = {"a": "uh", "X-ray": "x-ray"}  # espeak-ng would read out a letter

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


def say(word: str, voice: Voice) -> Utterance:
    """One word at 24 kHz, cut to what can be heard, at a common loudness; and its phones."""
    samples, phones = _say(_SAID_AS.get(word, word), voice)
    samples, first = audible(soxr.resample(samples, _ESPEAK_RATE, SAMPLE_RATE * voice.resample))
    shift = first / SAMPLE_RATE
    moved = (Phone(p.symbol, p.start * voice.resample - shift, p.end * voice.resample - shift) for p in phones)
    kept = tuple(phone for phone in moved if phone.end > 0 and not phone.symbol.startswith("_"))
    return Utterance(levelled(samples), (Spoken(word, 0.0, len(samples) / SAMPLE_RATE, kept),))


def say_all(words: Sequence[str], voice: Voice) -> list[Utterance]:
    """Each word alone."""
    return [say(word, voice) for word in words]


def bank(folder: Path, voices: list[Voice], processes: int = 2, words: Sequence[str] = WORDS) -> Bank:
    """The bank of these voices of espeak-ng and words, made now unless `folder` holds it already."""
    if made_before := kept(folder, voices, words):
        return made_before
    # espeak-ng's noise goes on where it was: with a process for each voice a bank is the same every time.
    with get_context("fork").Pool(processes, maxtasksperchild=1) as pool:
        made = tqdm(pool.imap(partial(say_all, words), voices), total=len(voices), desc="word bank", unit="voice")
        return fill(folder, zip(voices, made, strict=True), words)
