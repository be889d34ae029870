"""Made answers in sixteen languages, half of them loops, none of them those that the guard's numbers were chosen by."""

from __future__ import annotations

import random
from collections.abc import Iterator

from bench.loops.honest import HONEST
from bench.loops.looping import LOOPING
from bench.loops.writing import LANGUAGES, Writer


def make_cases(count: int, seed: int) -> Iterator[dict[str, object]]:
    """``count`` cases that tell the truth, as ``--score`` reads them. The same for the same ``seed``."""
    rng = random.Random(seed)
    codes = sorted(LANGUAGES)
    for place in range(count):
        code = codes[place % len(codes)]
        writer = Writer(rng, LANGUAGES[code])
        loop = rng.random() < 0.5
        write = rng.choice(LOOPING if loop else HONEST)
        writer.talk(rng.choice([0, 5, 40]))
        write(writer)
        if not loop:
            writer.talk(rng.choice([0, 5]))
            writer.text += rng.choice(["]", "]", ""])
        marks = writer.marks
        yield {
            "id": f"{write.__name__}-{code}-{place}",
            "kind": write.__name__,
            "loop": loop,
            "seconds": round(writer.clock + rng.uniform(0, 1), 2),
            "onset_char": marks["onset"],
            "fifth_char": marks["fifth"],
            "end_char": marks["end"],
            "answer": writer.text,
        }
