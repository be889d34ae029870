"""Words placed by what attention heads look at while the answer is written, as Whisper's word times are.

The answer is given, in a forward of Transformers' own classes: the model says nothing, it is only asked where it looks.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from transformers import VibeVoiceAsrForConditionalGeneration, VibeVoiceAsrProcessor

from bench.word_times.material import Spoken
from model.reference import without_noise
from server.transcript.word_breaks import cut_words

Head = tuple[int, int]
"""Layer, and number in it."""
Span = tuple[float, float]
Weights = npt.NDArray[np.float32]
_HEADER = "<|im_start|>assistant\n"


@dataclass(frozen=True, slots=True)
class Looked:
    """At one turn.

    Attributes:
        weights: [layers, heads, tokens of its words, frames of its time].
        words: the words' tokens, a half-open range each.
        start: seconds at which the first frame begins.
    """

    weights: Weights
    words: Sequence[tuple[int, int]]
    start: float


class Looking:
    """A checkpoint that tells where it looks."""

    def __init__(self, folder: Path) -> None:
        self._processor: Any = VibeVoiceAsrProcessor.from_pretrained(folder)
        model: Any = VibeVoiceAsrForConditionalGeneration.from_pretrained(
            folder, dtype=torch.float32, attn_implementation="eager"
        )
        model.eval()
        self._model = model
        self._audio = self._model.config.audio_token_id
        encoder: Any = self._model.config.acoustic_tokenizer_encoder_config
        hop = int(np.prod(encoder.downsampling_ratios))
        self.frame = hop / self._processor.feature_extractor.sampling_rate

    def at(self, spoken: Spoken) -> list[Looked]:
        """Every turn of a recording."""
        text = _HEADER + json.dumps(list(spoken.answer), separators=(",", ":"), ensure_ascii=False)
        answer = self._processor.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        inputs = self._processor.apply_transcription_request([spoken.samples], prompt=[""])
        told = torch.tensor([answer["input_ids"]])
        first = inputs["input_ids"].shape[1]
        ids = torch.cat((inputs["input_ids"], told), dim=1)
        inputs |= {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
        with torch.inference_mode():
            found = self._model(**inputs, **without_noise(self._model), output_attentions=True, use_cache=False)
        frames = torch.nonzero(ids[0] == self._audio)[:, 0]
        # Where a token is written is the position in front of it.
        weights = torch.stack([layer[0, :, first - 1 : -1][:, :, frames] for layer in found.attentions])
        return list(self._turns(spoken, text, answer["offset_mapping"], weights.numpy()))

    def _turns(
        self, spoken: Spoken, text: str, offsets: Sequence[tuple[int, int]], weights: Weights
    ) -> Iterator[Looked]:
        at = 0
        for turn, entry in zip(spoken.turns, spoken.answer, strict=True):
            content = str(entry["Content"])
            begin = at = text.index(json.dumps(content, ensure_ascii=False), at) + 1
            spans = []
            for lead, word in cut_words(content):
                begin += len(lead) if begin > at else 0
                spans.append((begin, begin + len(word)))
                begin += len(word)
            tokens = [_tokens(span, offsets) for span in spans]
            low, high = int(turn.start / self.frame), int(np.ceil(turn.end / self.frame))
            a, b = tokens[0][0], tokens[-1][1]
            yield Looked(
                weights[:, :, a:b, low:high], [(one - a, other - a) for one, other in tokens], low * self.frame
            )


def placed(looked: Looked, heads: Sequence[Head], frame: float, end: float, pauses: Sequence[Span] = ()) -> list[Span]:
    """The words, back to back, by dynamic time warping over what these heads look at.

    ``pauses``: in which nobody speaks. What is looked at there does not count, and no word reaches into them.
    """
    begins_of = looked.start + frame * np.arange(looked.weights.shape[-1])
    spoken = [not any(a <= begin + frame / 2 < b for a, b in pauses) for begin in begins_of]
    keep = np.flatnonzero(spoken) if sum(spoken) else np.arange(len(spoken))
    weights = np.mean([looked.weights[head] for head in heads], axis=0)[:, keep]
    weights = weights / np.maximum(weights.max(axis=1, keepdims=True), 1e-9)
    rows = _warped(-weights)
    begins = [float(begins_of[keep[int(np.argmax(rows >= first))]]) for first, _ in looked.words]
    # A frame that is half in a pause begins in it, and a word is said without one.
    begins = [next((b for a, b in pauses if a <= begin < b), begin) for begin in begins]
    pairs = zip(begins, [*begins[1:], end], strict=True)
    return [(begin, next((a for a, _ in pauses if begin < a < later), later)) for begin, later in pairs]


def _tokens(span: tuple[int, int], offsets: Sequence[tuple[int, int]]) -> tuple[int, int]:
    own = [place for place, (a, b) in enumerate(offsets) if b > span[0] and a < span[1]]
    return own[0], own[-1] + 1


def _warped(costs: Weights) -> npt.NDArray[np.int64]:
    """For each frame the token that the cheapest path through both is at, first to last."""
    tokens, frames = costs.shape
    total = np.full((tokens + 1, frames + 1), np.inf)
    total[0, 0] = 0.0
    came = np.zeros((tokens + 1, frames + 1), np.int64)
    for i in range(1, tokens + 1):
        for j in range(1, frames + 1):
            ways = (total[i - 1, j - 1], total[i - 1, j], total[i, j - 1])
            came[i, j] = int(np.argmin(ways))
            total[i, j] = ways[came[i, j]] + costs[i - 1, j - 1]
    rows = np.zeros(frames, np.int64)
    i, j = tokens, frames
    while i > 0 and j > 0:
        rows[j - 1] = i - 1
        step = came[i, j]
        i, j = i - (step != 2), j - (step != 1)
    return rows
