"""How sure it is that nobody will go on with a turn, and which silences the thresholds of a client stand for.

Flux has a model for this. Here there are the silence that was heard and the punctuation that was written: confidence
grows with the silence alone, from 0 while somebody speaks, and twice as fast behind the end of a sentence. What that
is good for was measured; docs/flux.md tells it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from server.live.vocabulary.turn_detection import Pauses, TurnDetection

MOST = 0.99
"""Of all confidences: a threshold above it is reached by no silence."""
FIRST_LOOK_SECONDS = 0.2
"""Of silence. Before that the model has not heard the last word whole."""
_FINISHED, _UNFINISHED = 0.45, 0.9
"""Seconds in which what is left to certainty falls to its e-th part.

The lowest threshold that ends a turn, 0.5, stands for 0.3 s at least: shorter pauses are breaths.
"""


def confidence(silence: float, *, finished: bool) -> float:
    """Of the end of a turn after ``silence`` seconds; ``finished``: behind the end of a sentence. 0 to ``MOST``."""
    return min(MOST, -math.expm1(-silence / (_FINISHED if finished else _UNFINISHED)))


def silence_of(threshold: float, *, finished: bool) -> float:
    """Seconds of silence by which this confidence is reached; infinite for one that no silence reaches."""
    if threshold > MOST:
        return math.inf
    return -math.log1p(-threshold) * (_FINISHED if finished else _UNFINISHED)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What a client may set; the defaults are Flux's.

    Attributes:
        eot_threshold: confidence that ends a turn.
        eager_eot_threshold: confidence by which an end is announced; None: none is.
        eot_timeout_ms: milliseconds of silence that end a turn, whatever the confidence.
    """

    eot_threshold: float = 0.7
    eager_eot_threshold: float | None = None
    eot_timeout_ms: int = 5000

    @property
    def turns(self) -> TurnDetection:
        """The turn detection that tells when they are reached."""
        timeout = self.eot_timeout_ms / 1000
        finished, unfinished = (
            min(timeout, silence_of(self.eot_threshold, finished=finished)) for finished in (True, False)
        )
        return TurnDetection(silence=unfinished, pauses=Pauses(self._looks, finished))

    @property
    def _looks(self) -> tuple[float, ...]:
        """The first, so that a turn is known in full before it ends, and where an end is announced."""
        eager = self.eager_eot_threshold
        announced = () if eager is None else (silence_of(eager, finished=finished) for finished in (True, False))
        return (FIRST_LOOK_SECONDS, *(max(FIRST_LOOK_SECONDS, silence) for silence in announced))
