"""Files, closed loop: the engine and the server against Transformers' ``generate`` on the same clips in the same run.

    python -m bench.files [--clips 32] [--rounds 3] [--threads 1]

Every contender transcribes the same ragged clips of held-out speech with the same fp32 weights and number of threads.
Contenders take turns, ``rounds`` times; the best round of each counts, and all answers must be the same words.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch

from bench import clips as material
from bench import engine, oracle, service
from bench.report import Goal, machine, print_goals, table
from model.audio import SAMPLE_RATE
from model.checkpoint import load_checkpoint
from model.runner import Runner
from model.steps import Samples
from server.transcript.events import SegmentClosed
from server.transcript.parser import TranscriptParser

TOKENS = 1024
CONCURRENCY = 32


@dataclass(slots=True)
class Contender:
    """Something that transcribes all clips. ``run`` returns the words of each clip."""

    name: str
    run: Callable[[], list[str]]
    seconds: list[float] = field(default_factory=list)
    words: list[str] = field(default_factory=list)

    def turn(self) -> None:
        began = time.perf_counter()
        self.words = self.run()
        self.seconds.append(time.perf_counter() - began)

    @property
    def best(self) -> float:
        return min(self.seconds)


def main() -> None:
    """Run the bench and print its table and goals."""
    options = _options()
    torch.set_num_threads(options.threads)
    clips = material.ragged_clips(options.clips)
    audio = material.total_seconds(clips)
    print(machine())
    print(f"{len(clips)} clips, {audio:.0f} s of audio, {options.threads} thread(s), best of {options.rounds} rounds\n")
    with service.running_server("tiny", threads=options.threads) as base:
        contenders = _contenders(clips, base)
        for _ in range(options.rounds):
            for contender in contenders.values():
                contender.turn()
    reference = contenders["generate, one by one"]
    rows = [
        [c.name, f"{c.best:.2f}", f"{audio / c.best:.1f}", f"{reference.best / c.best:.2f}", _agreement(c, reference)]
        for c in contenders.values()
    ]
    print(table(["contender", "seconds", "RTFx", "x generate", "same words"], rows) + "\n")
    print_goals(_goals({name: contender.best for name, contender in contenders.items()}))
    differing = [c.name for c in contenders.values() if c.words != reference.words]
    if differing:
        raise SystemExit(f"different words from: {', '.join(differing)}")


def _contenders(clips: list[Samples], base: str) -> dict[str, Contender]:
    checkpoint = load_checkpoint("tiny", device="cpu", dtype="float32")
    runner = Runner(checkpoint, pages=4096, page_size=32)
    by_length = np.argsort([clip.size for clip in clips], kind="stable").tolist()
    uploads = [service.as_wav(clip) for clip in clips]
    # What the server hears: 16-bit samples. The others get the same, so that all can be compared word by word.
    clips = [np.round(clip * 32768).clip(-32768, 32767).astype(np.float32) / np.float32(32768) for clip in clips]

    def from_tokens(answers: list[list[int]]) -> list[str]:
        return [
            _words(checkpoint.processor.tokenizer.decode(ids), clip) for ids, clip in zip(answers, clips, strict=True)
        ]

    def static(batch: int, order: list[int]) -> list[str]:
        answers = oracle.generate(checkpoint, [clips[i] for i in order], batch=batch, tokens=TOKENS)
        texts = dict(zip(order, answers, strict=True))
        return [_words(texts[i], clip) for i, clip in enumerate(clips)]

    def engine_at(concurrency: int) -> list[str]:
        return from_tokens(engine.transcribe(runner, clips, concurrency=concurrency, tokens=TOKENS))

    in_order = list(range(len(clips)))
    made = [
        Contender("generate, one by one", lambda: static(1, in_order)),
        Contender("generate, batches of 8", lambda: static(8, in_order)),
        Contender("generate, batches of 8 by length", lambda: static(8, by_length)),
        Contender("generate, one batch", lambda: static(len(clips), in_order)),
        Contender("engine, one at a time", lambda: engine_at(1)),
        Contender(f"engine, {CONCURRENCY} at once", lambda: engine_at(CONCURRENCY)),
        Contender("server, one client", lambda: service.transcribe(base, uploads, concurrency=1)[0]),
        Contender(
            f"server, {CONCURRENCY} clients", lambda: service.transcribe(base, uploads, concurrency=CONCURRENCY)[0]
        ),
    ]
    return {contender.name: contender for contender in made}


def _words(answer: str, clip: Samples) -> str:
    """The words of a raw answer, as the server's ``text`` has them."""
    parser = TranscriptParser(clip.size / SAMPLE_RATE)
    events = [*parser.feed(answer), *parser.finish()]
    segments = [event.segment for event in events if isinstance(event, SegmentClosed)]
    return " ".join(segment.text for segment in segments if segment.is_speech and segment.text)


def _agreement(contender: Contender, reference: Contender) -> str:
    same = sum(a == b for a, b in zip(contender.words, reference.words, strict=True))
    return f"{same}/{len(reference.words)}"


def _goals(best: dict[str, float]) -> list[Goal]:
    """Ratios of this run. The static batch to beat is the fastest of those above."""
    static = min(seconds for name, seconds in best.items() if "batch" in name)
    many = best[f"engine, {CONCURRENCY} at once"]
    served = best[f"server, {CONCURRENCY} clients"]
    return [
        Goal("server-many-over-one-client", best["server, one client"] / served, 1.2),
        Goal("engine-over-generate-one-by-one", best["generate, one by one"] / many, 3.0),
        Goal("engine-over-batches-of-8", best["generate, batches of 8"] / many, 1.3),
        Goal("engine-over-best-static-batch", static / many, 1.3),
        Goal("server-share-of-engine", many / served, 0.9),
    ]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
