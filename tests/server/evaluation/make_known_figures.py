"""Makes known_figures.json: talks by chance, with the figures that MeetEval and pyannote.metrics have for them.

    pip install meeteval pyannote.metrics    # MeetEval is compiled: it needs a C++ compiler
    python tests/server/evaluation/make_known_figures.py

They are no part of the project's own packages, so the figures are kept.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import meeteval
from pyannote.core import Annotation
from pyannote.core import Segment as Span
from pyannote.metrics.diarization import DiarizationErrorRate

FILE = Path(__file__).parent / "known_figures.json"
WORDS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "seventeen"]
Talk = list[dict[str, Any]]


def talk(rng: random.Random) -> Talk:
    """Turns of up to four speakers; some overlap, some touch, none overlaps with its own speaker's."""
    speakers = [f"s{number}" for number in range(rng.randint(1, 4))]
    free, at, turns = dict.fromkeys(speakers, 0.0), 0.0, list[dict[str, Any]]()
    for _ in range(rng.randint(1, 12)):
        speaker = rng.choice(speakers)
        start = max(free[speaker], round(at + rng.choice((0.0, 0.4, 1.2, -0.8)), 2), 0.0)
        end = round(start + rng.uniform(0.3, 6.0), 2)
        text = " ".join(rng.choices(WORDS, k=rng.randint(1, 9)))
        turns.append({"speaker": speaker, "start": start, "end": end, "text": text})
        free[speaker], at = end, end
    return sorted(turns, key=lambda turn: float(turn["start"]))


def heard(said: Talk, rng: random.Random) -> Talk:
    """The same as a model might tell it."""
    names = {turn["speaker"]: f"h{rng.randint(0, 3)}" for turn in said}
    told = []
    for turn in said:
        if rng.random() < 0.1:
            continue
        words = [rng.choice(WORDS) if rng.random() < 0.15 else word for word in turn["text"].split()]
        words = [word for word in words if rng.random() > 0.1] + rng.choices(WORDS, k=rng.choice((0, 0, 1)))
        shift = rng.choice((0.0, 0.2, -0.3, 4.0))
        start = max(0.0, round(turn["start"] + shift, 2))
        end = round(max(turn["end"] + shift + rng.uniform(-0.4, 0.4), start + 0.1), 2)
        told.append({"speaker": names[turn["speaker"]], "start": start, "end": end, "text": " ".join(words)})
    return sorted(told, key=lambda turn: float(turn["start"]))


def as_segments(turns: Talk) -> Any:
    return meeteval.io.SegLST(
        [
            {
                "session_id": "talk",
                "speaker": turn["speaker"],
                "start_time": turn["start"],
                "end_time": turn["end"],
                "words": turn["text"],
            }
            for turn in turns
        ]
    )


def as_annotation(turns: Talk) -> Any:
    found = Annotation()
    for number, turn in enumerate(turns):
        found[Span(turn["start"], turn["end"]), number] = turn["speaker"]
    return found.support()  # what somebody says while he speaks anyway is no more speech


def figures(said: Talk, told: Talk) -> dict[str, Any]:
    one, other = as_segments(said), as_segments(told)
    cp = meeteval.wer.wer.cp.cp_word_error_rate(one, other)
    tcp = {
        collar: meeteval.wer.wer.time_constrained.tcp_word_error_rate(one, other, collar=collar).errors
        for collar in (0.5, 5)
    }
    der = {}
    for collar in (0.0, 0.25):
        # pyannote.metrics takes the width of what is not scored around a boundary, not the half of it.
        parts = DiarizationErrorRate(collar=2 * collar)(as_annotation(said), as_annotation(told), detailed=True)
        der[collar] = [parts[name] for name in ("total", "missed detection", "false alarm", "confusion")]
    return {"length": cp.length, "cp": cp.errors, "tcp": tcp, "der": der}


def main() -> None:
    rng, cases = random.Random(1), list[dict[str, Any]]()
    while len(cases) < 60:
        said = talk(rng)
        if told := heard(said, rng):
            cases.append({"said": said, "told": told, **figures(said, told)})
    FILE.write_text(json.dumps(cases, separators=(",", ":")).replace('},{"said"', '},\n{"said"') + "\n", "utf-8")


if __name__ == "__main__":
    main()
