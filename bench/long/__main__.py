"""What a long recording costs, how soon its first words come, and how right it is told, by its length.

    python -m bench.long [--minutes 1 10 60 180] [--continuity introduced linked] [--window-minutes 1] [--seed 0]
                         [--record]

Talks among the same three people, one behind the other, each through a server of its own; the words and speakers of all
of it are known. Needs espeak-ng once, for the voices. All lengths and both ways take twenty minutes on two quiet
cores, `--minutes 1 10` takes two.
"""

from __future__ import annotations

import argparse
import ctypes.util
import tempfile
from collections.abc import Mapping
from pathlib import Path

from bench.long.material import talk
from bench.long.measures import Comparison, compare, words_told
from bench.long.run import Run, run
from bench.support.report import Goal, Report, machine, parser

_HOUR, _LONGEST, _SHORT = 60.0, 180.0, 10.0
_HEADER = [
    "minutes", "speakers", "seconds", "RTFx", "first segment", "over one window", "API MiB", "worker MiB", "windows",
    "right speaker", "lost or doubled at seams", "word errors",
]  # fmt: skip


def main() -> None:
    """Run the bench and print its table and goals."""
    options = _options()
    if ctypes.util.find_library("espeak-ng") is None:
        raise SystemExit("espeak-ng makes the voices of these talks: apt-get install espeak-ng")
    report = Report("long")
    report.say(f"{machine()}: tiny, {options.threads} thread(s), windows of {options.window_minutes:g} min")
    lengths = sorted({*options.minutes, options.window_minutes})
    runs: dict[tuple[str, float], tuple[Run, Comparison]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for minutes in lengths:
            said = talk(minutes, Path(folder), options.work, seed=options.seed)
            for continuity in options.continuity:
                flags = ("--window-minutes", str(options.window_minutes), "--speaker-continuity", continuity)
                made = run(said, Path(folder), flags, threads=options.threads)
                runs[continuity, minutes] = made, compare(said.words, words_told(made.segments))
                print(_row(continuity, minutes, runs, options.window_minutes), flush=True)
            said.file.unlink()
    report.table(_HEADER, [_row(*case, runs, options.window_minutes) for case in sorted(runs)])
    report.goals([goal for way in options.continuity for goal in _goals(way, runs, options.window_minutes)])
    if options.record:
        report.record()


_Runs = Mapping[tuple[str, float], tuple[Run, Comparison]]
"""By continuity and minutes."""


def _row(continuity: str, minutes: float, runs: _Runs, window: float) -> list[str]:
    made, found = runs[continuity, minutes]
    return [
        f"{minutes:g}",
        continuity,
        f"{made.seconds:.1f}",
        f"{made.talk.seconds / made.seconds:.1f}",
        f"{made.first_segment:.2f} s",
        f"{_first(continuity, minutes, runs, window):.2f}",
        f"{made.api_mib:.0f}",
        f"{made.worker_mib:.0f}",
        str(len(made.seams) + 1),
        f"{found.attribution:.1%}",
        f"{found.at_seams(made.seams, made.talk.seconds):.2%}",
        f"{found.word_errors:.1%} of {found.words}",
    ]


def _first(continuity: str, minutes: float, runs: _Runs, window: float) -> float:
    """How much later the first segment is than that of a recording of one window."""
    made, _ = runs[continuity, minutes]
    (alone, _) = runs.get((continuity, window), (made, None))
    return made.first_segment / alone.first_segment


def _goals(way: str, runs: _Runs, window: float) -> list[Goal]:
    """Those for whose lengths there are runs."""
    of = {minutes: found for (continuity, minutes), found in runs.items() if continuity == way}
    goals = []
    if _LONGEST in of and _SHORT in of:
        pace = {minutes: made.seconds / made.talk.seconds for minutes, (made, _) in of.items()}
        goals.append(Goal(f"time-a-second-at-180-over-10-{way}", pace[_LONGEST] / pace[_SHORT], 1.1, at_least=False))
    if _HOUR in of:
        made, found = of[_HOUR]
        first = _first(way, _HOUR, runs, window)
        seams = 100 * found.at_seams(made.seams, made.talk.seconds)
        goals += [
            Goal(f"first-segment-of-an-hour-over-one-window-{way}", first, 1.2, at_least=False),
            Goal(f"percent-lost-or-doubled-at-seams-{way}", seams, 0.5, at_least=False),
            Goal(f"right-speaker-over-an-hour-{way}", found.attribution, 0.9),
        ]
    return goals


def _options() -> argparse.Namespace:
    options = parser(__doc__)
    options.add_argument("--minutes", type=float, nargs="+", default=[1.0, _SHORT, _HOUR, _LONGEST])
    options.add_argument("--continuity", nargs="+", default=["introduced", "linked"])
    options.add_argument("--window-minutes", type=float, default=1.0)
    options.add_argument("--seed", type=int, default=0, help="of the talks: another one, other people and words")
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--work", type=Path, default=Path(".cache/tiny"), help="where the voices are kept")
    return options.parse_args()


if __name__ == "__main__":
    main()
