"""Figures on the standard output: for people in a terminal, in one line a row for pipes, as JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from server.commandline.evaluate.report import Evaluated, Report
from server.commandline.transcribe.display import clock
from server.evaluation.normalising import Unit
from server.evaluation.pooling import METRICS, Estimate

_WIDE = 1000
"""Columns where nobody's terminal says how many there are: nothing is cut off or wrapped."""
_NONE = "-"


@dataclass(frozen=True, slots=True)
class Column:
    """``name``: of the metric. ``title``: what it is called. ``rate``: a share, shown in percent."""

    name: str
    title: str
    rate: bool = True

    def shown(self, value: float | None) -> str:
        """A figure, without its unit."""
        if value is None:
            return _NONE
        return f"{100 * value:.1f}" if self.rate else f"{value:.2f}"


_OF_WORDS = (
    Column("wer", "WER %"),
    Column("cer", "CER %"),
    Column("cpwer", "cpWER %"),
    Column("tcpwer", "tcpWER %"),
)
_OF_CHARACTERS = (Column("cer", "CER %"), Column("cpwer", "cpCER %"), Column("tcpwer", "tcpCER %"))
_OTHERS = (
    Column("der", "DER %"),
    Column("speaker_count_error", "speakers off", rate=False),
    Column("boundary_median", "boundary s", rate=False),
    Column("boundary_p90", "p90 s", rate=False),
)


def columns(units: Iterable[Unit]) -> tuple[Column, ...]:
    """Characters lead where all languages are written without spaces."""
    return (*(_OF_CHARACTERS if set(units) == {Unit.CHARACTER} else _OF_WORDS), *_OTHERS)


def show_report(report: Report) -> None:
    """A row for each recording, one for all, and one for how far that can be trusted."""
    if not report.found:
        return
    shown = columns(each.figures.unit for each in report.found.values())
    table = make_table(["recording", "language", "audio", *(column.title for column in shown), "RTFx"])
    for name, each in report.found.items():
        table.add_row(name, each.figures.language or "?", clock(each.heard.seconds), *_cells(each, shown), _speed(each))
    table.add_section()
    for group, total in report.totals().items():
        speed = _NONE if group != "all" or report.speed is None else f"{report.speed:.1f}"
        _add_total(table, report, group, total, shown, speed)
    print_table(table)


def _add_total(
    table: Table, report: Report, group: str, total: Mapping[str, Estimate], shown: Sequence[Column], speed: str
) -> None:
    own = [each for each in report.found.values() if group in ("all", each.figures.language or "?")]
    seconds = sum(each.heard.seconds for each in own)
    values = [column.shown(total[column.name].value if column.name in total else None) for column in shown]
    table.add_row(f"total of {len(own)}", "" if group == "all" else group, clock(seconds), *values, speed)
    if any(estimate.low is not None for estimate in total.values()):
        table.add_row("95 %", "", "", *(_interval(column, total.get(column.name)) for column in shown), "")


def _cells(each: Evaluated, shown: Sequence[Column]) -> list[str]:
    own = {metric.name: metric.value([part]) for metric in METRICS if (part := metric.of(each.figures)) is not None}
    return [column.shown(own.get(column.name)) for column in shown]


def _interval(column: Column, estimate: Estimate | None) -> str:
    if estimate is None or estimate.low is None:
        return _NONE
    return f"{column.shown(estimate.low)}–{column.shown(estimate.high)}"


def _speed(each: Evaluated) -> str:
    return f"{each.heard.seconds / each.heard.spent:.1f}" if each.heard.spent else _NONE


def make_table(titles: Sequence[str]) -> Table:
    """With the first column to the left."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for place, title in enumerate(titles):
        table.add_column(title, justify="right" if place else "left", no_wrap=place > 0)
    return table


def print_table(table: Table) -> None:
    """On the standard output."""
    width = None if sys.stdout.isatty() else _WIDE
    Console(file=sys.stdout, width=width, highlight=False, markup=False, emoji=False).print(table)
    sys.stdout.flush()


def print_json(body: object) -> None:
    """On the standard output."""
    sys.stdout.write(json.dumps(body, ensure_ascii=False, indent=2) + "\n")
    sys.stdout.flush()
