"""How good live captions are beside the whole file's transcript, on recordings that training never heard.

    python -m bench.live.captions [--clips 40] [--minutes 10] [--talks 3] [--window 30] [--checkpoint tiny] [--record]

Held-out recordings are fed as they would be live and as whole files. Conversations of three, many windows long, show
whether speakers keep their numbers. Without espeak-ng only the recordings that come with the checkpoint are there.
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes.util
import itertools
import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import fmean

import soundfile  # type: ignore[import-untyped]

from bench.support.clips import HELD_OUT
from bench.support.report import Goal, Report, machine, parser
from model.family.vibevoice_asr.geometry import GEOMETRY
from model.seam.audio import SAMPLE_RATE, Samples, clip_level
from model.seam.streams import Question, StreamSpec
from model.tiny.recipe.scoring import Entry, Score, edits, partner_of, score, words_of
from server.engine.client.engine import Engine
from server.engine.worker.load import ModelWishes, load_model
from server.live.live_transcriber import make_transcriber
from server.live.settings import LiveSettings
from server.live.vocabulary.events import SegmentCommitted, WordsCommitted
from server.live.vocabulary.turn_detection import TurnDetection
from server.transcript.assembler import TranscriptAssembler
from server.transcript.detokenizer import Vocabulary
from server.transcript.segments import Segment

_CHUNK = SAMPLE_RATE // 10
_TOGETHER = 6
"""Recordings at once."""


@dataclass(slots=True)
class Bench:
    """What transcribes.

    Attributes:
        changed: words that were committed and are not in their closed segment, over all sessions.
    """

    engine: Engine
    vocabulary: Vocabulary
    settings: LiveSettings
    changed: int = 0

    async def live(self, samples: Samples) -> list[Entry]:
        """The closed segments of a session that hears the samples as fast as it can follow."""
        segments: list[Segment] = []
        committed: dict[int, list[str]] = defaultdict(list)
        session = make_transcriber(self.engine, self.vocabulary, self.settings, "bench")
        session.set_turns(TurnDetection())
        async with session:

            async def listen() -> None:
                async for event in session:
                    if isinstance(event, WordsCommitted):
                        committed[event.segment] += words_of(event.text)
                    elif isinstance(event, SegmentCommitted):
                        segments.append(event.segment)

            listening = asyncio.create_task(listen())
            for first in range(0, samples.size, _CHUNK):
                await session.hear(samples[first : first + _CHUNK])
            session.finish()
            await listening
        self.changed += sum(edits(committed[segment.index], words_of(segment.text)) for segment in segments)
        return [_entry(segment) for segment in segments]

    async def whole(self, samples: Samples) -> list[Entry]:
        """The answer to the whole file."""
        assembler = TranscriptAssembler(self.vocabulary, samples.size / SAMPLE_RATE)
        spec = StreamSpec(GEOMETRY.frames(samples.size), Question(max_tokens=2048), clip_level(samples))
        async with self.engine.open(spec, request_id="bench") as stream:
            await stream.append(samples)
            async for part in stream.ask(spec.question, last=True):
                assembler.feed(part.tokens, part.logprobs)
        return [_entry(segment) for segment in assembler.finish()[1].segments]


def _entry(segment: Segment) -> Entry:
    return {"Start": segment.start, "End": segment.end, "Speaker": segment.speaker, "Content": segment.text}


def renumbered(reference: list[Entry], hypothesis: list[Entry]) -> tuple[list[Entry], Score]:
    """The hypothesis with the one numbering of its speakers that fits the whole reference best, and its score.

    Who is 0 and who is 1 means nothing; that somebody stays who he is from window to window does.
    """
    given = sorted({entry["Speaker"] for entry in hypothesis if entry["Speaker"] is not None})
    wanted = sorted({entry["Speaker"] for entry in reference if "Speaker" in entry})
    names = [*wanted, *range(100, 100 + max(0, len(given) - len(wanted)))]
    best: tuple[list[Entry], Score] | None = None
    for order in itertools.permutations(names, len(given)):
        numbers = dict(zip(given, order, strict=True))
        renamed = [entry | {"Speaker": numbers.get(entry["Speaker"])} for entry in hypothesis]
        found = score(reference, renamed)
        if best is None or found.attributed > best[1].attributed:
            best = renamed, found
    assert best is not None
    return best


def constancy(reference: list[Entry], hypothesis: list[Entry]) -> float:
    """How many of the turns have the number that their speaker has most of the time.

    Two voices that the model takes for one do not count here as they do in ``attributed``: they were one all along.
    """
    numbers: dict[int, Counter[int | None]] = defaultdict(Counter)
    for entry in reference:
        if "Speaker" in entry:
            partner = partner_of(entry, hypothesis)
            numbers[entry["Speaker"]][partner["Speaker"] if partner else None] += 1
    turns = sum(given.total() for given in numbers.values())
    return sum(max(given[number] for number in given if number is not None) for given in numbers.values()) / turns


async def both_ways(bench: Bench, material: Iterable[tuple[Samples, list[Entry]]]) -> tuple[Score, Score]:
    """Live and whole-file scores of recordings, each with what is said in it."""
    room = asyncio.Semaphore(_TOGETHER)

    async def one(samples: Samples, reference: list[Entry]) -> tuple[Score, Score]:
        async with room:
            live, whole = await bench.live(samples), await bench.whole(samples)
            return score(reference, live), score(reference, whole)

    scores = await asyncio.gather(*(one(*recording) for recording in material))
    return sum((live for live, _ in scores), Score()), sum((whole for _, whole in scores), Score())


def held_out() -> list[tuple[Samples, list[Entry]]]:
    """The recordings that come with the checkpoint."""
    references: dict[str, list[Entry]] = json.loads((HELD_OUT / "references.json").read_text())
    return [(soundfile.read(HELD_OUT / name, dtype="float32")[0], entries) for name, entries in references.items()]


def new_voices(count: int) -> list[tuple[Samples, list[Entry]]]:
    """Longer ones of 4 to 20 s, made anew, always the same."""
    from model.tiny.recipe.evaluate import HELD_OUT_SEED, clips, held_out_bank
    from model.tiny.recipe.sounds import Background

    made = clips(held_out_bank(Path(".cache/tiny")), "new voices", "short", count, Background(HELD_OUT_SEED))
    return [(clip.samples, clip.reference) for clip in made]


async def conversations(bench: Bench, minutes: int, count: int) -> list[tuple[Score, float]]:
    """Of each conversation its score, and how many of its segments have the number their speaker mostly has."""
    from model.tiny.recipe.samples import conversation

    found = []
    for seed in range(count):
        samples, reference = conversation(60.0 * minutes, seed=seed)
        heard, right = renumbered(reference, await bench.live(samples))
        found.append((right, constancy(reference, heard)))
    return found


async def run(options: argparse.Namespace, report: Report) -> None:
    """Measure and print."""
    engine = Engine(partial(load_model, ModelWishes(options.checkpoint)))
    await engine.start()
    try:
        await engine.wait_ready()
        assert engine.info is not None
        vocabulary = Vocabulary.load(Path(engine.info.checkpoint_path))
        # So little may wait that the feeding is as fast as the engine and updates come as often as they do live.
        bench = Bench(engine, vocabulary, LiveSettings(window=options.window, backlog=2.0))
        live, whole = await both_ways(bench, held_out())
        rows = [_row("held-out recordings, live", live), _row("the same, whole files", whole)]
        talks: list[tuple[Score, float]] = []
        if ctypes.util.find_library("espeak-ng"):
            found = await both_ways(bench, new_voices(options.clips))
            rows += [_row("new voices, 4-20 s, live", found[0]), _row("the same, whole files", found[1])]
            live, whole = live + found[0], whole + found[1]
            talks = await conversations(bench, options.minutes, options.talks)
        above = 100 * (live.word_error_rate - whole.word_error_rate)
        goals = [Goal("live-word-errors-above-whole-files-in-percent-of-all-words", above, 2, at_least=False)]
        for number, (talk, same) in enumerate(talks, start=1):
            rows.append(_row(f"conversation {number}, three speakers, {options.minutes} minutes, live", talk, same))
        if talks:
            goals.append(Goal("segments-whose-speaker-keeps-his-number", fmean(same for _, same in talks), 0.9))
            right = fmean(talk.speakers for talk, _ in talks)
            goals.append(Goal("segments-with-the-right-speaker-over-all-windows", right, 0.9))
        goals.append(Goal("committed-words-changed-later", bench.changed, 0, at_least=False))
        report.table(["recordings", "word errors", "bounded", "attributed", "same number"], rows)
        report.goals(goals)
    finally:
        await engine.close()


def _row(name: str, found: Score, same: float | None = None) -> list[str]:
    return [
        name, f"{100 * found.word_error_rate:.1f} % of {found.words}",
        f"{100 * found.boundaries:.1f} %", f"{100 * found.speakers:.1f} %",
        "-" if same is None else f"{100 * same:.1f} %",
    ]  # fmt: skip


def main() -> None:
    """Run the bench and print its table and goals."""
    command = parser(__doc__)
    command.add_argument("--minutes", type=int, default=10, help="length of a conversation")
    command.add_argument("--clips", type=int, default=40, help="recordings by new voices")
    command.add_argument("--talks", type=int, default=3, help="conversations")
    command.add_argument("--window", type=float, default=30.0, help="seconds of audio that the model hears at once")
    command.add_argument("--checkpoint", default="tiny")
    options, report = command.parse_args(), Report("captions")
    report.say(f"{machine()}: {options.checkpoint}, windows of {options.window:.0f} s")
    asyncio.run(run(options, report))
    if options.record:
        report.record()


if __name__ == "__main__":
    main()
