"""How a window of a made conversation is heard: with the model's habits, differently each time.

Words are left out, misspelt, exchanged; numbers are written in digits; capitals, commas and where segments end differ;
times are off, all of them together and each by itself; speakers are numbered anew; at the window's edges words are cut,
made up or missing.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from bench.seams.talk import Spoken, Talk, numerals, sentences_of, vocabulary
from server.transcript.word_breaks import cut_words, in_unspaced_script

_AROUND = 2.0
"""Seconds around an overlap in which words are misheard."""
_MARKS = ".,!?;:…。，、！？؟،।"


@dataclass(frozen=True, slots=True)
class Hearing:
    """What one window is heard as. ``people``: the persons by the window's numbers."""

    segments: list[dict[str, object]]
    people: dict[int, int]


@dataclass(frozen=True, slots=True)
class Habits:
    """How often what happens, per word, sentence or window, and by how many seconds times are off."""

    left_out: float = 0.015
    added: float = 0.004
    misspelt: float = 0.008
    exchanged: float = 0.004
    restyled: float = 0.08
    digits: float = 0.2
    split: float = 0.5
    astray: float = 0.03
    edge: float = 0.5
    tail: float = 0.12
    shift: float = 0.8
    jitter: float = 0.25


@dataclass(frozen=True, slots=True)
class _Piece:
    person: int
    words: list[Spoken]


def hear(
    rng: random.Random, talk: Talk, window: tuple[float, float], overlap: tuple[float, float], habits: Habits
) -> Hearing:
    """A window, in seconds of the talk, with times from its start.

    Words far from the ``overlap`` are heard as they were said: no rule for seams changes them.
    """
    start, end = window
    pieces = _edges(rng, _pieces(rng, talk, start, end, habits), talk, (start, end), habits)
    pieces = [replace(piece, words=_heard(rng, piece.words, talk.language, overlap, habits)) for piece in pieces]
    pieces = [piece for piece in pieces if piece.words]
    shift = rng.uniform(-habits.shift, habits.shift) if rng.random() < 0.4 else 0.0
    segments: list[tuple[float, float, int | None, str]] = []
    numbers: dict[int, int] = {}
    for piece in pieces:
        number = numbers.setdefault(piece.person, len(numbers))
        text = "".join(word.lead * (place > 0) + word.text for place, word in enumerate(piece.words))
        times = [piece.words[0].start, piece.words[-1].end]
        first, last = (time - start + shift + rng.gauss(0.0, habits.jitter) for time in times)
        segments.append((first, last, number, text))
    for silence in talk.silences:
        first, last = max(silence[0], start) - start, min(silence[1], end) - start
        if last - first > 1.0 and rng.random() < 0.7:
            segments.append((first, last, None, rng.choice(("[Silence]", "[Noise]", "[Silence]"))))
    shown = []
    for first, last, speaker, text in sorted(segments, key=lambda segment: segment[0]):
        first, last = (round(min(max(time, 0.0), end - start), 2) for time in (first, last))
        fields: dict[str, object] = {"Start": first, "End": max(first, last)}
        if speaker is not None:
            fields["Speaker"] = speaker
        shown.append(fields | {"Content": text})
    return Hearing(shown, {number: person for person, number in numbers.items()})


def _pieces(rng: random.Random, talk: Talk, start: float, end: float, habits: Habits) -> list[_Piece]:
    """Segments as this window has them: sentences together or apart, some cut at a comma."""
    pieces: list[_Piece] = []
    together = False
    for sentence in talk.sentences:
        inside = [word for word in sentence.words if start <= (word.start + word.end) / 2 < end]
        if not inside:
            continue
        if together and pieces[-1].person == sentence.person:
            lead = "" if in_unspaced_script(inside[0].text[0]) and talk.language != "th" else " "
            pieces[-1].words.extend([replace(inside[0], lead=lead), *inside[1:]])
        else:
            pieces.append(_Piece(sentence.person, list(inside)))
        together = not sentence.ends_turn and rng.random() > habits.split
        commas = [place + 1 for place, word in enumerate(inside[:-1]) if word.text[-1] in ",،，、"]
        if commas and rng.random() < habits.split / 4:
            place = len(pieces[-1].words) - len(inside) + rng.choice(commas)
            words = pieces[-1].words
            pieces[-1] = _Piece(sentence.person, words[:place])
            pieces.append(_Piece(sentence.person, words[place:]))
    for before, piece in pairwise(pieces):
        if before.person != piece.person and len(piece.words) > 2 and rng.random() < habits.astray:
            before.words.append(replace(piece.words.pop(0), lead=" "))
    return pieces


def _edges(
    rng: random.Random, pieces: list[_Piece], talk: Talk, window: tuple[float, float], habits: Habits
) -> list[_Piece]:
    """The first and the last words are worse than those in the middle, and silence may be filled with a sentence."""
    front, back = window[0] > 0.0, window[1] < talk.end  # where the recording itself begins and ends nothing is cut
    if pieces and front and rng.random() < habits.edge:
        words = pieces[0].words
        for place in range(min(rng.choice((1, 1, 2)), len(words))):
            words[place] = _spoilt(rng, words[place], talk.language, front=True)
    if pieces and back and rng.random() < habits.edge:
        words = pieces[-1].words
        for place in range(1, 1 + min(rng.choice((1, 1, 2)), len(words))):
            words[-place] = _spoilt(rng, words[-place], talk.language, front=False)
    for piece in pieces:
        piece.words[:] = [word for word in piece.words if word.text]
    pieces = [piece for piece in pieces if piece.words]
    if pieces and back and rng.random() < habits.tail:
        made_up = cut_words(rng.choice(sentences_of(talk.language)))[:6]
        at = min(pieces[-1].words[-1].end, window[1] - 0.4)
        step = max((window[1] - at) / len(made_up), 0.05)
        said = [
            Spoken(word, lead, at + place * step, at + (place + 1) * step) for place, (lead, word) in enumerate(made_up)
        ]
        pieces.append(_Piece(pieces[-1].person, said))
    return pieces


def _spoilt(rng: random.Random, word: Spoken, language: str, *, front: bool) -> Spoken:
    way = rng.random()
    if way < 0.35:
        return replace(word, text="")
    if way < 0.65 and len(word.text) > 3:
        half = len(word.text) // 2
        return replace(word, text=word.text[half:] if front else word.text[:half])
    return replace(word, text=rng.choice(vocabulary(language)))


def _heard(
    rng: random.Random, words: Sequence[Spoken], language: str, overlap: tuple[float, float], habits: Habits
) -> list[Spoken]:
    heard: list[Spoken] = []
    digits = numerals(language)
    for word in words:
        if word.end < overlap[0] - _AROUND or word.start > overlap[1] + _AROUND:
            heard.append(word)
            continue
        if rng.random() < habits.left_out:
            continue
        text = word.text
        bare = text.strip(_MARKS)
        if bare in digits and rng.random() < habits.digits:
            text = text.replace(bare, digits[bare])
        elif rng.random() < habits.misspelt and len(bare) > 3:
            place = rng.randrange(1, len(bare))
            text = text.replace(bare, bare[:place] + rng.choice(bare) + bare[place + rng.choice((0, 1)) :])
        elif rng.random() < habits.exchanged:
            text = rng.choice(vocabulary(language))
        if rng.random() < habits.restyled:
            text = rng.choice((text.lower(), text.capitalize(), text.rstrip(_MARKS) or text, text + ","))
        heard.append(replace(word, text=text))
        if rng.random() < habits.added:
            lead = word.lead
            heard.append(Spoken(rng.choice(vocabulary(language)), lead, word.end, word.end))
    return heard
