"""Measure the shipped checkpoint on voices and sentences it never met: `python -m model.tiny.recipe.evaluate`.

Uses nothing but Transformers' own classes and `generate`. The recordings are made anew, the same every time. Those of
Kokoro, flite and festival need the speech that `synthesise` makes, and those of people what `people` gathers; where
the work folder has none they are left out, which is said.
"""
# ruff: noqa: S311, T201 - chance here is for variety, not for secrets

import argparse
import math
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import soundfile  # type: ignore[import-untyped]
import torch
from numpy.typing import NDArray
from transformers import VibeVoiceAsrForConditionalGeneration, VibeVoiceAsrProcessor

from model.reference import without_noise

from .cutting import cut
from .examples import context, number_speakers, segment_entry
from .people import HumanClip, recordings
from .recordings import Recording, Style, compose, nobody
from .scoring import Entry, Score, edits, score, words_of
from .sounds import Background
from .speech import casts
from .speech.bank import Bank
from .speech.espeak import bank, held_out_voices
from .speech.utterance import SAMPLE_RATE
from .speech.voices import Voice
from .train import CHECKPOINT
from .vocabulary import TAGS

HELD_OUT_SEED = 7
_SECONDS = {
    "brief": (2.5, 5.5), "short": (4, 20), "cut off": (4, 20), "with context": (4, 20), "long": (60, 80),
    "two minutes": (100, 115), "alike": (15, 30), "overlapping": (15, 30),
}  # fmt: skip
_WHOLE = 0.3
"""Of the turns of voices that said sentences as a whole, so many are such sentences."""


@dataclass(frozen=True)
class Clip:
    """A recording as a user would send it, and what should come back."""

    samples: NDArray[np.float32]
    reference: list[Entry]
    context: str | None = None


def reference(recording: Recording, spelling: dict[str, str] | None = None) -> list[Entry]:
    """The true answer."""
    numbers = number_speakers(recording.segments)
    return [segment_entry(segment, numbers, spelling) for segment in recording.segments]


def levelled(recording: Recording, rng: random.Random) -> NDArray[np.float32]:
    """The samples at some level from -35 to -15 dBFS, as 16-bit files hold them."""
    level = 10 ** (rng.uniform(-35, -15) / 20) / float(np.sqrt(np.mean(recording.samples**2)))
    loud = recording.samples * np.float32(min(level, 0.98 / float(np.abs(recording.samples).max())))
    return np.asarray(np.round(loud * 32767) / 32767, np.float32)


def held_out_bank(work: Path) -> Bank:
    """The word bank of the held-out voices, made on first use."""
    return bank(work / "held_out", held_out_voices(HELD_OUT_SEED))


def clips(
    words: Bank, group: str, style: str, count: int, background: Background, draw: str = "held out"
) -> Iterator[Clip]:
    """Recordings of one kind of voice and one style, the same every time; another ``draw`` has others."""
    rng = random.Random(f"{draw}/{group}/{style}")
    pool = [index for index, voice in enumerate(words.voices) if voice.group == group]
    pitch = {index: words.pitch(index) for index in pool} if style == "alike" else {}
    for _ in range(count):
        seconds = rng.uniform(*_SECONDS[style])
        made = Style(rng.choice((1, 2, 2, 3)), seconds, snr=(20, 40), plain=rng.random() < 0.5, whole=_WHOLE)
        if style == "overlapping":
            made = replace(made, speakers=2, overlaps=0.5)
        among = three_alike(words.voices, pitch, rng) if pitch else pool
        recording = compose(words, among, replace(made, speakers=3) if pitch else made, background, rng)
        if style == "cut off":
            recording = cut(recording, 0.0, rng.uniform(0.3, 0.95) * recording.seconds)
        text: str | None = None
        spelling: dict[str, str] = {}
        while style == "with context" and text is None:
            text, spelling = context(recording.segments, rng)
        yield Clip(levelled(recording, rng), reference(recording, spelling), text)


def three_alike(voices: list[Voice], pitch: dict[int, float], rng: random.Random) -> list[int]:
    """Somebody, and the two nearest in pitch who sound different otherwise."""
    first = rng.choice([*pitch])
    chosen = [first]
    for index in sorted(pitch, key=lambda each: abs(math.log(pitch[each] / pitch[first]))):
        if len(chosen) < 3 and all(voices[index].timbre != voices[other].timbre for other in chosen):
            chosen.append(index)
    return chosen


def load(folder: Path) -> tuple[Any, Any]:
    """The checkpoint in fp32: model and processor, whose classes are hardly annotated."""
    model = VibeVoiceAsrForConditionalGeneration.from_pretrained(folder, dtype=torch.float32)
    model.eval()  # type: ignore[no-untyped-call]
    return model, VibeVoiceAsrProcessor.from_pretrained(folder)


def transcribe(model: Any, processor: Any, batch: list[Clip]) -> list[list[Entry] | str]:
    """Greedy answers to a batch, as the processor parses them."""
    prompts = [clip.context or "" for clip in batch]  # the template takes an empty context for none
    inputs = processor.apply_transcription_request([clip.samples for clip in batch], prompt=prompts)
    with torch.inference_mode():
        output = model.generate(**inputs, **without_noise(model), max_new_tokens=2048)
    answers = output[:, inputs["input_ids"].shape[1] :]
    return [processor.decode(answer, return_format="parsed") for answer in answers]


