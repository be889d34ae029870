"""Who speaks when: the diarization error rate, as NIST's md-eval has it.

Every moment of the recording is scored but for a collar around the boundaries of the reference, about which people do
not agree either. Each speaker of the transcript stands for one of the reference, whichever way fits longest.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from server.evaluation.turns import Turn
from server.transcript.stitching.assignment import best_pairs

_Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Diarization:
    """Seconds, of which each speaker who speaks at a time counts for himself.

    Attributes:
        speech: that was said.
        missed: of it, what nobody is told to say.
        false_alarm: that somebody is told to say while fewer or none speak.
        confusion: that another one is told to say.
    """

    speech: float
    missed: float
    false_alarm: float
    confusion: float

    @property
    def errors(self) -> float:
        """All of them."""
        return self.missed + self.false_alarm + self.confusion

    @property
    def rate(self) -> float | None:
        """Of errors; None where nobody spoke, or within collars alone."""
        return self.errors / self.speech if self.speech else None


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Of a recording, in which nothing changes."""

    seconds: float
    said: frozenset[str]
    told: frozenset[str]


def diarization_errors(reference: Sequence[Turn], told: Sequence[Turn], collar: float) -> Diarization:
    """All turns have times. ``collar``: seconds to each side of a boundary of the reference."""
    speech = missed = false_alarm = paired = 0.0
    together: defaultdict[tuple[str, str], float] = defaultdict(float)
    for stretch in _stretches(_spans(reference), _spans(told), collar):
        seconds, said, heard = stretch.seconds, len(stretch.said), len(stretch.told)
        speech += seconds * said
        missed += seconds * max(0, said - heard)
        false_alarm += seconds * max(0, heard - said)
        paired += seconds * min(said, heard)
        for one in stretch.said:
            for other in stretch.told:
                together[one, other] += seconds
    names, others = (sorted({pair[side] for pair in together}) for side in (0, 1))
    worth = [[together.get((one, other), 0.0) for other in others] for one in names]
    right = sum(worth[one][other] for one, other in best_pairs(worth).items())
    return Diarization(speech, missed, false_alarm, max(0.0, paired - right))


def _spans(turns: Iterable[Turn]) -> dict[str, list[_Span]]:
    """When each speaks. What he says while he speaks anyway is no more speech."""
    found: defaultdict[str, list[_Span]] = defaultdict(list)
    for turn in turns:
        if turn.span is not None and turn.span[1] > turn.span[0]:
            found[turn.speaker or ""].append(turn.span)
    return {speaker: _merged(spans) for speaker, spans in found.items()}


def _merged(spans: Iterable[_Span]) -> list[_Span]:
    merged: list[_Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], end)
        else:
            merged.append((start, end))
    return merged


def _stretches(said: dict[str, list[_Span]], told: dict[str, list[_Span]], collar: float) -> Iterator[_Stretch]:
    """Those that are scored, in order."""
    now: dict[str, Counter[str]] = {"said": Counter(), "told": Counter(), "unscored": Counter()}
    before = 0.0
    for moment, kind, name, change in sorted(_changes(said, told, collar)):
        if moment > before and not now["unscored"].total():
            yield _Stretch(moment - before, _present(now["said"]), _present(now["told"]))
        before = moment
        now[kind][name] += change


def _changes(
    said: dict[str, list[_Span]], told: dict[str, list[_Span]], collar: float
) -> Iterator[tuple[float, str, str, int]]:
    """When somebody begins (1) or ends (-1) to speak, to be told, or a collar does."""
    for kind, speakers in (("said", said), ("told", told)):
        for name, spans in speakers.items():
            for start, end in spans:
                yield from ((start, kind, name, 1), (end, kind, name, -1))
    for edge in (edge for spans in said.values() for span in spans for edge in span):
        yield from ((edge - collar, "unscored", "", 1), (edge + collar, "unscored", "", -1))


def _present(names: Counter[str]) -> frozenset[str]:
    return frozenset(name for name, count in names.items() if count > 0)
