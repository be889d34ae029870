"""How good live captions are beside the whole file's transcript, on recordings that training never heard.

    python -m bench.captions [--minutes 10] [--window 30] [--checkpoint tiny]

The held-out recordings are fed as they would be live and as whole files. A conversation of three, many windows long,
shows whether speakers keep their numbers; it is made with espeak-ng and left out where that is not installed.
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes.util
import itertools
import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import soundfile  # type: ignore[import-untyped]

from bench.clips import HELD_OUT
from bench.report import Goal, Report
from model.audio import SAMPLE_RATE, clip_level, frame_count
from model.steps import Samples, StreamSpec
from model.tiny.recipe.scoring import Entry, Score, score
from server.engine.client import Engine
from server.engine.worker import load_model
from server.live.events import SegmentClosed
from server.live.settings import LiveSettings
from server.live.transcriber import LiveTranscriber
from server.live.turns import TurnDetection
from server.transcript.assembler import TranscriptAssembler
from server.transcript.detokenizer import Vocabulary
from server.transcript.segments import Segment

_CHUNK = SAMPLE_RATE // 10
_TOGETHER = 6
"""Recordings at once."""


@dataclass(frozen=True, slots=True)
class Bench:
    """What transcribes."""

    engine: Engine
    vocabulary: Vocabulary
    settings: LiveSettings

    async def live(self, samples: Samples) -> list[Entry]:
        """The closed segments of a session that hears the samples as fast as it can follow."""
        segments: list[Segment] = []
        session = LiveTranscriber(
            self.engine, self.vocabulary, self.settings, request_id="bench", turns=TurnDetection()
        )
        async with session:

            async def listen() -> None:
                segments.extend([event.segment async for event in session if isinstance(event, SegmentClosed)])

            listening = asyncio.create_task(listen())
            for first in range(0, samples.size, _CHUNK):
                await session.hear(samples[first : first + _CHUNK])
            session.finish()
            await listening
        return [_entry(segment) for segment in segments]

    async def whole(self, samples: Samples) -> list[Entry]:
        """The answer to the whole file."""
        assembler = TranscriptAssembler(self.vocabulary, samples.size / SAMPLE_RATE)
        spec = StreamSpec(level=clip_level(samples), max_answer_tokens=2048)
        async with self.engine.open(spec, frames=frame_count(samples.size), request_id="bench") as stream:
            await stream.append(samples)
            await stream.finish()
            async for message in stream:
                assembler.feed(message.tokens, message.logprobs)
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


async def held_out(bench: Bench) -> tuple[Score, Score]:
    """Live and whole-file scores of the held-out recordings."""
    references: dict[str, list[Entry]] = json.loads((HELD_OUT / "references.json").read_text())
    room = asyncio.Semaphore(_TOGETHER)

    async def one(name: str) -> tuple[Score, Score]:
        async with room:
            samples = soundfile.read(HELD_OUT / name, dtype="float32")[0]
            live, whole = await bench.live(samples), await bench.whole(samples)
            return score(references[name], live), score(references[name], whole)

    scores = await asyncio.gather(*map(one, references))
    return sum((live for live, _ in scores), Score()), sum((whole for _, whole in scores), Score())


async def run(options: argparse.Namespace, report: Report) -> None:
    """Measure and print."""
    engine = Engine(partial(load_model, options.checkpoint))
    await engine.start()
    try:
        await engine.wait_ready()
        assert engine.info is not None
        vocabulary = Vocabulary.load(Path(engine.info.checkpoint_path))
        # So little may wait that the feeding is as fast as the engine and updates come as often as they do live.
        bench = Bench(engine, vocabulary, LiveSettings(window=options.window, backlog=2.0))
        live, whole = await held_out(bench)
        rows = [_row("held-out recordings, live", live), _row("the same, whole files", whole)]
        goals = [
            Goal("word errors of live captions above the whole file's", live.word_error_rate - whole.word_error_rate,
                 0.02, at_least=False)
        ]  # fmt: skip
        if ctypes.util.find_library("espeak-ng"):
            from model.tiny.recipe.samples import conversation

            samples, reference = conversation(60.0 * options.minutes, seed=0)
            _, found = renumbered(reference, await bench.live(samples))
            rows.append(_row(f"{options.minutes} minutes, three speakers, live, one numbering", found))
            goals.append(Goal("segments with the right speaker over all windows", found.speakers, 0.9))
        report.table(["recordings", "word errors", "bounded", "attributed"], rows)
        report.goals(goals)
    finally:
        await engine.close()


def _row(name: str, found: Score) -> list[str]:
    return [
        name, f"{100 * found.word_error_rate:.1f} % of {found.words}",
        f"{100 * found.boundaries:.1f} %", f"{100 * found.speakers:.1f} %",
    ]  # fmt: skip


def main() -> None:
    """Run the bench and print its table and goals."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=int, default=10, help="length of the conversation")
    parser.add_argument("--window", type=float, default=30.0, help="seconds of audio that the model hears at once")
    parser.add_argument("--checkpoint", default="tiny")
    asyncio.run(run(parser.parse_args(), Report("captions")))


if __name__ == "__main__":
    main()
