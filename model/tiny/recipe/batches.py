"""Batches of training examples, made in a process of their own while the network trains."""
# ruff: noqa: S311 - chance here is for variety, not for secrets

import random
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

from . import tokenizer as tokenizers
from .examples import FINE, Example, example
from .network import HOP
from .recordings import Recording, Style, compose, nobody
from .rooms import load
from .sounds import Background, Samples, babble
from .speech.bank import Bank
from .speech.casts import pool
from .vocabulary import brief, repeating, sentence
from .windows import Window, gated, rolled, stretch
from .writing import IGNORE, Writer

_ROLLED = 0.35
"""Of the recordings of enough turns: so many are seen through a later window."""
_LIVE = 0.4
"""Of the others: so many are heard as live servers hear, without their silences, of which these have more."""
_BRIEF = 0.35
"""So many recordings are of a word or two, which are mostly said slower than in sentences."""
_NOBODY = 0.04
"""In so many recordings nobody speaks."""


@dataclass
class Batch:
    """B rows of at most T frames and L tokens, padded on the right."""

    samples: Tensor  # [B, T * HOP]
    frames: Tensor  # [B], frames of each row
    ids: Tensor  # [B, L], which the network is to write
    read: Tensor  # [B, L], which it reads meanwhile: a few words are wrong
    weight: Tensor  # [B, L], loss weight of a token; 0 in prompt and padding
    lo: Tensor  # [B, L], first position of the audio that a token comes from; -1 where it comes from none
    hi: Tensor  # [B, L], position after the last
    said_by: Tensor  # [B, L], the number at speaker digits, -1 elsewhere
    said_in: Tensor  # [B, L], the voice in the bank at speaker digits, IGNORE elsewhere
    place: Tensor  # [B, L], which word of its segment a token is of, IGNORE where it is of none
    word: Tensor  # [B, T], frame classes
    speaker: Tensor  # [B, T], 0 nobody, 1.. in order of first speech
    voice: Tensor  # [B, T], voice in the bank, IGNORE where nobody speaks
    count: Tensor  # [B, T], how many words of the segment came before the one that sounds
    edge: Tensor  # [B, T], 1 where a segment starts, 2 where it ends
    after: Tensor  # [B, T], how many frames ago a segment ended, from 1 in its last one on; 0 if long ago
    began: Tensor  # [B, T], the frame in which the latest segment started, IGNORE before the first
    phone: Tensor  # [B, T * FINE], phone classes

    def __iter__(self) -> Iterator[Tensor]:
        return (getattr(self, item.name) for item in fields(self))

    def to(self, device: torch.device) -> "Batch":
        """The same on a device."""
        return Batch(*(values.to(device) for values in self))


