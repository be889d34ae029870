"""Recordings put together from the word bank, with what is said in them and when."""

import random
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .microphones import through_a_microphone
from .sounds import Background, Samples, echoed, tilted
from .speech.bank import Bank
from .speech.formants import with_formants
from .speech.utterance import SAMPLE_RATE, Phone, Spoken, Utterance
from .speech.voices import Voice
from .vocabulary import Sentences, sentence


class Manner(NamedTuple):
    """Somebody in a conversation: the voice in the bank, its gain, colour, pauses, room, throat, pace and formants."""

    voice: int
    gain: float
    tilt: float
    pause: float = 0.12  # seconds, the longest
    room: Samples | None = None
    shift: float = 1.0  # above 1: lower and slower than the bank has it
    pace: float = 1.0  # above 1: faster than the bank has it
    formants: float = 1.0  # above 1: higher than the bank has them


@dataclass(frozen=True)
class Word:
    """One word that was said."""

    index: int  # in vocabulary.WORDS
    start: float
    end: float
    phones: tuple[Phone, ...] = ()  # times from the start of the word


@dataclass(frozen=True)
class Segment:
    """A turn, or a tagged stretch without speech (`tag` set, no words)."""

    start: float
    end: float
    voice: int  # in the bank; -1 for a tag
    words: tuple[Word, ...] = ()
    complete: bool = True
    tag: str = ""


@dataclass(frozen=True)
class Recording:
    """Mono samples at 24 kHz and the true segments, in order of time."""

    samples: Samples
    segments: list[Segment]

    @property
    def seconds(self) -> float:
        return len(self.samples) / SAMPLE_RATE


@dataclass(frozen=True)
class Style:
    """What a conversation is like."""

    speakers: int = 2
    seconds: float = 15.0
    long_gaps: float = 0.04  # probability before each turn
    same_again: float = 0.25  # probability that whoever spoke goes on
    snr: tuple[float, float] = (16.0, 45.0)  # dB of speech over the background
    plain: bool = False  # sentences only, no words in random order
    whole: float = 0.0  # share of turns that were spoken as a whole, by voices that did so
    overlaps: float = 0.0  # probability of beginning before the one who spoke is done
    rooms: float = 0.0  # probability of a room that is heard
    microphones: float = 0.0  # probability of a microphone that is heard
    shifts: float = 0.0  # by how much, at most, a throat is longer or shorter than in the bank
    formants: float = 0.0  # by how much, at most, those of every second speaker lie elsewhere than in the bank
    pace: tuple[float, float] = (1.0, 1.0)  # of the slowest and of the fastest speaker, 1 as in the bank


@dataclass
class _Tape:
    """Samples being written, and the place that is written next."""

    samples: NDArray[np.float32]
    position: int = 0
    segments: list[Segment] = field(default_factory=list)

    @property
    def now(self) -> float:
        return self.position / SAMPLE_RATE

    def add(self, samples: Samples, room: Samples | None = None) -> tuple[float, float]:
        heard = samples if room is None else echoed(samples, room)
        last = self.position + len(heard)
        if last > len(self.samples):
            self.samples = np.concatenate([self.samples, np.zeros(last, np.float32)])
        self.samples[self.position : last] += heard
        start, self.position = self.now, self.position + len(samples)
        return start, self.now

    def wait(self, seconds: float) -> None:
        self.position = max(0, self.position + round(seconds * SAMPLE_RATE))


def distinct(voices: list[Voice], count: int, rng: random.Random) -> list[int]:
    """Voices that a listener can tell apart: none shares its variant, or nearly its pitch, with another."""
    chosen: list[int] = []
    while len(chosen) < count:
        candidate = rng.randrange(len(voices))
        if not any(_alike(voices[candidate], voices[index]) for index in chosen) or rng.random() < 0.02:
            chosen.append(candidate)
    return chosen


def _alike(one: Voice, other: Voice) -> bool:
    same_program = one.family == other.family == "espeak-ng"  # whose variants are few
    return one.timbre == other.timbre or (same_program and abs(one.pitch - other.pitch) < 12)


def _long_gap(tape: _Tape, rng: random.Random, background: Background) -> None:
    start, length = tape.now, rng.uniform(3.3, 9.0)
    tag = rng.choice(("[Silence]", "[Silence]", "[Noise]", "[Music]"))
    sound = background.gap(tag, round((length - 0.2) * SAMPLE_RATE), rng)
    tape.wait(0.1)
    if sound is not None:
        tape.add(sound)
    else:
        tape.wait(length - 0.2)
    tape.wait(0.1)
    tape.segments.append(Segment(start, tape.now, -1, tag=tag))


def manners(
    bank: Bank,
    pool: list[int],
    style: Style,
    rng: random.Random,
    rooms: list[Samples] | None = None,
) -> list[Manner]:
    """The people of such a conversation, with voices of `pool`, each in one of the rooms' places."""
    picked = distinct([bank.voices[index] for index in pool], style.speakers, rng)
    return [
        Manner(
            pool[index],
            10 ** (rng.uniform(-4, 3) / 20),
            rng.uniform(-0.4, 0.6),
            rng.choice((0.04, 0.12, 0.12, 0.4)),
            rng.choice(rooms) if rooms else None,
            1 + rng.uniform(-style.shifts, style.shifts) if style.shifts else 1.0,
            rng.uniform(*style.pace) if style.pace != (1.0, 1.0) else 1.0,
            1 + rng.uniform(-style.formants, style.formants) if style.formants and rng.random() < 0.5 else 1.0,
        )
        for index in picked
    ]


