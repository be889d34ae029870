"""Stitches pairs of overlapping windows.

    python -m bench.seams < cases.jsonl

Each line in is ``{"id", "a", "b"}``, each of ``a`` and ``b`` a window ``{"start", "end", "segments", "voices"}``:
``start`` and ``end`` on the recording's clock, ``segments`` as the model writes them (``Start``, ``End``, ``Speaker``,
``Content``; times from the start of the window, its own numbers), ``voices`` (may lack) a vector for each number. Each
line out is ``{"id", "segments"}``, on the recording's clock, with ``a``'s numbers and new ones behind them.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable

from pydantic import ValidationError

from bench.seams.cases import Case, answer


def main() -> int:
    """Answer every line that can be read; the others are told on standard error, and the command fails at the end."""
    return _answer(sys.stdin)


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
