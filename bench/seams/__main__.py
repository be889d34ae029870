"""Stitches pairs of overlapping windows, or measures how well it does.

    python -m bench.seams < cases.jsonl
    python -m bench.seams --made 300 [--seed 0] [--record]

Each line in is ``{"id", "a", "b"}``, each of ``a`` and ``b`` a window ``{"start", "end", "segments", "voices"}``:
``start`` and ``end`` on the recording's clock, ``segments`` as the model writes them (``Start``, ``End``, ``Speaker``,
``Content``; times from the start of the window, its own numbers), ``voices`` (may lack) a vector for each number. Each
line out is ``{"id", "segments"}``, on the recording's clock, with ``a``'s numbers and new ones behind them. A line that
is no case is told on standard error, and the command fails at its end.

``--made``: so many made conversations in fifteen languages, each heard in two windows with the model's habits, are
stitched and held against what was said, beside simple rules. *Above the best cut* is how many words more are lost or
doubled, per case, than by the best of all single cuts for that case, which only who knows the truth can find.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable

from pydantic import ValidationError

from bench.seams.cases import Case, answer


def main() -> int:
    """Answer every line that can be read, or measure."""
    command = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    command.add_argument("--made", type=int, metavar="N", help="measure on N made cases")
    command.add_argument("--seed", type=int, default=0, help="of the made cases")
    command.add_argument("--record", action="store_true", help="put the figures into docs/stitching.md")
    options = command.parse_args()
    if options.made is None:
        return _answer(sys.stdin)
    from bench.seams.measure import measure  # reports know the machine by PyTorch, which takes seconds to load

    measure(options.made, options.seed, record=options.record)
    return 0


def _answer(lines: Iterable[str]) -> int:
    failed = 0
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            case = Case.model_validate_json(line)
        except ValidationError as error:
            failed += 1
            reasons = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()[:3])
            print(f"line {number} is no case: {reasons}", file=sys.stderr)
            continue
        print(json.dumps(answer(case), ensure_ascii=False), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
