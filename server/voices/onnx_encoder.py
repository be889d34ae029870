"""A network for voices out of an ONNX file, run on one core beside the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import onnxruntime  # type: ignore[import-untyped]
import soxr  # type: ignore[import-untyped]

from model.seam.audio import SAMPLE_RATE, Samples
from server.voices import filterbank
from server.voices.encoder import Likeness, Vector
from server.voices.errors import UnusableVoiceEncoder

_RATE: Final = 16_000
_SHORTEST = round(1.6 * _RATE)
"""Samples: a shorter clip is repeated up to here, which is what networks for voices were trained with at least."""
_LONGEST = 10.0
"""Seconds of a clip that are heard: what follows tells no more, and costs as much again."""
_USUAL: Final = Likeness(same=0.6, different=0.35)
"""Of files that do not say: between what published networks of this kind have."""
_SAME, _DIFFERENT = "same_voice", "different_voice"
"""Keys of a file's metadata, with cosines."""
_FLOAT = "tensor(float)"
_TRIALS = (1.6, 2.5)
"""Seconds of clips that a file is tried with."""
_TINY = 1e-6

_Prepared = Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]]


class OnnxVoiceEncoder:
    """A `VoiceEncoder`. One core computes for all who ask, one clip after the other.

    Args:
        path: a file that takes either samples at 16 kHz, [1, n], or log-mel filter banks, [1, frames, 80]
            (`filterbank`), as its only input, float32, and whose only or first output is a vector, [1, d] or [d].

    Attributes:
        likeness: see VoiceEncoder. The file's own, where its metadata has ``same_voice`` and ``different_voice``.

    Raises UnusableVoiceEncoder for any other file: it is tried with two clips of noise.
    """

    def __init__(self, path: Path) -> None:
        self._session = _load(path)
        self._input, self._prepared = _input_of(self._session, path)
        self.likeness = _likeness_of(self._session, path)
        self._try(path)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="voices")

    async def vectors(self, clips: Sequence[Samples]) -> list[Vector]:
        """See VoiceEncoder. Raises ValueError for an empty clip."""
        if not all(clip.size for clip in clips):
            raise ValueError("there is nothing to hear in an empty clip")
        loop = asyncio.get_running_loop()
        return [await loop.run_in_executor(self._thread, self._vector, clip) for clip in clips]

    def close(self) -> None:
        """See VoiceEncoder. What is being computed is left to end by itself."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _vector(self, clip: Samples) -> Vector:
        heard = np.clip(clip[: round(_LONGEST * SAMPLE_RATE)], -1, 1)
        samples = np.asarray(soxr.resample(heard, SAMPLE_RATE, _RATE), np.float32)
        if samples.size < _SHORTEST:
            samples = np.resize(samples if samples.size else heard, _SHORTEST)
        vector = self._run(samples)
        return vector / max(float(np.linalg.norm(vector)), _TINY)

    def _run(self, samples: npt.NDArray[np.float32]) -> Vector:
        output, *_ = self._session.run(None, {self._input: self._prepared(samples)[np.newaxis]})
        return np.asarray(output, np.float32).reshape(-1)

    def _try(self, path: Path) -> None:
        noise = np.random.default_rng(0)
        found = []
        for seconds in _TRIALS:
            try:
                found.append(self._run(noise.normal(0, 0.05, round(seconds * _RATE)).astype(np.float32)))
            except Exception as error:  # whatever ONNX Runtime makes of somebody's network
                raise UnusableVoiceEncoder(f"{path} cannot hear a clip of {seconds:g} s: {error}") from None
        first, second = found
        if not 8 <= first.size == second.size <= 8192:
            raise UnusableVoiceEncoder(f"{path} makes {first.size} numbers of one clip and {second.size} of another.")
        if not all(np.isfinite(vector).all() and np.linalg.norm(vector) > _TINY for vector in found):
            raise UnusableVoiceEncoder(f"{path} makes vectors that have no direction.")


def _load(path: Path) -> onnxruntime.InferenceSession:
    if not path.is_file():
        raise UnusableVoiceEncoder(f"{path} is no file.")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # as above: its errors have no common class
        raise UnusableVoiceEncoder(f"{path} cannot be loaded by ONNX Runtime: {error}") from None


def _input_of(session: onnxruntime.InferenceSession, path: Path) -> tuple[str, _Prepared]:
    """The name of the input, and what makes it of samples."""
    inputs = session.get_inputs()
    told = ", ".join(f"{each.name} {each.type} {each.shape}" for each in inputs)
    if len(inputs) == 1 and inputs[0].type == _FLOAT and inputs[0].shape[0] in (1, None, *_names(inputs[0].shape)):
        match inputs[0].shape:
            case [_, str() | None]:
                return inputs[0].name, _as_they_are
            case [_, str() | None, filterbank.BANDS | str() | None]:
                return inputs[0].name, filterbank.features
            case _:
                pass
    raise UnusableVoiceEncoder(
        f"{path} takes {told}. One float32 input is wanted: samples at 16 kHz [1, any], or log-mel filter banks "
        f"[1, any, {filterbank.BANDS}]."
    )


def _names(shape: Sequence[int | str | None]) -> list[str]:
    return [size for size in shape if isinstance(size, str)]


def _as_they_are(samples: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return samples


def _likeness_of(session: onnxruntime.InferenceSession, path: Path) -> Likeness:
    told = session.get_modelmeta().custom_metadata_map
    if _SAME not in told and _DIFFERENT not in told:
        return _USUAL
    try:
        likeness = Likeness(float(told[_SAME]), float(told[_DIFFERENT]))
    except (KeyError, ValueError):
        likeness = Likeness(0.0, 0.0)
    if not -1 < likeness.different < likeness.same < 1:
        raise UnusableVoiceEncoder(f"{path} has metadata of which {_SAME} and {_DIFFERENT} are no two cosines.")
    return likeness