def certainty(model: Any, processor: Any, clip: Clip) -> float:
    """The probability of the piece of a word, or of a speaker's number, that the model was least sure of."""
    inputs = processor.apply_transcription_request([clip.samples], prompt=[clip.context or ""])
    scores = {"output_scores": True, "return_dict_in_generate": True}
    with torch.inference_mode():
        output = model.generate(**inputs, **without_noise(model), **scores, max_new_tokens=2048)
    least, before = 1.0, ""
    for token, logits in zip(output.sequences[0, inputs["input_ids"].shape[1] :], output.scores, strict=True):
        piece = processor.tokenizer.decode(token)
        if before.endswith('"Speaker":') or any(character.isalpha() for character in piece):
            least = min(least, float(logits[0].softmax(-1)[token]))
        before += piece
    return least


def measure(model: Any, processor: Any, material: list[Clip], size: int = 12) -> Score:
    """Pooled score of clips, transcribed in batches of similar length."""
    ordered = sorted(material, key=lambda clip: len(clip.samples))
    total = Score()
    for first in range(0, len(ordered), size):
        batch = ordered[first : first + size]
        for clip, answer in zip(batch, transcribe(model, processor, batch), strict=True):
            total += score(clip.reference, answer)
    return total


def words_right(model: Any, processor: Any, material: list[HumanClip], size: int = 24) -> dict[str, tuple[int, int]]:
    """For each speaker how many words were written right, less those that nobody said, and how many were said."""
    counts: dict[str, tuple[int, int]] = {}
    ordered = sorted(
        ((soundfile.read(clip.path, dtype="float32")[0], clip) for clip in material), key=lambda item: len(item[0])
    )
    for first in range(0, len(ordered), size):
        batch = ordered[first : first + size]
        answers = transcribe(model, processor, [Clip(samples, []) for samples, _ in batch])
        for (_, clip), answer in zip(batch, answers, strict=True):
            said = words_of(" ".join(clip.words))
            heard = words_of(" ".join(entry["Content"] for entry in answer if isinstance(entry, dict)))
            right, of = counts.get(clip.speaker, (0, 0))
            counts[clip.speaker] = right + max(0, len(said) - edits(said, heard)), of + len(said)
    return counts


def nobodys(count: int, background: Background, draw: str = "held out") -> Iterator[Clip]:
    """Recordings in which nobody speaks, the same every time."""
    rng = random.Random(f"{draw}/nobody")
    for _ in range(count):
        recording = nobody(Style(snr=(20, 40)), background, rng)
        yield Clip(levelled(recording, rng), reference(recording))


def left_wordless(model: Any, processor: Any, material: list[Clip]) -> int:
    """How many of the recordings without a word have no word in their answers, and a tag if they should have one."""
    right = 0
    for clip in material:
        [answer] = transcribe(model, processor, [clip])
        contents = [answer] if isinstance(answer, str) else [entry["Content"] for entry in answer]
        right += all(content in TAGS for content in contents) and bool(contents) == bool(clip.reference)
    return right


def real_time_factor(model: Any, processor: Any, material: list[Clip]) -> float:
    """Seconds of audio per second, one clip after the other on one core."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    transcribe(model, processor, material[:1])
    begun = time.perf_counter()
    for clip in material:
        transcribe(model, processor, [clip])
    spent = time.perf_counter() - begun
    torch.set_num_threads(threads)
    return sum(len(clip.samples) for clip in material) / SAMPLE_RATE / spent


def _print_people(model: Any, processor: Any, folder: Path) -> None:
    if not (folder / "references.json").exists():
        print("people: not gathered")
        return
    counts = words_right(model, processor, recordings(folder))
    for speaker, (right, of) in counts.items():
        print(f"  {speaker:40s} {right / of:6.1%} of {of} words right")
    total = [sum(column) for column in zip(*counts.values(), strict=True)]
    print(f"{'people':24s} {total[0] / total[1]:6.1%} of {total[1]} words right", flush=True)


def main() -> None:
    """Print the figures of every kind of recording, and the speed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, default=CHECKPOINT)
    parser.add_argument("--work", type=Path, default=Path(".cache/tiny"), help="where the word bank is kept")
    parser.add_argument("--count", type=int, default=40, help="recordings in each group")
    parser.add_argument("--draw", default="held out", help="another word draws other recordings, to choose weights by")
    options = parser.parse_args()
    model, processor = load(options.checkpoint)
    words, background = held_out_bank(options.work), Background(HELD_OUT_SEED)
    people = casts.held_out_bank(options.work)
    few = max(1, options.count // 6)
    for bank_of, group, style, count in (
        (words, "new voices", "short", options.count),
        (words, "new voices", "cut off", options.count),
        (words, "new voices", "with context", options.count),
        (words, "new voices", "long", few),
        (words, "new voices", "two minutes", few),
        (words, "new voices", "alike", options.count // 2),
        (words, "new voices", "overlapping", options.count // 2),
        (words, "new accent", "short", options.count),
        (people, "kokoro", "short", options.count),
        (people, "kokoro", "long", few),
        (people, "festival", "short", options.count),
    ):
        if bank_of is None:
            print(f"{group}, {style}: not made")
            continue
        material = list(clips(bank_of, group, style, count, background, options.draw))
        print(f"{group + ', ' + style:24s} {measure(model, processor, material)}", flush=True)
    wordless = list(nobodys(options.count, background, options.draw))
    print(f"{'nobody':24s} {left_wordless(model, processor, wordless)} of {len(wordless)} without a word", flush=True)
    _print_people(model, processor, options.work / "people")
    for style in ("short", "long"):
        material = list(clips(words, "new voices", style, 6, background))
        print(f"speed, {style}: {real_time_factor(model, processor, material):.1f}x real time on one core")


if __name__ == "__main__":
    main()
