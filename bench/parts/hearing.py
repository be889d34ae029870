"""What it costs the API process to watch answers: time for 1,000 characters, by how many tokens come at once.

python -m bench.parts.hearing [--tokenizer FOLDER]

Written answers go token by token through all that the hearing room does with sound ones. FOLDER holds a tokenizer.json,
of the real checkpoint for instance; by default the bundled one's. Text and times are made up.
"""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from time import process_time

from bench.parts.drafts import ANSWERS, TINY
from model.family import VIBEVOICE_ASR
from server.hearing.place import Place
from server.hearing.settling import Settling
from server.transcript.detokenizer import Vocabulary

_ROUNDS = 3
_AT_ONCE = (1, 8, 64)
"""Tokens in one message of the worker: one by one, drafted, and a whole hypothesis that came true."""


def watch(vocabulary: Vocabulary, tokens: list[int], seconds: float, at_once: int) -> float:
    """Seconds of CPU that it takes to hear one answer."""
    place, settling = Place(VIBEVOICE_ASR.grammar, seconds), Settling(vocabulary, seconds)
    passed = 0
    began = process_time()
    for start in range(0, len(tokens), at_once):
        part = tokens[start : start + at_once]
        settling.add(part, [0.0] * len(part))
        assert settling.look() is None, "a sound answer was called"
        pieces = settling.take()
        place.read("".join(piece.text for piece in pieces))
        passed += sum(len(piece.tokens) for piece in pieces)
    passed += sum(len(piece.tokens) for piece in settling.take_all())
    assert passed == len(tokens)
    return process_time() - began


def main() -> None:
    """Print a line for each size."""
    arguments = ArgumentParser(description=__doc__)
    arguments.add_argument("--tokenizer", type=Path, default=TINY, metavar="FOLDER")
    vocabulary = Vocabulary.load(arguments.parse_args().tokenizer)
    grammar = VIBEVOICE_ASR.grammar
    texts, answers = 0, []
    for answer in json.loads(ANSWERS.read_text(encoding="utf-8")):
        segments = answer["segments"]
        written = (grammar.segment(s["Start"], s["End"], s.get("Speaker"), s["Content"]) for s in segments)
        text = grammar.opening(written) + "]"
        texts += len(text)
        answers.append((vocabulary.ids(text), float(segments[-1]["End"])))
    tokens = sum(len(ids) for ids, _ in answers)
    for at_once in _AT_ONCE:
        spent = min(sum(watch(vocabulary, ids, end, at_once) for ids, end in answers) for _ in range(_ROUNDS))
        print(  # noqa: T201 - a command
            f"{at_once} tokens at once: {1e6 * spent / texts:.2f} ms for 1000 characters, "
            f"{1e6 * spent / tokens:.0f} us a token, {1e6 * spent / tokens * at_once:.0f} us a message"
        )


if __name__ == "__main__":
    main()
