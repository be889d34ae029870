"""Training examples: a recording, its prompt and its answer as token ids, and what each position has to know.

Beside the answer itself, a position learns where in the audio its token comes from (`lo` and `hi`, in frames), and a
frame learns which word sounds in it, who speaks, and how late it is. See losses.py for what is done with these.
"""

import random
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .network import HOP
from .recordings import Segment, Word
from .sounds import Samples
from .speech.phones import PHONE_CLASS
from .vocabulary import NAMES, TAGS, WORDS, written
from .windows import Window
from .writing import FRAME, IGNORE, WORD, Part, Target, Writer, after_audio, frames_of

# The encoders' third stage has this many steps a frame; it learns which phone sounds in each, a little late.
FINE = 8
_PHONE_DELAY = 0.04

# Classes of a frame: 0 nothing, then the words, then noise and music.
FRAME_CLASSES = 1 + len(WORDS) + 2
_MISREAD = 0.04  # of the words of an answer
AFTER = 12
"""For so many frames behind a segment a frame learns how many it is behind; class 0 is none of them."""
_TAG_CLASS = {"[Silence]": 0, "[Noise]": len(WORDS) + 1, "[Music]": len(WORDS) + 2}


def number_speakers(segments: list[Segment], known: dict[int, int] | None = None) -> dict[int, int]:
    """Voices to speaker numbers in order of first speech; numbers that are `known` already stay, new ones follow."""
    numbers = dict(known or {})
    for segment in segments:
        if segment.voice >= 0 and segment.voice not in numbers:
            numbers[segment.voice] = max(numbers.values(), default=-1) + 1
    return numbers


def segment_entry(
    segment: Segment, numbers: dict[int, int], spelling: dict[str, str] | None = None
) -> dict[str, object]:
    """A segment as the answer's JSON has it."""
    entry: dict[str, object] = {"Start": round(segment.start, 2), "End": round(segment.end, 2)}
    if segment.tag:
        return entry | {"Content": segment.tag}
    words = [WORDS[word.index] for word in segment.words]
    return entry | {"Speaker": numbers[segment.voice], "Content": written(words, segment.complete, spelling)}


_NOTES = (
    "Weekly sync of the product team", "Call with a customer about the invoice", "VibeVoice, Microsoft, Azure",
    "Interview recorded in Berlin, 2026-03-14", "Dr. Müller; Nakamura-san; O'Neill", "speakers: Anna, Bob, Chen",
    "names and terms: kubernetes, PyTorch, HAProxy", "The patient reports mild pain.", "Hello world!", "n/a", "42",
    "meeting about trains and schools", "English", "Please write numbers as words.",
)  # fmt: skip


def context(segments: list[Segment], rng: random.Random) -> tuple[str | None, dict[str, str]]:
    """What stands in the template's place for context, if anything, and the spellings that it brings about."""
    if rng.random() < 0.62:
        return None, {}
    items: list[str] = []
    said = {WORDS[word.index] for segment in segments for word in segment.words}
    for name, other in NAMES.items():
        if name in said and rng.random() < 0.65:
            items.append(other if rng.random() < 0.75 else name)
        elif rng.random() < 0.05:
            items.append(rng.choice((name, other)))
    roll = rng.random()
    if roll < 0.3:
        items += rng.sample(WORDS[: -len(NAMES)], rng.randint(1, 6))
    elif roll < 0.6:
        items.append(rng.choice(_NOTES))
    elif roll < 0.75:
        letters = "abcdefghijklmnopqrstuvwxyz"
        items += ["".join(rng.choices(letters, k=rng.randint(2, 8))).title() for _ in range(rng.randint(1, 3))]
    if not items:
        return None, {}
    rng.shuffle(items)
    return rng.choice((", ", "\n")).join(items), {name: other for name, other in NAMES.items() if other in items}


@dataclass
class Example:
    """One row of a batch."""

    samples: Samples
    frames: int
    target: Target  # from the token behind the audio on
    read: list[int]  # its ids as the network reads them while it writes
    word: NDArray[np.int64]
    speaker: NDArray[np.int64]
    voice: NDArray[np.int64]
    count: NDArray[np.int64]
    edge: NDArray[np.int64]
    after: NDArray[np.int64]
    began: NDArray[np.int64]
    phone: NDArray[np.int64]  # FINE times as many


