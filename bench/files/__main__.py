"""Files, closed loop: the engine and the server against Transformers' ``generate`` on the same clips in the same run.

    python -m bench.files [--clips 32] [--rounds 3] [--threads 1] [--record]

Every contender transcribes the same ragged clips of held-out speech with the same fp32 weights and number of threads.
Contenders take turns, ``rounds`` times; the best round of each counts, and all answers must be the same words. Those
that take 32 at once get all clips in one burst. Then engine and server take turns again, three times as many clips with
32 always in work: what a server does that is busy for longer than it takes to fill up. Then the server alone, by number
of clients: each sends its next recording when it has the answer to the last.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from bench.files.continuous import ContinuousBatching
from bench.support import clips as material
from bench.support import engine, oracle, service
from bench.support.processes import cpu_seconds
from bench.support.report import Goal, Report, machine, parser, percentiles
from model.loading.checkpoint import Checkpoint, load_checkpoint
from model.runner.runner import Runner
from model.seam.audio import SAMPLE_RATE, Samples
from server.transcript.events import SegmentClosed
from server.transcript.parser import TranscriptParser

TOKENS = 1024
CONCURRENCY = 32
ALONE = "generate, one by one"
CONTINUOUS = f"generate_batch, {CONCURRENCY} at once"
ENGINE = f"engine, {CONCURRENCY} at once"
ONE_CLIENT = "server, one client"
SERVER = f"server, {CONCURRENCY} clients"
CLIENTS = (1, 8, 32, 64, 128)
BUSY_TIMES = 3
"""How often all clips are sent while engine and server are kept busy."""
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
    report = Report("files")
    report.say(
        f"{machine()}: {len(clips)} clips, {material.total_seconds(clips):.0f} s of audio, "
        f"{options.threads} thread(s), best of {options.rounds} round(s)"
    )
    checkpoint = load_checkpoint("tiny", device="cpu", dtype="float32")
    runner = Runner(checkpoint, pages=4096, page_size=32)
    with service.running_server(threads=options.threads) as server:
        _warm_up(clips, server.base)
        burst = _contenders(clips, checkpoint, runner, server.base)
        _take_turns(burst, options.rounds)
        _compare(report, burst, material.total_seconds(clips))
        busy = _busy_contenders(clips, checkpoint, runner, server.base)
        _take_turns(busy, options.rounds)
        report.say(f"All clips {BUSY_TIMES} times, {CONCURRENCY} always in work:")
        _compare(report, busy, BUSY_TIMES * material.total_seconds(clips))
        _by_clients(report, clips, server)
    report.goals(_goals(_best(burst), _best(busy)))
    differing = [contender.name for made in (burst, busy) for contender in made if contender.words != made[0].words]
    if differing:
        raise SystemExit(f"different words from: {', '.join(differing)}")
    if options.record:
        report.record()


def _take_turns(contenders: Sequence[Contender], rounds: int) -> None:
    for _ in range(rounds):
        for contender in contenders:
            contender.turn()


def _best(contenders: Sequence[Contender]) -> dict[str, float]:
    """Seconds of every contender's best round."""
    return {contender.name: contender.best for contender in contenders}


def _warm_up(clips: list[Samples], base: str) -> None:
    """Decoder processes start when they are first needed; what that takes is no part of the comparison."""
    uploads = [service.wav_form(clip) for clip in clips[:_WARM_UP]]
    service.transcribe(base, uploads, concurrency=_WARM_UP)


def _compare(report: Report, contenders: Sequence[Contender], audio: float) -> None:
    """The table of all contenders' best rounds, against the first of them."""
    reference = contenders[0]
    rows = []
    for contender in contenders:
        best, same = contender.best, sum(map(str.__eq__, contender.words, reference.words))
        figures = [f"{best:.2f}", f"{audio / best:.1f}", f"{reference.best / best:.2f}"]
        rows.append([contender.name, *figures, f"{same}/{len(reference.words)}"])
    report.table(["contender", "seconds", "RTFx", "x the first", "same words"], rows)


def _by_clients(report: Report, clips: list[Samples], server: service.RunningServer) -> None:
    """Throughput and latency over HTTP at each of ``CLIENTS``, with at least two requests for every client."""
    uploads = [service.wav_form(clip) for clip in clips]
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


