"""The word bank: every word of the vocabulary, said alone by every voice, made once and kept on disk.

Recordings are put together from the bank, so the times of all words are known by construction. Needs the system
programs espeak-ng (as a library) and flite.
"""

import ctypes
import json
import random
import subprocess
from dataclasses import asdict, dataclass
from functools import cache, lru_cache
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray
from tqdm import tqdm

from .network import SAMPLE_RATE
from .vocabulary import WORDS

Samples = NDArray[np.float32]

_ESPEAK_RATE = 22_050
_FLITE_RATE = 16_000

ACCENTS = ("en-us", "en", "en-gb-x-rp", "en-gb-scotland", "en-gb-x-gbclan", "en-gb-x-gbcwmd", "en-029")
NEW_ACCENT = "en-us-nyc"

MEN = (
    "m1 m2 m4 m5 m7 m8 Alex Andy Denis Diogo Gene Jacky Lee Marco Mario Michael Mike Storm adam antonio benjamin boris "
    "caleb david edward gustave john klatt klatt2 klatt3 klatt5 max miguel norbert pablo paul pedro quincy rob robert "
    "travis victor"
).split()
WOMEN = "f1 f3 f4 f5 Alicia Andrea Nguyen anika anikaRobot aunty belinda shelby steph steph3".split()
NEW_MEN = "m3 m6 ed klatt4 marcelo iven sandro".split()
NEW_WOMEN = "f2 Annie linda grandma".split()


@dataclass(frozen=True)
class Voice:
    """One way of speaking: to the training, one speaker."""

    group: str  # "train", or the held-out group it belongs to
    engine: str  # "espeak" or "flite"
    name: str
    pitch: int = 50
    speed: int = 160
    spread: int = 50  # espeak-ng's pitch range
    stretch: float = 1.0  # flite's duration factor
    resample: float = 1.0  # above 1: lower and slower

    @property
    def timbre(self) -> str:
        """What tells two voices apart before pitch: the variant without its accent."""
        return self.name.partition("+")[2] or self.name


def training_voices(count: int, seed: int) -> list[Voice]:
    """A random draw over accents, variants, pitches and speeds, and some flite voices."""
    rng = random.Random(seed)
    voices = [
        Voice("train", "flite", name, stretch=rng.uniform(0.75, 1.05), resample=factor)
        for name in ("awb", "rms", "kal16")
        for factor in (0.93, 0.97, 1.0, 1.04, 1.08)
    ]
    while len(voices) < count:
        variant = rng.choice(MEN if rng.random() < 0.5 else WOMEN)
        voices.append(
            Voice(
                "train", "espeak", f"{rng.choice(ACCENTS)}+{variant}", rng.randint(20, 85), rng.randint(150, 240),
                rng.randint(25, 75), resample=rng.uniform(0.94, 1.06),
            )
        )  # fmt: skip
    return voices


def held_out_voices(seed: int) -> list[Voice]:
    """Voices that training never hears: new variants, a new accent, and (`new engine`) a voice of another kind."""
    rng = random.Random(seed)
    voices = []
    for variant in (*NEW_MEN, *NEW_WOMEN):
        for _ in range(3):
            settings = rng.randint(25, 80), rng.randint(155, 230), rng.randint(30, 70)
            voices.append(Voice("new voices", "espeak", f"{rng.choice(ACCENTS)}+{variant}", *settings))
        settings = rng.randint(25, 80), rng.randint(155, 230), rng.randint(30, 70)
        voices.append(Voice("new accent", "espeak", f"{NEW_ACCENT}+{variant}", *settings))
    voices += [Voice("new engine", "flite", "slt", resample=factor) for factor in (0.95, 1.0, 1.05)]
    return voices


class _Event(ctypes.Structure):
    _fields_ = [("type", ctypes.c_int)]


