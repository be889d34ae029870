"""What the repetition guard says of answers.

    python -m bench.loops < cases.jsonl
    python -m bench.loops --score cases.jsonl [--missed 5]
    python -m bench.loops --make 800 [--seed 1] > cases.jsonl

Each line in is ``{"id", "seconds", "answer"}``: the audio's length and the answer's raw text as it would have been
decoded. Each line out is ``{"id", "loop", "at_char"}``: whether it runs in circles, and how many characters had been
seen when that was called (null where it was not). A line that is no case ends the command with status 2 and the line's
number; other keys are not looked at.

``--score``: cases that tell the truth (``loop``, ``onset_char``, ``fifth_char``, ``end_char``, ``kind``) are scored.
``--make``: writes so many of such cases, in sixteen languages.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from bench.loops.cases import CaseError, find_loop, read_cases
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
    options = parser.parse_args()
    try:
        if options.score is not None:
            from bench.loops.scoring import score  # with PyTorch, which nobody waits for who only asks

            with options.score.open(encoding="utf-8") as lines:
                score(list(read_cases(lines, truth=True)), shown=options.missed)
            return 0
        if options.make is not None:
            for made in make_cases(options.make, options.seed):
                print(json.dumps(made, ensure_ascii=False))
            return 0
        sys.stdin.reconfigure(encoding="utf-8")  # type: ignore[union-attr]  # whatever the locale
        for case in read_cases(sys.stdin, truth=False):
            loop = find_loop(case)
            print(
                json.dumps({"id": case.id, "loop": loop is not None, "at_char": loop.at if loop else None}), flush=True
            )
    except (CaseError, OSError, UnicodeDecodeError) as error:
        print(f"bench.loops: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
