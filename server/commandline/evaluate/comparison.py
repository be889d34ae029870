"""Two evaluations of the same recordings beside each other, and what of it is more than chance."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from server.commandline.evaluate.report import read_report
from server.commandline.evaluate.table import Column, columns, make_table, print_json, print_table
from server.commandline.faults import UsageFault
from server.evaluation.comparing import FEWEST, Difference, compare
from server.evaluation.pooling import METRICS


def show_comparison(one: Path, other: Path, *, as_json: bool) -> None:
    """Print it. Raises UsageFault where they cannot be compared."""
    before, after = read_report(one), read_report(other)
    if before.rules != after.rules:
        raise UsageFault("These were counted by different rules (language or collars): evaluate both by the same.")
    names = [name for name in before.found if name in after.found]
    if not names:
        raise UsageFault("These have no recording in common.")
    pairs = [(before.found[name].figures, after.found[name].figures) for name in names]
    if any(first.language != second.language for first, second in pairs):
        raise UsageFault("These took the same recordings for different languages: give --language for both.")
    found = {metric.name: difference for metric in METRICS if (difference := compare(metric, pairs)) is not None}
    shown = [column for column in columns(figures.unit for figures, _ in pairs) if column.name in found]
    alone = len(before.found) + len(after.found) - 2 * len(names)
    if as_json:
        print_json({column.name: _as_json(found[column.name]) for column in shown} | {"recordings": len(names)})
        return
    table = make_table(["", str(one), str(other), "difference", "95 %", ""])
    for column in shown:
        table.add_row(*_row(column, found[column.name]))
    if before.speed is not None and after.speed is not None:
        table.add_row("RTFx", f"{before.speed:.1f}", f"{after.speed:.1f}", f"{after.speed - before.speed:+.1f}", "", "")
    print_table(table)
    told = f"{len(names)} recordings in both" + (f", {alone} in one alone are left out." if alone else ".")
    if len(names) < FEWEST:
        told += f" With fewer than {FEWEST} nobody can say whether a difference is chance."
    sys.stdout.write(f"{told}\n")


def _row(column: Column, found: Difference) -> list[str]:
    sign = "+" if found.change > 0 else ""
    between = "-"
    if found.low is not None:
        between = f"{column.shown(found.low)} to {column.shown(found.high)}"
    change = f"{sign}{column.shown(found.change)}"
    return [column.title, column.shown(found.before), column.shown(found.after), change, between, _verdict(found)]


def _verdict(found: Difference) -> str:
    if found.significant is None:
        return "cannot be told"
    if not found.significant:
        return "no significant difference"
    return "significantly better" if found.change < 0 else "significantly worse"


def _as_json(found: Difference) -> dict[str, Any]:
    return {
        "before": found.before,
        "after": found.after,
        "change": found.change,
        "low": found.low,
        "high": found.high,
        "significant": found.significant,
        "recordings": found.recordings,
    }
