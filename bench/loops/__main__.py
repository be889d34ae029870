"""What the repetition guard says of answers.

    python -m bench.loops < cases.jsonl
    python -m bench.loops --score cases.jsonl [--missed 5] [--record]
    python -m bench.loops --make 800 [--seed 1] > cases.jsonl

Each line in is ``{"id", "seconds", "answer"}``: the audio's length and the answer's raw text as it would have been
decoded. Each line out is ``{"id", "loop", "at_char"}``: whether it runs in circles, and how many characters had been
seen when that was called (null where it was not). A line that is no case is told with its number, the others are
answered, and the status is 2; other keys are not looked at.

``--score``: cases that tell the truth (``loop``, ``onset_char``, ``fifth_char``, ``end_char``, ``kind``) are scored;
``--record`` puts the figures into ``docs/loops.md``.
``--make``: writes so many of such cases, in sixteen languages.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from bench.loops.cases import Case, CaseError, find_loop, read_cases
from bench.loops.made import make_cases


def main() -> int:
    """Answer or score cases; the exit status."""
    parser = argparse.ArgumentParser(
        "python -m bench.loops", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--score", type=Path, metavar="FILE", help="cases that tell the truth")
    parser.add_argument("--missed", type=int, default=0, metavar="N", help="show so many that were not right")
    parser.add_argument("--make", type=int, metavar="N", help="write so many cases that tell the truth")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--record", action="store_true", help="into docs/loops.md")
    options = parser.parse_args()
    if options.make is not None:
        for made in make_cases(options.make, options.seed):
            print(json.dumps(made, ensure_ascii=False))
        return 0
    return _answer() if options.score is None else _score(options.score, options.missed, record=options.record)


def _answer() -> int:
    wrong = 0
    for case in read_cases(sys.stdin.buffer, truth=False):
        if isinstance(case, CaseError):
            print(f"bench.loops: {case}", file=sys.stderr)
            wrong += 1
            continue
        loop = find_loop(case)
        print(json.dumps({"id": case.id, "loop": loop is not None, "at_char": loop.at if loop else None}))
    return 2 if wrong else 0


def _score(file: Path, missed: int, *, record: bool) -> int:
    from bench.loops.scoring import score  # with PyTorch, which nobody waits for who only asks

    try:
        with file.open("rb") as lines:
            found = list(read_cases(lines, truth=True))
    except OSError as error:
        found = [CaseError(error)]
    for case in found:
        if isinstance(case, CaseError):
            print(f"bench.loops: {case}", file=sys.stderr)
            return 2
    score([case for case in found if isinstance(case, Case)], shown=missed, record=record)
    return 0


if __name__ == "__main__":
    sys.exit(main())
