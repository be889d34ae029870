"""How much probabilities say of whether words are right: python -m bench.word_times.confidence

A server with the bundled checkpoint transcribes recordings of held-out voices, half of them in noise. Each word has the
mean probability of its segment, that of its own tokens (what Deepgram's clients get as confidence) and the smallest of
these; all are held against whether the word is right.
"""

from __future__ import annotations

import argparse
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise
from typing import Any

import httpx
import numpy as np

from bench.support import service, talks
from bench.support.report import PAGE, Report, machine, parser
from model.tiny.recipe.examples import number_speakers, segment_entry
from model.tiny.recipe.scoring import words_of

_SECONDS = (8.0, 16.0)
_NOISE = 10 ** (-12 / 20)
"""In half of the recordings, of the speech's level, so that there are errors."""
_BINS = (0.0, 0.5, 0.8, 0.9, 0.95, 1.0)
_SEGMENT_END = '"}'
"""Of the last token of a segment, which carries the end of its text and of its object."""
_PATH, _DEEPGRAM = "/v1/audio/transcriptions", "/v1/listen"


@dataclass(frozen=True, slots=True)
class JudgedWord:
    """``of_segment``, ``told``, ``smallest``: probabilities. ``right``: it was said."""

    of_segment: float
    told: float
    smallest: float
    right: bool


def main() -> None:
    """Run the bench and print its tables."""
    options, report = _options(), Report("confidence")
    words: list[JudgedWord] = []
    with service.running_server() as server:
        for number in range(options.recordings):
            words += _judged(server.base, number)
    right = sum(word.right for word in words)
    report.say(f"{machine()}: {options.recordings} recordings, {right} of {len(words)} words right")
    for name, values in (
        ("mean of the segment's tokens", [word.of_segment for word in words]),
        ("mean of the word's own tokens, which is told", [word.told for word in words]),
        ("smallest of the word's own tokens", [word.smallest for word in words]),
    ):
        judged = [word.right for word in words]
        error, area = calibration_error(values, judged), area_under_curve(values, judged)
        report.say(f"{name}: expected calibration error {error:.3f}, area under the curve {area:.2f}")
        report.table(["told", "words", "mean told", "right"], reliability(values, judged))
    if options.record:
        report.record(PAGE.with_name("evaluation.md"))


def _judged(base: str, number: int) -> list[JudgedWord]:
    rng = random.Random(f"confidence/{number}")
    talk = talks.talk(talks.voices(rng.choice((1, 2)), rng), rng.uniform(*_SECONDS), rng, long_gaps=0.0)
    samples = talk.samples
    if number % 2:
        level = np.float32(_NOISE * np.sqrt(np.mean(np.square(samples))))
        samples = samples + level * np.random.default_rng(number).standard_normal(samples.size, np.float32)
    numbers = number_speakers(list(talk.turns))
    said = [word for turn in talk.turns for word in words_of(str(segment_entry(turn, numbers)["Content"]))]
    sound = service.as_wav(samples)
    segments = _answer(base, sound, response_format="verbose_json")["segments"]
    answer = _answer(base, sound, **{"response_format": "json", "include[]": "logprobs"})
    told = [(word, math.exp(segment["avg_logprob"])) for segment in segments for word in segment["text"].split()]
    sure, smallest = _told(base, sound), _smallest(answer["logprobs"])
    texts = [" ".join(words_of(word)) for word, _ in told]
    found = SequenceMatcher(None, said, texts, autojunk=False).get_matching_blocks()
    right = {block.b + place for block in found for place in range(block.size)}
    if not len(sure) == len(smallest) == len(told):
        raise ValueError(f"{len(sure)} words have a confidence, {len(smallest)} tokens, of {len(told)}")
    return [JudgedWord(mean, sure[at], smallest[at], at in right) for at, (_, mean) in enumerate(told)]


def _told(base: str, sound: bytes) -> list[float]:
    """The confidence of each word."""
    with httpx.Client(base_url=base, timeout=600, verify=False) as client:
        answer = client.post(_DEEPGRAM, content=sound, headers={"content-type": "audio/wav"})
        answer.raise_for_status()
        return [word["confidence"] for word in answer.json()["results"]["channels"][0]["alternatives"][0]["words"]]


def _answer(base: str, sound: bytes, **fields: str) -> dict[str, Any]:
    with httpx.Client(base_url=base, timeout=600, verify=False) as client:
        answer = client.post(_PATH, files={"file": ("talk.wav", sound)}, data={"model": "whisper-1", **fields})
        answer.raise_for_status()
        return dict(answer.json())


def _smallest(tokens: Sequence[dict[str, Any]]) -> list[float]:
    """Smallest probability of the tokens of each word; a token belongs to the word in which it says something first."""
    words: list[list[float]] = []
    between = True
    for token in tokens:
        text = str(token["token"])
        if text.strip():
            if between or text[0].isspace():
                words.append([])
            words[-1].append(token["logprob"])
            words += [[token["logprob"]] for _ in text.split()[1:]]
        between = text[-1:].isspace() or text.endswith(_SEGMENT_END)
    return [math.exp(min(each)) for each in words]


def reliability(values: Sequence[float], right: Sequence[bool]) -> list[list[str]]:
    """A row for each range of probabilities: words, what they are told with, and the share that is right."""
    rows = []
    for low, high in pairwise(_BINS):
        own = [(v, r) for v, r in zip(values, right, strict=True) if low <= v < high or v == high == 1.0]
        if own:
            told, hits = (float(np.mean(column)) for column in zip(*own, strict=True))
            rows.append([f"{low:g} to {high:g}", str(len(own)), f"{told:.2f}", f"{hits:.2f}"])
    return rows


def calibration_error(values: Sequence[float], right: Sequence[bool], bins: int = 10) -> float:
    """Expected calibration error over so many equally wide bins (Guo et al. 2017)."""
    told, hits = np.array(values), np.array(right, np.float64)
    places = np.minimum((told * bins).astype(int), bins - 1)
    gaps = [abs(told[places == n].sum() - hits[places == n].sum()) for n in range(bins)]
    return float(sum(gaps) / len(told))


def area_under_curve(values: Sequence[float], right: Sequence[bool]) -> float:
    """How probable it is that a right word has more than a wrong one; nan where all are of one kind."""
    told, hits = np.array(values), np.array(right)
    good, bad = told[hits], told[~hits]
    if not good.size or not bad.size:
        return math.nan
    return float(np.mean(good[:, None] > bad) + 0.5 * np.mean(good[:, None] == bad))


def _options() -> argparse.Namespace:
    options = parser(__doc__)
    options.add_argument("--recordings", type=int, default=16)
    return options.parse_args()


if __name__ == "__main__":
    main()
