"""Whether anybody speaks in a stretch of audio."""

from __future__ import annotations

from typing import Final

import numpy as np

from model.seam.audio import SAMPLE_RATE, Level, Samples
from server.speech.detector import SpeechDetector

LEAST_VOICE: Final = 0.2
"""Seconds of voice: to less the model answers with what it makes up."""
_SAID: Final = 0.5
"""Seconds of voice in which something is said."""
_VOICE: Final = 0.3
"""Probability from which on a frame counts: what is left out is lost, and what is heard in vain costs time alone."""
_PIECE: Final = 5 * SAMPLE_RATE
_SOFTEST: Final = 10 ** (-65 / 20)
"""Nobody is heard below: 15 dB softer than what the detector finds."""


def has_voice(samples: Samples, level: Level = Level(), least: float = LEAST_VOICE) -> bool:  # noqa: B008 - frozen
    """Whether ``samples`` ([n], mono 24 kHz), at the ``level`` of their recording, have so many seconds of it in them.

    Stops as soon as it knows. A recording may be as soft as it likes: the model hears it at its level as well.

    Where somebody speaks that takes milliseconds; for silence next to nothing, and for an hour of noise 20 seconds.
    """
    detector, frames = SpeechDetector(), 0
    for start in range(0, samples.size, _PIECE):
        piece = level.apply(np.asarray(samples[start : start + _PIECE]))
        if max(float(piece.max()), -float(piece.min())) < _SOFTEST:
            detector = SpeechDetector()
            continue
        frames += sum(probability >= _VOICE for probability in detector.probabilities(piece))
        if frames * SpeechDetector.FRAME >= least:
            return True
    return False


def has_speech(samples: Samples, level: Level = Level()) -> bool:  # noqa: B008 - frozen
    """Whether somebody says something in ``samples``: what begins suddenly sounds like a voice for a moment."""
    return has_voice(samples, level, _SAID)
