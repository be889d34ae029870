"""Recordings with words that the bundled checkpoint does not know, said by espeak-ng, as data for model.finetune."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import soundfile  # type: ignore[import-untyped]

from model.seam.audio import SAMPLE_RATE
from model.tiny.recipe.evaluate import HELD_OUT_SEED, levelled
from model.tiny.recipe.examples import number_speakers
from model.tiny.recipe.recordings import Recording, Style, compose
from model.tiny.recipe.sounds import Background
from model.tiny.recipe.speech.bank import Bank
from model.tiny.recipe.speech.espeak import bank, held_out_voices, training_voices
from model.tiny.recipe.vocabulary import WORDS, listed, sentence, written

NEW_WORDS = listed("customer interview recording product company project information helpful report Microsoft")
"""None is in the vocabulary: the checkpoint has neither heard nor written any. Within a sentence each is one token, of
texts that contexts are made of; what begins a sentence the tokenizer would spell in pieces."""

HELD_OUT = Path("model/tiny/heldout")
_VOICES, _STRANGERS = 60, 8
_REPLACED = 0.25
"""Share of the words of a sentence in whose place a new one stands."""


@dataclass(frozen=True, slots=True)
class Material:
    """Files of JSON lines. ``learned``: from; ``new``, ``old``: held out, with the new words and without."""

    learned: Path
    new: Path
    old: Path


def make(folder: Path, *, recordings: int, held_out: int, seed: int) -> Material:
    """Half of what is learned from has new words in it: the other half is what is to be kept.

    Held out are voices that neither these recordings nor the checkpoint's own training have.
    """
    words = (*WORDS, *NEW_WORDS)
    known = bank(folder / "voices", training_voices(_VOICES, seed), words=words)
    others = [voice for voice in held_out_voices(HELD_OUT_SEED) if voice.group == "new voices"]
    strangers = bank(folder / "strangers", others[:: len(others) // _STRANGERS], words=words)
    rng, background = random.Random(seed), Background(seed)
    return Material(
        _write(
            folder, "learned", [_one(known, background, rng, new=i % 2 == 0) for i in range(recordings)], known, rng
        ),
        _write(folder, "new", [_one(strangers, background, rng, new=True) for _ in range(held_out)], strangers, rng),
        _bundled(folder / "old.jsonl"),
    )


def _one(words: Bank, background: Background, rng: random.Random, *, new: bool) -> Recording:
    style = Style(rng.choice((1, 2)), rng.uniform(2.5, 8), snr=(20, 40), plain=rng.random() < 0.5)
    return compose(words, list(range(len(words.voices))), style, background, rng, says=_new if new else sentence)


def _new(rng: random.Random, plain: bool) -> list[str]:
    """A sentence with at least one new word, which does not begin it."""
    said = sentence(rng, plain)
    if len(said) == 1:
        said.append(rng.choice(WORDS))
    places = [place for place in range(1, len(said)) if rng.random() < _REPLACED] or [rng.randrange(1, len(said))]
    for place in places:
        said[place] = rng.choice(NEW_WORDS)
    return said


def _write(folder: Path, name: str, made: list[Recording], words: Bank, rng: random.Random) -> Path:
    (folder / name).mkdir(parents=True, exist_ok=True)
    lines: list[dict[str, object]] = []
    for number, recording in enumerate(made):
        audio = Path(name) / f"{number:03d}.flac"
        soundfile.write(folder / audio, levelled(recording, rng), SAMPLE_RATE)
        lines.append({"audio": str(audio), "segments": list(_segments(recording, words))})
    return _lines(folder / f"{name}.jsonl", lines)


def _segments(recording: Recording, words: Bank) -> Iterator[dict[str, object]]:
    numbers = number_speakers(recording.segments)
    for segment in recording.segments:
        times = {"start": round(segment.start, 2), "end": round(segment.end, 2)}
        if segment.tag:
            yield {**times, "text": segment.tag}
            continue
        text = written([words.words[word.index] for word in segment.words], segment.complete)
        yield {**times, "text": text, "speaker": numbers[segment.voice]}


def _bundled(file: Path) -> Path:
    """The recordings that are held out for the tests."""
    references = json.loads((HELD_OUT / "references.json").read_text())
    names = {"Start": "start", "End": "end", "Speaker": "speaker", "Content": "text"}
    lines: list[dict[str, object]] = [
        {
            "audio": str((HELD_OUT / audio).resolve()),
            "segments": [{names[key]: value for key, value in each.items()} for each in segments],
        }
        for audio, segments in references.items()
    ]
    return _lines(file, lines)


def _lines(file: Path, lines: list[dict[str, object]]) -> Path:
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return file