@cache
def _espeak() -> tuple[ctypes.CDLL, list[NDArray[np.int16]], object]:
    """The library in retrieval mode, the list that its callback fills, and the callback, which must stay alive."""
    library = ctypes.CDLL("libespeak-ng.so.1")
    blocks: list[NDArray[np.int16]] = []

    def receive(wave: object, count: int, _events: object) -> int:
        if count > 0:
            blocks.append(np.ctypeslib.as_array(wave, (count,)).copy())
        return 0

    callback = ctypes.CFUNCTYPE(
        ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
    )(receive)
    synchronous = 2
    library.espeak_Initialize(synchronous, 0, None, 0)
    library.espeak_SetSynthCallback(callback)
    return library, blocks, callback


@lru_cache(maxsize=1)
def _choose(voice: Voice) -> None:
    """Switch the library to a voice, which takes it longer than saying a word: only when it is another one."""
    library, _, _ = _espeak()
    if library.espeak_SetVoiceByName(voice.name.encode()) != 0:
        raise ValueError(f"espeak-ng has no voice {voice.name}")
    rate, pitch, spread = 1, 3, 4
    for parameter, value in ((rate, voice.speed), (pitch, voice.pitch), (spread, voice.spread)):
        library.espeak_SetParameter(parameter, value, 0)


def _say_espeak(word: str, voice: Voice) -> Samples:
    library, blocks, _ = _espeak()
    _choose(voice)
    blocks.clear()
    text = word.encode()
    utf8 = 1
    library.espeak_Synth(text, len(text) + 1, 0, 1, 0, utf8, None, None)
    return np.concatenate(blocks).astype(np.float32) / 32768


def _say_flite(word: str, voice: Voice) -> Samples:
    command = ["flite", "-voice", voice.name, "--setf", f"duration_stretch={voice.stretch:.3f}", "-t", word, "-o", "-"]
    wav = subprocess.run([*command[:-1], "/dev/stdout"], check=True, capture_output=True).stdout
    return np.frombuffer(wav[44 : 44 + (len(wav) - 44) // 2 * 2], "<i2").astype(np.float32) / 32768


def say(word: str, voice: Voice) -> Samples:
    """One word at 24 kHz, cut to what can be heard, at a common loudness."""
    speak, rate = (_say_espeak, _ESPEAK_RATE) if voice.engine == "espeak" else (_say_flite, _FLITE_RATE)
    samples = soxr.resample(speak(word, voice), rate, SAMPLE_RATE * voice.resample)
    window = SAMPLE_RATE // 200
    energy = (samples[: len(samples) // window * window] ** 2).reshape(-1, window).mean(axis=1)
    heard = np.flatnonzero(energy > energy.max() * 10**-4)
    samples = samples[heard[0] * window : (heard[-1] + 1) * window]
    return np.asarray(samples * (0.1 / (np.sqrt(np.mean(samples**2)) + 1e-9)), np.float32)


def _say_all(voice: Voice) -> list[NDArray[np.int16]]:
    return [np.clip(say(word, voice) * 16384, -32768, 32767).astype(np.int16) for word in WORDS]


class Bank:
    """All words by all voices; `word(v, w)` is a view into one memory-mapped array."""

    def __init__(self, folder: Path) -> None:
        self.voices = [Voice(**entry) for entry in json.loads((folder / "voices.json").read_text())]
        self._offsets = np.load(folder / "offsets.npy")
        self._samples = np.load(folder / "samples.npy", mmap_mode="r")

    def word(self, voice: int, word: int) -> Samples:
        position = voice * len(WORDS) + word
        cut = self._samples[self._offsets[position] : self._offsets[position + 1]]
        return cut.astype(np.float32) / 16384


def bank(folder: Path, voices: list[Voice], processes: int = 2) -> Bank:
    """The bank of these voices, made now unless `folder` holds it already."""
    entries = [asdict(voice) for voice in voices]
    listing = folder / "voices.json"
    if not (listing.exists() and json.loads(listing.read_text()) == entries):
        folder.mkdir(parents=True, exist_ok=True)
        with get_context("fork").Pool(processes) as pool:
            rows = list(tqdm(pool.imap(_say_all, voices), total=len(voices), desc="word bank", unit="voice"))
        clips = [clip for row in rows for clip in row]
        np.save(folder / "samples.npy", np.concatenate(clips))
        np.save(folder / "offsets.npy", np.cumsum([0, *map(len, clips)]))
        listing.write_text(json.dumps(entries))
    return Bank(folder)
