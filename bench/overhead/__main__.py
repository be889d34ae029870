"""What the server does beside the model, whose place a script takes.

    python -m bench.overhead [--only uploads captions ...] [--clients 128] [--requests 512] [--record]

First 128 clients that upload real audio. Then what used to hold up everybody else, a line for each: what is computed
for a caption and for an answer, and for how long the event loop is blocked meanwhile, by how late a task is that sleeps
beside it. Of all repetitions the best counts, for other work on the machine makes every one longer and none shorter.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bench.overhead import answers, captions, realtime, replay, start, transcripts, uploads
from bench.overhead.line import Line
from bench.support import service
from bench.support.report import Goal, Report, machine, parser

UPLOADS = "uploads"


def _on_server(lines: Callable[[service.RunningServer], list[Line]]) -> list[Line]:
    """An hour is heard in one pass: in windows a tone would have no voice, and nothing to write down."""
    with service.running_server("--window-minutes", "60", module="bench.overhead.server") as server:
        return lines(server)


LINES: dict[str, Callable[[], Sequence[Line]]] = {
    "captions": captions.lines,
    "transcripts": transcripts.lines,
    "realtime": lambda: _on_server(realtime.lines),
    "answers": lambda: _on_server(answers.lines),
    "replay": replay.lines,
    "start": start.lines,
}


def main() -> None:
    """Run the bench and print its tables and goals."""
    command = parser(__doc__)
    command.add_argument("--clients", type=int, default=128)
    command.add_argument("--requests", type=int, default=512)
    command.add_argument("--only", nargs="+", choices=[UPLOADS, *LINES], default=[UPLOADS, *LINES])
    options = command.parse_args()
    report, goals = Report("overhead"), list[Goal]()
    report.say(machine())
    if UPLOADS in options.only:
        goals += uploads.measure(report, options.clients, options.requests)
    lines = [line for name, measure in LINES.items() if name in options.only for line in measure()]
    if lines:
        report.table(["work", "cost"], [[line.work, line.cost] for line in lines])
    report.goals([*goals, *(goal for line in lines for goal in line.goals)])
    if options.record:
        report.record()


if __name__ == "__main__":
    main()
