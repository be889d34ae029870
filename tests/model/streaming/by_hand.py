"""What a stream by turns says, computed as straight as can be: Transformers' modules, window by window, no caches."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from model.family.vibevoice_asr_streaming.geometry import WindowGeometry
from model.loading.checkpoint import Checkpoint
from model.seam.audio import Samples

_PROMPT = (
    "You are a helpful assistant that transcribes audio input into text output. "
    "Please transcribe the following audios streamingly with these keys: speaker, content"
)


class ByHand:
    """The model, and tokens by their names."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._model: Any = checkpoint.model
        self._tokenizer: Any = checkpoint.processor.tokenizer
        assert isinstance(checkpoint.family.geometry, WindowGeometry)
        self._geometry = checkpoint.family.geometry
        number = self._tokenizer.convert_tokens_to_ids
        self._start, self._end = number("<|object_ref_start|>"), number("<|object_ref_end|>")
        self.turn_end, self.eos = number("<|text_chunk_end|>"), number("<|endoftext|>")

    def answer(self, samples: Samples, *, context: str | None = None, longest: int = 256) -> list[list[int]]:
        """Tokens of every window's text, without what ends it."""
        extra = f" and extra info: {context}" if context else ""
        embed = self._model.get_input_embeddings()
        ids = self._tokenizer(f"{_PROMPT}{extra}\n", add_special_tokens=False).input_ids
        with torch.inference_mode():
            sequence = embed(torch.tensor([ids]))
            turns = []
            for window in self._windows(samples):
                markers = embed(torch.tensor([[self._start], [self._end], [self.turn_end]]))
                sequence = torch.cat([sequence, markers[:1], self._heard(window), markers[1:2]], dim=1)
                text: list[int] = []
                while len(text) < longest:
                    states = self._model.model.language_model(inputs_embeds=sequence, use_cache=False).last_hidden_state
                    token = int(self._model.lm_head(states[0, -1]).argmax())
                    if token in (self.turn_end, self.eos):
                        break
                    text.append(token)
                    sequence = torch.cat([sequence, embed(torch.tensor([[token]]))], dim=1)
                sequence = torch.cat([sequence, markers[2:]], dim=1)
                turns.append(text)
        return turns

    def _windows(self, samples: Samples) -> list[Samples]:
        chunk, whole = self._geometry.chunk * 3200, (self._geometry.chunk + self._geometry.lookahead) * 3200
        cut = [samples[start : start + whole] for start in range(0, samples.size, chunk)]
        return [np.pad(window, (0, whole - window.size)) for window in cut]

    def _heard(self, window: Samples) -> torch.Tensor:
        core, audio = self._model.model, torch.from_numpy(window)[None, None]
        acoustic = core.acoustic_tokenizer_encoder(audio).latents
        semantic = core.semantic_tokenizer_encoder(audio).latents
        frames: torch.Tensor = core.multi_modal_projector(acoustic, semantic)
        return frames
