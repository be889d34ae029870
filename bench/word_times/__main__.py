"""How far words' times are off: python -m bench.word_times

Recordings of held-out voices are put together word by word, so every word's times are known. Given a turn's own times
and words, its words are placed by their letters alone, by letters between the pauses that are heard (what the server
does), and with ``--attention`` also by what attention heads of the checkpoint look at (those heads that are best on
other recordings), alone and between the pauses, and by where its encoders' frames change.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from itertools import product

import numpy as np

from bench.support.report import PAGE, Goal, Report, machine, parser
from bench.word_times.attention import Head, Looked, Looking, placed
from bench.word_times.changes import Changes, snapped
from bench.word_times.material import Spoken, spoken
from model.seam.audio import SAMPLE_RATE
from model.tiny.recipe.train import CHECKPOINT
from server.speech.pauses import Pauses
from server.transcript.segments import Segment
from server.transcript.words import segment_words

Span = tuple[float, float]
Place = Callable[[Spoken], Sequence[Sequence[Span]]]
"""The words of each turn of a recording."""
_KINDS = {"turns without pauses": False, "pauses inside of turns": True}
_BLOCK = 10 * SAMPLE_RATE
EVALUATION = PAGE.with_name("evaluation.md")


def by_letters(recording: Spoken) -> list[list[Span]]:
    """As long as their letters are many."""
    return [_spans(turn) for turn in _segments(recording)]


def between_pauses(recording: Spoken) -> list[list[Span]]:
    """The same between pauses, as the server does it."""
    pauses = _pauses(recording)
    return [_spans(turn, within) for turn, within in zip(_segments(recording), pauses, strict=True)]


def _pauses(recording: Spoken) -> list[tuple[Span, ...]]:
    """That are heard in each turn."""
    heard = Pauses()
    for first in range(0, recording.samples.size, _BLOCK):
        heard.hear(first, recording.samples[first : first + _BLOCK])
    return [heard.within(turn.start, turn.end) for turn in _segments(recording)]


def _segments(recording: Spoken) -> list[Segment]:
    pairs = zip(recording.turns, recording.answer, strict=True)
    return [Segment(n, turn.start, turn.end, 0, str(entry["Content"])) for n, (turn, entry) in enumerate(pairs)]


def _spans(segment: Segment, pauses: tuple[Span, ...] = ()) -> list[Span]:
    told = Segment(segment.index, segment.start, segment.end, 0, segment.text, pauses=pauses)
    return [(word.start, word.end) for word in segment_words(told)]


def errors(recordings: Sequence[Spoken], place: Place) -> list[float]:
    """Of all starts and ends, in milliseconds. Numbers that are written in digits are no words of their own."""
    found: list[float] = []
    for recording in recordings:
        for turn, told in zip(recording.turns, place(recording), strict=True):
            if len(told) == len(turn.words):
                for word, (start, end) in zip(turn.words, told, strict=True):
                    found += [1000 * abs(start - word.start), 1000 * abs(end - word.end)]
    return found


class _ByAttention:
    """What a checkpoint's heads look at, computed once for each recording."""

    def __init__(self) -> None:
        self._looking = Looking(CHECKPOINT)
        self._seen: dict[int, list[Looked]] = {}

    def place(self, recording: Spoken, heads: Sequence[Head], *, pauses: bool = False) -> list[list[Span]]:
        seen = self._seen.setdefault(id(recording), []) or self._look(recording)
        heard = _pauses(recording) if pauses else [()] * len(seen)
        return [
            placed(looked, heads, self._looking.frame, turn.end, within)
            for looked, turn, within in zip(seen, recording.turns, heard, strict=True)
        ]

    def _look(self, recording: Spoken) -> list[Looked]:
        self._seen[id(recording)] = self._looking.at(recording)
        return self._seen[id(recording)]

    def best(self, recordings: Sequence[Spoken], most: int) -> list[Head]:
        """The heads with the smallest errors on these recordings, each for itself."""
        layers, heads = self._look(recordings[0])[0].weights.shape[:2]
        by_error: dict[Head, float] = {}
        for head in product(range(layers), range(heads)):
            found = errors(recordings, lambda each, head=head: self.place(each, [head]))  # type: ignore[misc]
            by_error[head] = float(np.median(np.array(found)))
        return sorted(by_error, key=by_error.__getitem__)[:most]


def main() -> None:
    """Run the bench and print its tables and goals."""
    options, report = _options(), Report("word-times")
    report.say(f"{machine()}: {options.recordings} recordings of each kind")
    places: dict[str, Place] = {"letters": by_letters, "letters between pauses": between_pauses}
    if options.attention:
        looking = _ByAttention()
        heads = looking.best(spoken("heads", max(2, options.recordings // 4), pauses=True), 2)
        told = ", ".join(f"head {head} of layer {layer}" for layer, head in heads)
        places[f"attention ({told})"] = lambda recording: looking.place(recording, heads)
        places["the same heads between pauses"] = lambda recording: looking.place(recording, heads, pauses=True)
        changes = Changes()
        places["letters between pauses, moved to where the encoders' frames change"] = lambda recording: [
            snapped(words, changes.of(recording)) for words in between_pauses(recording)
        ]
    rows, ratios = [], []
    for kind, pauses in _KINDS.items():
        recordings = spoken("times", options.recordings, pauses=pauses)
        found = {name: errors(recordings, place) for name, place in places.items()}
        for name, each in found.items():
            median, p90 = np.quantile(each, (0.5, 0.9))
            rows.append([kind, name, str(len(each) // 2), f"{median:.0f} ms", f"{p90:.0f} ms"])
        ratios.append(np.median(found["letters between pauses"]) / np.median(found["letters"]))
    report.table(["recordings", "words placed by", "words", "median error", "p90"], rows)
    report.goals(
        [
            Goal("median-error-between-pauses-over-letters-alone", float(ratios[1]), 0.5, at_least=False),
            Goal("the-same-where-there-is-no-pause", float(ratios[0]), 1.05, at_least=False),
        ]
    )
    if options.record:
        report.record(EVALUATION)


def _options() -> argparse.Namespace:
    options = parser(__doc__)
    options.add_argument("--recordings", type=int, default=24, help="of each kind")
    options.add_argument("--attention", action="store_true", help="by attention too, which takes minutes")
    return options.parse_args()


if __name__ == "__main__":
    main()