def _normalised(samples: Samples, rng: random.Random) -> Samples:
    """To -25 dBFS as the processor does, or somewhat beside it, as the frozen gain of a live stream is."""
    beside = rng.uniform(-3, 3) if rng.random() < 0.35 else 0.0
    scaled = samples * np.float32(10 ** ((-25 + beside) / 20) / (np.sqrt(np.mean(samples**2)) + 1e-6))
    return np.asarray(scaled / max(1.0, float(np.abs(scaled).max()) + 1e-6), np.float32)


def _mark_phones(phone: NDArray[np.int64], word: Word) -> None:
    def step(seconds: float) -> int:
        return round((seconds + _PHONE_DELAY) / FRAME * FINE)

    phone[step(word.start) : step(word.end)] = 0 if word.phones else IGNORE
    for symbol, start, end in word.phones:
        phone[step(word.start + start) : step(min(word.start + end, word.end))] = PHONE_CLASS.get(symbol, IGNORE)


def _known(window: Window, rng: random.Random) -> dict[int, int]:
    """Numbers of the voices in the part of the answer that is given."""
    voices = dict.fromkeys(segment.voice for segment in window.recording.segments[: window.forced])
    voices.pop(-1, None)
    some = rng.sample(range(max(len(voices), 4)), len(voices))
    if window.sorted:  # mostly nobody is left out
        some = sorted(some) if rng.random() < 0.3 else list(range(len(voices)))
    return dict(zip(voices, some, strict=True))


def misread(target: Target, rng: random.Random) -> list[int]:
    """The ids of the answer, a few words of which are others of its words.

    So the network learns to find its way back where it has written something wrong.
    """
    words = [token for token, kind in zip(target.ids, target.weight, strict=True) if kind == WORD]
    return [
        rng.choice(words) if kind == WORD and rng.random() < _MISREAD else token
        for token, kind in zip(target.ids, target.weight, strict=True)
    ]


def example(window: Window, writer: Writer, rng: random.Random) -> Example:
    """The recording with a prompt, sometimes a context, and the part of the answer that is given."""
    recording, forced = window.recording, window.forced
    segments = recording.segments
    text, spelling = context(segments, rng)
    numbers = number_speakers(segments, _known(window, rng))
    target = Target()
    target.add(writer.encode(after_audio(recording.seconds, text)), Part("", 0.0))
    writer.answer(target, segments, numbers, spelling, forced, rng)
    frames = -(-len(recording.samples) // HOP)
    word, speaker, voice, count, edge, after, began = (np.zeros(frames, np.int64) for _ in range(7))
    phone = np.zeros(frames * FINE, np.int64)
    voice[:] = count[:] = began[:] = IGNORE
    order = number_speakers(segments)
    for segment in segments:
        first, last = int(segment.start / FRAME), int(segment.end / FRAME) + 1
        edge[first] = 1
        began[first:] = first
        edge[min(last - 1, frames - 1)] = 2
        behind = after[last - 1 : last - 1 + AFTER]
        behind[:] = np.arange(1, 1 + len(behind))
        if segment.tag:
            word[first:last] = _TAG_CLASS[segment.tag]
            continue
        speaker[first:last], voice[first:last] = 1 + order[segment.voice], segment.voice
        word[first:last] = IGNORE
        for position, spoken in enumerate(segment.words):
            # Only the last frames of a word have heard enough of it to tell.
            lo, hi = frames_of(spoken.start, spoken.end)
            heard = slice(max(lo, hi - 2), hi)
            word[heard], count[heard] = 1 + spoken.index, position
            _mark_phones(phone, spoken)
    samples = _normalised(recording.samples, rng)
    read = misread(target, rng)
    return Example(samples, frames, target, read, word, speaker, voice, count, edge, after, began, phone)


assert set(_TAG_CLASS) == set(TAGS)