def _rounded(count: int, step: int) -> int:
    """Up to a multiple: each new shape costs the CPU's kernels some preparation, so there should be few."""
    return -(-count // step) * step


def collate(examples: list[Example], writer: Writer, audio_token: int) -> Batch:
    """Examples as one batch."""
    before = writer.before_audio
    rows, longest = len(examples), max(item.frames for item in examples)
    frames = _rounded(longest, 4 if longest < 64 else 16)
    length = _rounded(max(len(before) + item.frames + len(item.target.ids) for item in examples), 32)
    samples = torch.zeros(rows, frames * HOP)
    ids, read = (torch.zeros(rows, length, dtype=torch.long) for _ in range(2))
    weight = torch.zeros(rows, length)
    lo, hi, said_by = (torch.full((rows, length), -1) for _ in range(3))
    said_in, place = (torch.full((rows, length), IGNORE) for _ in range(2))
    names = "word", "speaker", "voice", "count", "edge", "after", "began"
    labels = {name: torch.full((rows, frames), IGNORE) for name in names}
    labels["phone"] = torch.full((rows, frames * FINE), IGNORE)
    for row, item in enumerate(examples):
        samples[row, : len(item.samples)] = torch.from_numpy(item.samples)
        target, start = item.target, len(before) + item.frames
        end = start + len(target.ids)
        for given, answer in ((ids, target.ids), (read, item.read)):
            given[row, :end] = torch.tensor([*before, *[audio_token] * item.frames, *answer])
        weight[row, start:end] = torch.tensor(target.weight)
        offset = len(before)
        for bound, heard in ((lo, target.lo), (hi, target.hi)):
            frame = [value if value < 0 else min(value, item.frames) + offset for value in heard]
            bound[row, start:end] = torch.tensor(frame)
        said_by[row, start:end] = torch.tensor(target.speaker)
        said_in[row, start:end] = torch.tensor(target.voice)
        place[row, start:end] = torch.tensor(target.place)
        for name, values in labels.items():
            known = torch.from_numpy(getattr(item, name))
            values[row, : len(known)] = known
    counts = torch.tensor([item.frames for item in examples])
    return Batch(samples, counts, ids, read, weight, lo, hi, said_by, said_in, place, **labels)


def style_at(step: int, longer: int, rng: random.Random) -> Style:
    """The curriculum: short and clear recordings first, conversations of up to two minutes later.

    From step `longer` on more of them are long.
    """
    snr = _noise(rng)
    if step < 300:
        return Style(rng.choice((1, 1, 2)), rng.uniform(2, 8), long_gaps=0.01, snr=snr, whole=0.2, microphones=0.3)
    surroundings: dict[str, Any] = {
        "snr": snr, "whole": 0.3, "overlaps": 0.04, "rooms": 0.3, "microphones": 0.5, "shifts": 0.1,
        "formants": 0.15,
    }  # fmt: skip
    if step < 2500:
        surroundings |= {"snr": (16.0, 45.0), "rooms": 0.15, "microphones": 0.3}
        return Style(rng.choice((1, 1, 2, 2, 3)), rng.uniform(1, 14), **surroundings)
    surroundings["pace"] = rng.choice(((1.0, 1.0), (1.0, 1.0), (0.7, 1.25)))
    roll, speakers = rng.random(), rng.choice((1, 2, 2, 3, 3))
    short, medium, long = (0.6, 0.85, 0.94) if step < longer else (0.4, 0.65, 0.8)
    if roll < short:
        return Style(rng.choice((1, 1, 2, 3)), rng.uniform(0.4, 12), **surroundings)
    if roll < medium:
        return Style(speakers, rng.uniform(12, 30), **surroundings)
    return Style(speakers, rng.uniform(30, 122 if roll > long else 85), **surroundings)


def _noise(rng: random.Random) -> tuple[float, float]:
    """From which to which level speech stands above the background, in decibels: mostly well."""
    return rng.choices(((16.0, 45.0), (8.0, 20.0), (0.0, 10.0)), (5, 2, 1))[0]


def windowed(recording: Recording, rng: random.Random) -> Window:
    """The recording as one of the things that the model is given: whole, cut off, or in a live server's window."""
    later = rolled(recording, rng) if rng.random() < _ROLLED else None
    return later or stretch(recording, rng)


class Stream(IterableDataset[Batch]):
    """Endless batches of about `frames` frames of audio each, from step `start` of the curriculum on.

    Workers make different ones.
    """

    def __init__(self, work: Path, seed: int, start: int, frames: int, longer: int) -> None:
        self._work, self._seed, self._start, self._frames, self._longer = work, seed, start, frames, longer

    def __iter__(self) -> Iterator[Batch]:
        torch.set_num_threads(1)
        worker = get_worker_info()
        mine, workers = (worker.id, worker.num_workers) if worker else (0, 1)
        rng = random.Random(f"{self._seed}/{self._start}/{mine}")
        bank, tokenizer = Bank(self._work / "training"), tokenizers.build()
        among = pool(bank)
        crowds = [_babble(bank, among, rng) for _ in range(4)]
        background = Background(self._seed + mine, load(self._work / "rooms.npy"), crowds)
        writer = Writer(tokenizer)
        audio_token = writer.encode("<|box_start|>")[0]
        step = self._start
        while True:
            examples: list[Example] = []
            while sum(item.frames for item in examples) < 8 * self._frames:
                style, says = style_at(step, self._longer, rng), sentence
                if rng.random() < _NOBODY:
                    examples.append(example(Window(nobody(style, background, rng)), writer, rng))
                    continue
                if rng.random() < _BRIEF:
                    pace = rng.choice(((1.0, 1.0), (0.5, 0.8), (0.7, 1.1)))
                    style, says = replace(style, speakers=1, seconds=0.1, whole=0.0, pace=pace), brief
                live = says is sentence and rng.random() < _LIVE
                if live:
                    style = replace(style, long_gaps=0.15)
                recording = compose(bank, among, style, background, rng, says=repeating(says))
                examples.append(example(windowed(gated(recording, rng) if live else recording, rng), writer, rng))
            batches = list(self._grouped(sorted(examples, key=lambda item: item.frames)))
            rng.shuffle(batches)
            for batch in batches:
                yield collate(batch, writer, audio_token)
                step += workers

    def _grouped(self, examples: list[Example]) -> Iterator[list[Example]]:
        group: list[Example] = []
        for item in examples:
            if group and (len(group) + 1) * item.frames > self._frames:
                yield group
                group = []
            group.append(item)
        yield group


def _babble(bank: Bank, among: list[int], rng: random.Random) -> Samples:
    people = rng.sample(among, 6)
    return babble([[bank.word(voice, rng.choice(bank.words_of(voice))) for _ in range(40)] for voice in people])
