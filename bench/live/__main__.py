"""Live sessions: how late words come and what updates cost, extended as the server does and redone from scratch.

    python -m bench.live [--streams 1 4 8 16] [--seconds 45] [--checkpoint tiny] [--threads 1] [--record]
    python -m bench.live --cost [--minutes 10] [...]

First by number of sessions, each of which hears a held-out recording of its own as if it were spoken now. Then one
session as fast as the device is, after its first window was filled, for the gain. ``--cost``: a session of many
minutes, minute by minute.
"""

from __future__ import annotations

import argparse
import asyncio
from dataclasses import dataclass
from itertools import chain
from statistics import fmean

import numpy as np

from bench.live.engine import running_engine
from bench.live.material import recording
from bench.live.metrics import delays, final_words, laal, upwr
from bench.live.session import Load, Session, run_sessions
from bench.live.steady import SteadySession, Stretch
from bench.live.windows import ObservedWindows, RedoingEngine, RedoneWindows
from bench.support.report import Goal, Report, machine, parser, percentiles
from model.seam.audio import SAMPLE_RATE
from server.engine.client.engine import Engine
from server.live.settings import LiveSettings

GAIN_SECONDS = 90
"""Audio behind the first full window for which the gain is measured."""
ROWS = 12
"""Of the table of minutes, about."""


@dataclass(frozen=True, slots=True)
class Way:
    """How updates are made."""

    name: str
    engine: type[Engine]
    windows: type[ObservedWindows]


EXTENDED = Way("extended", Engine, ObservedWindows)
REDONE = Way("redone", RedoingEngine, RedoneWindows)


def main() -> None:
    """Run the bench and print its tables and goals."""
    options = _options()
    report = Report("live-cost" if options.cost else "live")
    settings = LiveSettings()
    report.say(
        f"{machine()}: {options.checkpoint}, {options.threads} thread(s), windows of {settings.window:.0f} s, "
        f"updates after {settings.update:.0f} s of speech"
    )
    asyncio.run(_cost(report, options) if options.cost else _compare(report, options))
    if options.record:
        report.record()


# -------------------------------------------------------------------------------------------------- extended or redone


async def _compare(report: Report, options: argparse.Namespace) -> None:
    rows: list[tuple[int, list[str]]] = []
    stretches = {}
    for way in (EXTENDED, REDONE):
        async with running_engine(way.engine, options.checkpoint, options.threads) as (engine, vocabulary):
            for count in options.streams:
                recordings = [recording(options.seconds, seed=seed) for seed in range(count)]
                load = await run_sessions(engine, vocabulary, way.windows, recordings)
                rows.append((count, [str(count), way.name, *_cells(load)]))
            stretches[way.name] = await _full_windows(SteadySession(engine, vocabulary, way.windows))
    report.say(
        "By number of sessions. Times in ms: until a word is shown first and until it is final (p50, p95, p99, from "
        "the word's end in the recording), LAAL, from the end of the audio to the last event (to end), how far the "
        "audio that an answer is about is behind (backlog):"
    )
    header = ["sessions", "updates", "first p50", "p95", "final p50", "p95", "p99", "LAAL", "UPWR", "words found"]
    header += ["to end p50", "p95", "backlog p95", "device-s per audio-s"]
    report.table(header, [row for _, row in sorted(rows, key=lambda row: row[0])])
    _gain(report, stretches)


def _cells(load: Load) -> list[str]:
    """Pooled over the words, answers and sessions of a load."""
    found = [delays(session.recording.said, final_words(session.log)) for session in load.sessions]
    first = _milliseconds([delay for one in found for delay in one.first], 50, 95)
    final = _milliseconds([delay for one in found for delay in one.final], 50, 95, 99)
    lag = fmean(map(_lag, load.sessions))
    ratio = fmean(upwr(session.log) for session in load.sessions)
    share = fmean(one.share for one in found)
    return [
        *first,
        *final,
        f"{1000 * lag:.0f}",
        f"{ratio:.2f}",
        f"{share:.0%}",
        *_milliseconds([session.to_final for session in load.sessions], 50, 95),
        *_milliseconds(list(chain.from_iterable(session.backlog for session in load.sessions)), 95),
        f"{load.device_seconds / load.audio_seconds:.3f}",
    ]