def compose(
    bank: Bank,
    pool: list[int],
    style: Style,
    background: Background,
    rng: random.Random,
    people: list[Manner] | None = None,
    says: Sentences = sentence,
) -> Recording:
    """A conversation of about `style.seconds` among voices of `pool`, or among `people` who are known already.

    `says`: the next sentence, see `vocabulary.sentence`.
    """
    tape = _Tape(np.zeros(round((style.seconds + 12) * SAMPLE_RATE), np.float32))
    room = background.room(rng) if rng.random() < style.rooms else None
    manner = people or manners(bank, pool, style, rng, room)
    voice, last = manner[0], None
    tape.wait(max(0.0, rng.uniform(-0.1, 1.2)))
    while True:
        if rng.random() < style.long_gaps:
            _long_gap(tape, rng, background)
        if last is not None and rng.random() > style.same_again:
            voice = rng.choice([other for other in manner if other is not last] or manner)
        if tape.segments and not tape.segments[-1].tag:
            tape.wait(_pause(tape, voice is last, style, rng))
        _speak(tape, bank, voice, says, style, rng)
        last = voice
        if tape.now >= style.seconds:
            break
    tape.position = max(tape.position, *(round(segment.end * SAMPLE_RATE) for segment in tape.segments[-2:]))
    if rng.random() < style.long_gaps * 2:
        _long_gap(tape, rng, background)
    tape.wait(max(0.0, rng.uniform(-0.1, 1.0)))
    samples = np.pad(tape.samples[: tape.position], (0, max(0, tape.position - len(tape.samples))))
    return Recording(_recorded(samples, style, background, rng), _with_leading_gap(tape.segments))


def nobody(style: Style, background: Background, rng: random.Random) -> Recording:
    """Up to 20 s in which nobody speaks. What is long enough for a tag has one: noise or music."""
    tag, tagged = rng.choice(("[Noise]", "[Music]")), rng.random() < 0.7
    seconds = rng.uniform(3.3, 20) if tagged else rng.uniform(0.4, 2.7)
    sound = background.gap(tag, round(seconds * SAMPLE_RATE), rng)
    assert sound is not None
    segments = [Segment(0.0, len(sound) / SAMPLE_RATE, -1, tag=tag)] if tagged else []
    return Recording(_recorded(sound, style, background, rng), segments)


def _recorded(samples: Samples, style: Style, background: Background, rng: random.Random) -> Samples:
    """With noise behind it, as a microphone hears it."""
    snr = rng.uniform(*style.snr)
    samples = samples + background.noise(len(samples), rng) * np.float32(0.1 * 10 ** (-snr / 20))
    samples = tilted(samples, rng.uniform(-0.25, 0.35))
    return through_a_microphone(samples, rng) if rng.random() < style.microphones else samples


def _pause(tape: _Tape, same: bool, style: Style, rng: random.Random) -> float:
    """Seconds between two turns; below 0 where the second person does not wait."""
    if same:
        return rng.uniform(0.55, 1.6)
    if rng.random() < style.overlaps:
        before = tape.segments[-1]
        return -rng.uniform(0.1, min(0.8, 0.4 * (before.end - before.start)))
    return rng.uniform(0.2, 1.2)


def _with_leading_gap(segments: list[Segment]) -> list[Segment]:
    """A tag at the beginning starts with the recording."""
    first = segments[0]
    return [Segment(0.0, first.end, -1, tag=first.tag), *segments[1:]] if first.tag else segments


def _speak(
    tape: _Tape,
    bank: Bank,
    manner: Manner,
    says: Sentences,
    style: Style,
    rng: random.Random,
) -> None:
    sentences = bank.sentences(manner.voice) if rng.random() < style.whole else []
    if sentences:
        said = bank.utterance(rng.choice(sentences))
    else:
        said = _joined(bank, manner, _sayable(bank, manner.voice, says, style.plain, rng), rng)
    if manner.formants != 1.0:
        said = replace(said, samples=with_formants(said.samples, manner.formants))
    if manner.shift != 1.0:
        said = said.resampled(manner.shift)
    if manner.pace != 1.0:
        said = said.at_pace(manner.pace)
    start, _ = tape.add(tilted(said.samples, manner.tilt) * np.float32(manner.gain), manner.room)
    words = tuple(Word(bank.index[word.word], start + word.start, start + word.end, word.phones) for word in said.words)
    tape.segments.append(Segment(words[0].start, words[-1].end, manner.voice, words))


def _sayable(bank: Bank, voice: int, says: Sentences, plain: bool, rng: random.Random) -> list[int]:
    """The next sentence of which the voice has all words."""
    while True:
        words = [bank.index[word] for word in says(rng, plain)]
        if all(bank.takes(voice, word) for word in words):
            return words


def _joined(bank: Bank, manner: Manner, words: list[int], rng: random.Random) -> Utterance:
    """Words said one by one, put together."""
    pieces: list[Samples] = []
    said: list[Spoken] = []
    position = 0
    for number in words:
        if said and (gap := rng.choice((0, round(rng.uniform(0.0, manner.pause) * SAMPLE_RATE)))):
            pieces.append(np.zeros(gap, np.float32))
            position += gap
        take = bank.utterance(rng.choice(bank.takes(manner.voice, number)))
        end = position + len(take.samples)
        said.append(Spoken(bank.words[number], position / SAMPLE_RATE, end / SAMPLE_RATE, take.words[0].phones))
        pieces.append(take.samples)
        position = end
    return Utterance(np.concatenate(pieces), tuple(said))