def _contenders(clips: list[Samples], checkpoint: Checkpoint, runner: Runner, base: str) -> list[Contender]:
    """Everything that is compared on one burst of all clips; the reference comes first."""
    continuous = ContinuousBatching(checkpoint, rows=CONCURRENCY)
    by_length = np.argsort([clip.size for clip in clips], kind="stable").tolist()
    in_order = list(range(len(clips)))
    uploads = [service.wav_form(clip) for clip in clips]
    clips = _as_heard(clips)

    def static(batch: int, order: list[int]) -> list[str]:
        answers = oracle.generate(checkpoint, [clips[i] for i in order], batch=batch, tokens=TOKENS)
        texts = dict(zip(order, answers, strict=True))
        return _all_words([texts[i] for i in in_order], clips)

    def served(clients: int) -> list[str]:
        return service.transcribe(base, uploads, concurrency=clients)[0]

    return [
        Contender(ALONE, lambda: static(1, in_order)),
        Contender("generate, batches of 8", lambda: static(8, in_order)),
        Contender("generate, batches of 8 by length", lambda: static(8, by_length)),
        Contender("generate, batches of 16 by length", lambda: static(16, by_length)),
        Contender("generate, one batch", lambda: static(len(clips), in_order)),
        Contender(CONTINUOUS, lambda: _all_words(continuous.generate(clips, tokens=TOKENS), clips)),
        Contender("engine, one at a time", lambda: _engine_words(checkpoint, runner, clips, 1)),
        Contender(ENGINE, lambda: _engine_words(checkpoint, runner, clips, CONCURRENCY)),
        Contender(ONE_CLIENT, lambda: served(1)),
        Contender(SERVER, lambda: served(CONCURRENCY)),
    ]


def _busy_contenders(clips: list[Samples], checkpoint: Checkpoint, runner: Runner, base: str) -> list[Contender]:
    """Engine and server with the clips ``BUSY_TIMES`` times over and ``CONCURRENCY`` of them always in work."""
    uploads = BUSY_TIMES * [service.wav_form(clip) for clip in clips]
    heard = BUSY_TIMES * _as_heard(clips)
    return [
        Contender(ENGINE, lambda: _engine_words(checkpoint, runner, heard, CONCURRENCY)),
        Contender(SERVER, lambda: service.transcribe(base, uploads, concurrency=CONCURRENCY)[0]),
    ]


def _as_heard(clips: list[Samples]) -> list[Samples]:
    """What the server hears, 16-bit samples, for the others too: so all can be compared word by word."""
    return [np.round(clip * 32768).clip(-32768, 32767).astype(np.float32) / np.float32(32768) for clip in clips]


def _engine_words(checkpoint: Checkpoint, runner: Runner, clips: list[Samples], concurrency: int) -> list[str]:
    answers = engine.transcribe(runner, clips, concurrency=concurrency, tokens=TOKENS)
    return _all_words([checkpoint.processor.tokenizer.decode(ids) for ids in answers], clips)


def _all_words(answers: list[str], clips: list[Samples]) -> list[str]:
    return [_words(answer, clip) for answer, clip in zip(answers, clips, strict=True)]


def _words(answer: str, clip: Samples) -> str:
    """The words of a raw answer, as the server's ``text`` has them."""
    parser = TranscriptParser(clip.size / SAMPLE_RATE)
    events = [*parser.feed(answer), *parser.finish()]
    segments = [event.segment for event in events if isinstance(event, SegmentClosed)]
    return " ".join(segment.text for segment in segments if segment.is_speech and segment.text)


def _goals(burst: dict[str, float], busy: dict[str, float]) -> list[Goal]:
    """Ratios of this run. The static batch to beat is the fastest of those in the table."""
    static = min(seconds for name, seconds in burst.items() if name.startswith("generate, ") and "batch" in name)
    return [
        Goal("engine-over-generate-one-by-one", burst[ALONE] / burst[ENGINE], 3.0),
        Goal("engine-over-best-static-batch", static / burst[ENGINE], 1.3),
        Goal("engine-over-continuous-batching", burst[CONTINUOUS] / burst[ENGINE], 2.0),
        Goal("server-many-over-one-client", burst[ONE_CLIENT] / burst[SERVER], 1.2),
        Goal("server-share-of-engine-in-one-burst", burst[ENGINE] / burst[SERVER], 0.9),
        Goal("server-share-of-engine-kept-busy", busy[ENGINE] / busy[SERVER], 0.9),
    ]


def _options() -> argparse.Namespace:
    options = parser(__doc__)
    options.add_argument("--clips", type=int, default=32)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--threads", type=int, default=1)
    return options.parse_args()


if __name__ == "__main__":
    main()
