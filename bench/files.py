"""Files, closed loop: the engine and the server against Transformers' ``generate`` on the same clips in the same run.

    python -m bench.files [--clips 32] [--rounds 3] [--threads 1] [--record]

Every contender transcribes the same ragged clips of held-out speech with the same fp32 weights and number of threads.
Contenders take turns, ``rounds`` times; the best round of each counts, and all answers must be the same words.
Then the server alone, by number of clients: each sends its next recording when it has the answer to the last.
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
from bench.continuous import ContinuousBatching
from bench.processes import cpu_seconds
from bench.report import Goal, Report, machine, parser, percentiles
from model.audio import SAMPLE_RATE
from model.checkpoint import load_checkpoint
from model.runner import Runner
from model.steps import Samples
from server.transcript.events import SegmentClosed
from server.transcript.parser import TranscriptParser

TOKENS = 1024
CONCURRENCY = 32
ALONE = "generate, one by one"
CONTINUOUS = f"generate_batch, {CONCURRENCY} at once"
CLIENTS = (1, 8, 32, 64, 128)
_WARM_UP = 8


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
    """Run the bench and print its tables and goals."""
    options = _options()
    torch.set_num_threads(options.threads)
    clips = material.ragged_clips(options.clips)
    audio = material.total_seconds(clips)
    report = Report("files")
    report.say(
        f"{machine()}: {len(clips)} clips, {audio:.0f} s of audio, {options.threads} thread(s), "
        f"best of {options.rounds} round(s)"
    )
    with service.running_server(threads=options.threads) as server:
        contenders = _contenders(clips, server.base)
        _warm_up(clips, server.base)
        for _ in range(options.rounds):
            for contender in contenders.values():
                contender.turn()
        _compare(report, contenders, audio)
        _by_clients(report, clips, server)
    report.goals(_goals({name: contender.best for name, contender in contenders.items()}))
    reference = contenders[ALONE].words
    differing = [contender.name for contender in contenders.values() if contender.words != reference]
    if differing:
        raise SystemExit(f"different words from: {', '.join(differing)}")
    if options.record:
        report.record()


def _warm_up(clips: list[Samples], base: str) -> None:
    """Decoder processes start when they are first needed; what that takes is no part of the comparison."""
    uploads = [service.as_wav(clip) for clip in clips[:_WARM_UP]]
    service.transcribe(base, uploads, concurrency=_WARM_UP)


def _compare(report: Report, contenders: dict[str, Contender], audio: float) -> None:
    """The table of all contenders' best rounds."""
    reference = contenders[ALONE]
    rows = []
    for contender in contenders.values():
        best, same = contender.best, sum(map(str.__eq__, contender.words, reference.words))
        figures = [f"{best:.2f}", f"{audio / best:.1f}", f"{reference.best / best:.2f}"]
        rows.append([contender.name, *figures, f"{same}/{len(reference.words)}"])
    report.table(["contender", "seconds", "RTFx", "x generate", "same words"], rows)


def _by_clients(report: Report, clips: list[Samples], server: service.RunningServer) -> None:
    """Throughput and latency over HTTP at each of ``CLIENTS``, with at least two requests for every client."""
    uploads = [service.as_wav(clip) for clip in clips]
    audio = material.total_seconds(clips)
    rows = []
    for clients in CLIENTS:
        times = -(-max(len(clips), 2 * clients) // len(clips))
        before, began = cpu_seconds(server.pid), time.perf_counter()
        _, latencies = service.transcribe(server.base, uploads * times, concurrency=clients)
        seconds, spent = time.perf_counter() - began, cpu_seconds(server.pid) - before
        cells = [str(clients), str(len(latencies)), f"{seconds:.2f}", f"{audio * times / seconds:.1f}"]
        shares = [spent.api / seconds, spent.decoders / seconds, spent.worker / seconds]
        rows.append(
            [
                *cells,
                *(f"{1000 * value:.0f}" for value in percentiles(latencies, 50, 95, 99)),
                *(f"{share:.2f}" for share in shares),
            ]
        )
    report.say("The server by number of clients; latencies in ms, processors busy with the API, decoders and worker:")
    report.table(["clients", "requests", "seconds", "RTFx", "p50", "p95", "p99", "API", "decoders", "worker"], rows)


def _contenders(clips: list[Samples], base: str) -> dict[str, Contender]:
    checkpoint = load_checkpoint("tiny", device="cpu", dtype="float32")
    runner = Runner(checkpoint, pages=4096, page_size=32)
    continuous = ContinuousBatching(checkpoint, rows=CONCURRENCY)
    by_length = np.argsort([clip.size for clip in clips], kind="stable").tolist()
    uploads = [service.as_wav(clip) for clip in clips]
    # What the server hears: 16-bit samples. The others get the same, so that all can be compared word by word.
    clips = [np.round(clip * 32768).clip(-32768, 32767).astype(np.float32) / np.float32(32768) for clip in clips]

    def from_texts(texts: list[str]) -> list[str]:
        return [_words(text, clip) for text, clip in zip(texts, clips, strict=True)]

    def from_tokens(answers: list[list[int]]) -> list[str]:
        return from_texts([checkpoint.processor.tokenizer.decode(ids) for ids in answers])

    def static(batch: int, order: list[int]) -> list[str]:
        answers = oracle.generate(checkpoint, [clips[i] for i in order], batch=batch, tokens=TOKENS)
        texts = dict(zip(order, answers, strict=True))
        return from_texts([texts[i] for i in range(len(clips))])

    def engine_at(concurrency: int) -> list[str]:
        return from_tokens(engine.transcribe(runner, clips, concurrency=concurrency, tokens=TOKENS))

    in_order = list(range(len(clips)))
    made = [
        Contender(ALONE, lambda: static(1, in_order)),
        Contender("generate, batches of 8", lambda: static(8, in_order)),
        Contender("generate, batches of 8 by length", lambda: static(8, by_length)),
        Contender("generate, one batch", lambda: static(len(clips), in_order)),
        Contender(CONTINUOUS, lambda: from_texts(continuous.generate(clips, tokens=TOKENS))),
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


def _goals(best: dict[str, float]) -> list[Goal]:
    """Ratios of this run. The static batch to beat is the fastest of those above."""
    static = min(seconds for name, seconds in best.items() if name.startswith("generate, ") and "batch" in name)
    many = best[f"engine, {CONCURRENCY} at once"]
    served = best[f"server, {CONCURRENCY} clients"]
    return [
        Goal("server-many-over-one-client", best["server, one client"] / served, 1.2),
        Goal("engine-over-generate-one-by-one", best[ALONE] / many, 3.0),
        Goal("engine-over-batches-of-8", best["generate, batches of 8"] / many, 1.3),
        Goal("engine-over-best-static-batch", static / many, 1.3),
        Goal("engine-over-continuous-batching", best[CONTINUOUS] / many, 2.0),
        Goal("server-share-of-engine", many / served, 0.9),
    ]


def _options() -> argparse.Namespace:
    options = parser(__doc__)
    options.add_argument("--clips", type=int, default=32)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--threads", type=int, default=1)
    return options.parse_args()


if __name__ == "__main__":
    main()
