"""Recordings by held-out voices: the files in samples/ and heldout/, and conversations of any length for tests.

`python -m model.tiny.recipe.samples` writes the files again, for which the speech of all programs has to be there, and
beside them the list of the words that they are made of.
"""
# ruff: noqa: S311 - chance here is for variety, not for secrets

import argparse
import json
import random
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import soundfile  # type: ignore[import-untyped]
from numpy.typing import NDArray

from .evaluate import HELD_OUT_SEED, Clip, certainty, clips, held_out_bank, levelled, load, measure, reference
from .recordings import Recording, Style, compose
from .scoring import Entry, Score
from .sounds import Background
from .speech import casts
from .speech.bank import Bank
from .speech.utterance import SAMPLE_RATE
from .train import CHECKPOINT
from .vocabulary import CARD
from .windows import gated

_WORK = Path(".cache/tiny")
_HERE = Path(__file__).parents[1]
_SMALL = 10 * SAMPLE_RATE  # the files are in the repository, so there should not be much of them
_CANDIDATES = {"short": 30, "two_speakers": 100, "long": 100}
"""So many recordings are made for each sample, which pages show and tests quote: it should be written right."""
_LEAD = 0.4
"""Seconds until somebody speaks, so few that live captions drop none of them."""
_SILENCE = 1.2, 1.45
"""Seconds between the two sentences of one person, so that live captions have a turn end there, and hear all of it."""
_VOICE = 2.2
"""Seconds that the second person speaks at first: enough for others to know the voice again."""
HELD_OUT = {"brief": {"new voices": 8, "kokoro": 6, "festival": 4}, "cut off": {"new voices": 2, "kokoro": 4}}
"""How many recordings there are in heldout/ of each style and group of voices."""


def _pool(words: Bank, group: str) -> list[int]:
    return [index for index, voice in enumerate(words.voices) if voice.group == group]


def conversation(
    seconds: float, seed: int, speakers: int = 3, work: Path = _WORK
) -> tuple[NDArray[np.float32], list[Entry]]:
    """A talk of about `seconds` among held-out voices: samples at 24 kHz, and who said what when.

    The first call makes the word bank of the held-out voices in `work`, which takes some seconds and needs espeak-ng.
    """
    words, rng = held_out_bank(work), random.Random(f"conversation/{seed}")
    style = Style(speakers, seconds, long_gaps=0.04, snr=(20, 30), plain=True)
    recording = compose(words, _pool(words, "new voices"), style, Background(HELD_OUT_SEED), rng)
    return levelled(recording, rng), reference(recording)


def _suits(name: str, clip: Clip) -> bool:
    """Whether a clip shows what a sample of this name is to show."""
    seconds, turns = len(clip.samples) / SAMPLE_RATE, [entry for entry in clip.reference if "Speaker" in entry]
    speakers = [entry["Speaker"] for entry in turns]
    tags = len(clip.reference) - len(turns)
    if name == "short":
        two = speakers == [0, 0] and turns[0]["Start"] < _LEAD
        two = two and _SILENCE[0] < turns[1]["Start"] - turns[0]["End"] < _SILENCE[1]
        return two and 3 <= seconds <= 8 and not tags
    if name == "two_speakers":
        taking_turns = len(turns) >= 4 and speakers == [number % 2 for number in range(len(turns))]
        answer = taking_turns and turns[1]["End"] - turns[1]["Start"] > _VOICE
        once = len({entry["Content"] for entry in turns}) == len(turns)
        return answer and once and 11 <= seconds <= 16 and not tags
    return 68 <= seconds <= 80 and len(set(speakers)) == 3 and tags >= 1


def _suited(name: str, words: Bank, background: Background) -> Iterator[Recording]:
    """Endless recordings that may become the sample of this name."""
    speakers, seconds, gaps = {"short": (1, 4.0, 0.0), "two_speakers": (2, 11.5, 0.0), "long": (3, 70.0, 0.06)}[name]
    rng = random.Random(f"sample/{name}")
    while True:
        style = Style(speakers, seconds, long_gaps=gaps, snr=(22, 30), plain=True, whole=1.0)
        recording = compose(words, _pool(words, "kokoro"), style, background, rng)
        recording = replace(recording, samples=levelled(recording, rng))
        if _suits(name, _clip(recording)):
            yield recording


def _clip(recording: Recording) -> Clip:
    return Clip(recording.samples, reference(recording))


def _captioned(recording: Recording) -> Clip:
    """What live captions hear of it."""
    return _clip(gated(recording, random.Random(0)))


def _faults(found: Score) -> int:
    """How much of a transcript is not as it should be: mistaken words and speakers above all."""
    words, speakers = found.wrong_words + found.unreadable, found.segments - found.attributed
    return 10 * (words + speakers) + found.segments - found.bounded + found.tags - found.tags_found


def _sample(name: str, words: Bank, background: Background, model: Any, processor: Any) -> Clip:
    """Of some candidates the one that the checkpoint writes best, as a file and as captions, and is surest of.

    A word that the model is not sure of becomes another one as soon as it hears more or less of the recording.
    """
    candidates = [
        (_clip(each), _captioned(each)) for each in islice(_suited(name, words, background), _CANDIDATES[name])
    ]
    faults = [sum(_faults(measure(model, processor, [clip])) for clip in heard) for heard in candidates]
    best = (heard for heard, many in zip(candidates, faults, strict=True) if many == min(faults))
    return max(best, key=lambda heard: min(certainty(model, processor, clip) for clip in heard))[0]


def _write(clip: Clip, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, clip.samples, SAMPLE_RATE, subtype="PCM_16")


def main() -> None:
    """Write all files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=_WORK, help="where the word bank is kept")
    work = parser.parse_args().work
    words, people, background = held_out_bank(work), casts.held_out_bank(work), Background(HELD_OUT_SEED)
    if people is None:
        raise SystemExit("Samples are said by voices that python -m model.tiny.recipe.speech.synthesise makes.")
    model, processor = load(CHECKPOINT)
    for name in _CANDIDATES:
        clip = _sample(name, people, background, model, processor)
        _write(clip, _HERE / "samples" / f"{name}.flac")
        (_HERE / "samples" / f"{name}.json").write_text(json.dumps(clip.reference, indent=1) + "\n")
    (_HERE / "samples" / "words.json").write_text(json.dumps(CARD, indent=1) + "\n")
    references = {}
    for style, groups in HELD_OUT.items():
        small = (
            clip
            for group, count in groups.items()
            for clip in _in_files(words if group == "new voices" else people, group, style, count, background)
        )
        for number, clip in enumerate(small, start=1):
            name = f"{style.replace(' ', '_')}_{number:02d}.flac"
            _write(clip, _HERE / "heldout" / name)
            references[name] = clip.reference
    (_HERE / "heldout" / "references.json").write_text(json.dumps(references, indent=1) + "\n")


def _in_files(words: Bank, group: str, style: str, count: int, background: Background) -> Iterator[Clip]:
    all_of_them = clips(words, group, style, 2 * count, background)
    return islice((clip for clip in all_of_them if len(clip.samples) < _SMALL), count)


if __name__ == "__main__":
    main()
