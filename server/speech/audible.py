"""Whether there is anything to hear in audio, be it speech or not."""

from __future__ import annotations

from typing import Final

import numpy as np

from model.seam.audio import SAMPLE_RATE, Level, Samples
from server.speech.voiced import has_voice

_AUDIBLE: Final = 10 ** (-45 / 20)
"""RMS from which on it is a sound: what lies 20 dB below the level that the model hears recordings at is the room and
the microphone."""
_FRAME: Final = SAMPLE_RATE // 10
_LEAST_SOUND: Final = 0.5
"""Seconds of sound in a stretch that is not silent: a door may slam."""
_PIECE: Final = 60 * SAMPLE_RATE


def is_audible(samples: Samples) -> bool:
    """Of some tens of milliseconds ([n], mono): whether they are a sound."""
    return bool(samples.size) and float(np.sqrt(np.mean(np.square(samples)))) >= _AUDIBLE


def has_sound(samples: Samples, level: Level = Level()) -> bool:  # noqa: B008 - frozen
    """Whether there is `_LEAST_SOUND` in ``samples`` ([n], mono 24 kHz) at the ``level`` of their recording.

    Stops as soon as it knows.
    """
    frames = 0
    for start in range(0, samples.size, _PIECE):
        piece = level.apply(np.asarray(samples[start : start + _PIECE]))
        cut = piece[: piece.size // _FRAME * _FRAME].reshape(-1, _FRAME)
        frames += int(np.count_nonzero(np.sqrt(np.mean(np.square(cut), axis=1)) >= _AUDIBLE))
        if frames * _FRAME >= _LEAST_SOUND * SAMPLE_RATE:
            return True
    return False


def is_worth_hearing(samples: Samples, level: Level = Level()) -> bool:  # noqa: B008 - frozen
    """Whether the model has something to say about ``samples``: a sound, or a voice that is softer than any.

    To silence it answers with what it makes up; what music and noise are, only the model can tell.
    """
    return has_sound(samples, level) or has_voice(samples, level)
