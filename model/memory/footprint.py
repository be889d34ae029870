"""What a model's parts take in memory, by arithmetic on its configuration: no device is asked and nothing is run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import torch
from transformers import (
    VibeVoiceAcousticTokenizerEncoderConfig,
    VibeVoiceAsrConfig,
    VibeVoiceAsrForConditionalGeneration,
)

from model.decoder.dimensions import head_dim, kv_heads, language_config
from model.seam.adapters import MODULES
from model.seam.runner import WeightFormat

LOGIT_BYTES = 10
"""Of one score while the best token is looked for: bfloat16, float32, and the exponentials in float32."""

_BITS: dict[WeightFormat, float] = {"nf4": 4 + 8 / 64 + 32 / (64 * 256), "int8": 8, "fp8": 8}
"""Per weight of a linear map. NF4 has a scale of 8 bits for 64 weights, and those have one of 32 bits for 256."""
_SCALE_BYTES = 4
"""Of each row of a linear map in int8 and fp8."""


@dataclass(frozen=True, slots=True)
class Footprint:
    """The numbers of a model that its need of memory follows from; counts are of numbers, not of bytes.

    ``hidden``, ``inner``, ``vocabulary``: widths of the decoder, its feed-forward and its head. ``linears``: weights of
    the decoder's linear maps, the head apart; ``rows``: of those maps; ``largest``: weights of the largest.
    ``table``: the token embedding; ``head``: what the head adds, nothing where it shares the embedding's weights.
    ``vectors``: norms and biases of the decoder. ``encoders``: weights of encoders and projector; ``convolutions``:
    those among them that the streaming encoder keeps a second time, rearranged. ``hop``: samples per frame; ``frame``:
    numbers that are alive per frame in the encoders' widest layer. ``history``: what both encoders keep of one stream.
    ``position``: of KV cache in one position. ``layers``, ``queries``, ``keys``: the decoder's layers, and the widths
    that its query, and its key and value maps, have.
    """

    hidden: int
    inner: int
    vocabulary: int
    linears: int
    rows: int
    largest: int
    table: int
    head: int
    vectors: int
    encoders: int
    convolutions: int
    hop: int
    frame: int
    history: int
    position: int
    layers: int
    queries: int
    keys: int

    @classmethod
    def of(cls, model: VibeVoiceAsrForConditionalGeneration) -> Footprint:
        """Of a model on any device, ``meta`` included; the decoder's weights may be quantised already."""
        config = language_config(model)
        hidden, inner, layers = config.hidden_size, config.intermediate_size, config.num_hidden_layers
        queries, keys = config.num_attention_heads * head_dim(config), kv_heads(config) * head_dim(config)
        table = config.vocab_size * hidden
        encoders = [model.model.acoustic_tokenizer_encoder, model.model.semantic_tokenizer_encoder]
        return cls(
            hidden=hidden,
            inner=inner,
            vocabulary=config.vocab_size,
            linears=layers * hidden * (2 * queries + 2 * keys + 3 * inner),
            rows=layers * (queries + 2 * keys + 2 * hidden + 2 * inner),
            largest=hidden * max(inner, queries),
            table=table,
            head=0 if config.tie_word_embeddings else table,
            vectors=layers * (2 * hidden + queries + 2 * keys) + hidden,
            encoders=sum(_weights(module) for module in (*encoders, model.model.multi_modal_projector)),
            convolutions=sum(_convolutions(encoder) for encoder in encoders),
            hop=encoders[0].config.hop_length,
            frame=max(_widest(encoder.config) for encoder in encoders),
            history=sum(_history(encoder) for encoder in encoders),
            position=2 * layers * keys,
            layers=layers,
            queries=queries,
            keys=keys,
        )

    @classmethod
    def of_config(cls, config: VibeVoiceAsrConfig) -> Footprint:
        """Of a model that is not there yet; it is made without memory for its weights."""
        with torch.device("meta"):
            return cls.of(VibeVoiceAsrForConditionalGeneration(config))

    def map_shape(self, module: str) -> tuple[int, int]:
        """Widths that one of a decoder layer's maps takes and gives; see ``model.seam.adapters.MODULES``."""
        return {
            "q_proj": (self.hidden, self.queries),
            "k_proj": (self.hidden, self.keys),
            "v_proj": (self.hidden, self.keys),
            "o_proj": (self.queries, self.hidden),
            "gate_proj": (self.hidden, self.inner),
            "up_proj": (self.hidden, self.inner),
            "down_proj": (self.inner, self.hidden),
        }[module]

    def adapter_numbers(self, ranks: int) -> int:
        """Of adapters with so many ranks together, beside all of the decoder's linear maps."""
        return ranks * self.layers * sum(sum(self.map_shape(module)) for module in MODULES)

    def weight_bytes(self, weights: WeightFormat, number_bytes: int) -> int:
        """Of all weights; those that are not the decoder's linear maps have ``number_bytes`` each."""
        return self.linear_bytes(weights, number_bytes) + (self.weights - self.linears) * number_bytes

    @property
    def weights(self) -> int:
        """All weights of the model."""
        return self.linears + self.table + self.head + self.vectors + self.encoders

    @property
    def decoder(self) -> int:
        """Those of the language model, embedding and head included."""
        return self.linears + self.table + self.head + self.vectors

    def linear_bytes(self, weights: WeightFormat, number_bytes: int) -> int:
        """Of the decoder's linear maps in that format; ``number_bytes``: of one number of the model's own."""
        if weights == "bf16":
            return self.linears * number_bytes
        scales = 0 if weights == "nf4" else self.rows * _SCALE_BYTES
        return int(self.linears * _BITS[weights] / 8) + scales

    def layer_bytes(self, inputs: int, weights: WeightFormat, number_bytes: int) -> int:
        """Most that a decoder layer over so many inputs makes at a time, the stream of hidden states included.

        In the feed-forward two results of its width and their product are alive, beside the residual, the norm and the
        sum. Weights of less than two bytes are made whole, a linear map at a time, unless the device computes in fp8.
        """
        whole = self.largest if weights in ("nf4", "int8") else 0
        return (inputs * (3 * self.inner + 3 * self.hidden) + whole) * number_bytes

    def head_bytes(self, places: int) -> int:
        """Most that scoring so many places at once makes."""
        return places * self.vocabulary * LOGIT_BYTES

    def encoding_bytes(self, frames: int, number_bytes: int) -> int:
        """Most that encoding so many frames makes: the widest layer, and the audio as it came and in its own dtype."""
        return frames * (self.frame * number_bytes + self.hop * (4 + number_bytes))


def _weights(module: torch.nn.Module) -> int:
    return sum(weight.numel() for weight in module.parameters())


def _convolutions(encoder: torch.nn.Module) -> int:
    return sum(weight.numel() for weight in encoder.parameters() if weight.ndim == 3)


def _widest(config: VibeVoiceAcousticTokenizerEncoderConfig) -> int:
    """Numbers per frame while a feed-forward runs: its input, and its wide result before and behind the activation.

    That is in the first stage: behind it there are twice the channels, and half the time or less.
    """
    return int(config.num_filters * config.hop_length * (1 + 2 * config.ffn_expansion))


def _history(encoder: torch.nn.Module) -> int:
    convolutions = [cast(Any, module) for module in encoder.modules() if isinstance(module, torch.nn.Conv1d)]
    return sum((each.kernel_size[0] - each.stride[0]) * each.in_channels for each in convolutions)