def _lag(session: Session) -> float:
    emitted = [word.committed for word in final_words(session.log)]
    return laal(emitted, seconds=session.recording.seconds, said=len(session.recording.said))


def _milliseconds(seconds: list[float], *wanted: float) -> list[str]:
    """Percentiles; dashes where nothing was measured."""
    if not seconds:
        return ["-"] * len(wanted)
    return [f"{1000 * value:.0f}" for value in percentiles(seconds, *wanted)]


async def _full_windows(session: SteadySession) -> Stretch:
    """A session's cost behind its first full window."""
    filling = LiveSettings().window
    samples = recording(filling + GAIN_SECONDS, seed=0).samples
    first = round(filling * SAMPLE_RATE)
    await session.hear(samples[:first])
    stretch = await session.hear(samples[first:])
    await session.close()
    return stretch


def _gain(report: Report, stretches: dict[str, Stretch]) -> None:
    redone = stretches[REDONE.name].seconds_per_audio_second
    rows = [
        [
            name,
            str(stretch.updates),
            f"{stretch.steps / stretch.updates:.1f}",
            f"{1000 * stretch.seconds_per_update:.1f}",
            f"{stretch.seconds_per_audio_second:.3f}",
            f"{redone / stretch.seconds_per_audio_second:.2f}",
        ]
        for name, stretch in stretches.items()
    ]
    seconds = stretches[REDONE.name].audio_seconds
    report.say(f"One session as fast as the device is, {seconds:.0f} s of audio behind the first full window:")
    report.table(
        ["updates", "number", "steps per update", "device ms per update", "device-s per audio-s", "x redone"], rows
    )
    gain = redone / stretches[EXTENDED.name].seconds_per_audio_second
    report.goals([Goal("live-extended-over-redone", gain, 3.0)])


# ------------------------------------------------------------------------------------------------------- a long session


async def _cost(report: Report, options: argparse.Namespace) -> None:
    async with running_engine(EXTENDED.engine, options.checkpoint, options.threads) as (engine, vocabulary):
        session = SteadySession(engine, vocabulary, EXTENDED.windows)
        minutes = [
            await session.hear(recording(60, seed=seed).samples[: 60 * SAMPLE_RATE]) for seed in range(options.minutes)
        ]
        await session.close()
    shown = {0, *np.linspace(1, len(minutes) - 1, min(ROWS, len(minutes)) - 1).round().astype(int).tolist()}
    rows = [
        [
            str(place + 1),
            str(minutes[place].updates),
            f"{1000 * minutes[place].seconds_per_update:.1f}",
            str(minutes[place].pages),
            f"{minutes[place].worker_bytes / 2**20:.0f}",
        ]
        for place in sorted(shown)
    ]
    report.say("One session as fast as the device is, minute by minute; pages of the KV cache held at most:")
    report.table(["minute", "updates", "device ms per update", "pages", "worker's memory, MiB"], rows)
    first, last = minutes[0], minutes[-1]
    report.goals(
        [
            Goal("last-minute-device", last.seconds_per_update / first.seconds_per_update, 1.2, at_least=False),
            Goal("last-minute-pages", last.pages / first.pages, 1.2, at_least=False),
            Goal("last-minute-memory", last.worker_bytes / first.worker_bytes, 1.2, at_least=False),
        ]
    )


def _options() -> argparse.Namespace:
    options = parser(__doc__)
    options.add_argument("--streams", type=int, nargs="+", default=[1, 4, 8, 16], help="sessions at once")
    options.add_argument("--seconds", type=float, default=45, help="of each session's recording, at least")
    options.add_argument("--cost", action="store_true", help="one long session instead")
    options.add_argument("--minutes", type=int, default=10, help="of the long session")
    options.add_argument("--checkpoint", default="tiny", help="name, folder or hub id")
    options.add_argument("--threads", type=int, default=1, help="of torch on a CPU")
    return options.parse_args()


if __name__ == "__main__":
    main()
