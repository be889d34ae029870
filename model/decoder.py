"""One packed forward over the rows of a step: new positions of many streams, one behind the other, no padding."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from transformers import VibeVoiceAsrForConditionalGeneration

from model.attention import PAGED, Rows, SdpaRows, install
from model.checkpoint import language_config
from model.kv_cache import PagePool, PageTable


class Decoder:
    """The language model over a page pool: embeds tokens, runs packed rows, gives logits where asked."""

    attention = "sdpa"
    """Name of the attention backend."""

    def __init__(self, model: VibeVoiceAsrForConditionalGeneration, *, pages: int, page_size: int) -> None:
        install()
        self._language_model = model.model.language_model
        self._language_model.set_attn_implementation(PAGED)
        self._lm_head = model.lm_head
        config = language_config(model)
        weight = model.lm_head.weight
        self.device, self.dtype = weight.device, weight.dtype
        self.pool = PagePool(
            layers=config.num_hidden_layers,
            pages=pages,
            page_size=page_size,
            kv_heads=kv_heads(model),
            head_dim=head_dim(model),
            dtype=weight.dtype,
            device=weight.device,
        )

    @torch.inference_mode()
    def embed(self, ids: Sequence[int]) -> torch.Tensor:
        """Embeddings of token ids, [ids, hidden]."""
        embedded: torch.Tensor = self._language_model.embed_tokens(torch.tensor(ids, device=self.device).long())
        return embedded

    @torch.inference_mode()
    def forward(self, embeddings: torch.Tensor, rows: list[tuple[PageTable, int]], wanted: list[int]) -> torch.Tensor:
        """Append each row's new positions to its pages and run them through the layers.

        ``embeddings``: [positions, hidden], the rows' new inputs one behind the other; ``rows``: page table and number
        of new inputs of each. ``wanted``: places among the positions whose logits are returned, [wanted, vocabulary]
        in float32.
        """
        positions = torch.cat([torch.arange(table.length, table.length + new) for table, new in rows])
        for table, new in rows:
            table.extend(new)
        plan: Rows = SdpaRows(self.pool, rows)
        hidden = self._language_model(
            inputs_embeds=embeddings[None],
            position_ids=positions[None].to(self.device),
            attention_mask={"full_attention": None},  # masks are the plan's
            use_cache=False,
            rows=plan,
        ).last_hidden_state[0]
        logits: torch.Tensor = self._lm_head(hidden[wanted])
        return logits.float()


def head_dim(model: VibeVoiceAsrForConditionalGeneration) -> int:
    """Width of one attention head of the language model."""
    config = language_config(model)
    return int(getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads)


def kv_heads(model: VibeVoiceAsrForConditionalGeneration) -> int:
    """Key and value heads of one layer; several query heads share each."""
    config = language_config(model)
    return config.num_key_value_heads or config.num_attention_heads


def bytes_per_position(model: VibeVoiceAsrForConditionalGeneration) -> int:
    """Bytes of KV cache that one position takes over all layers, keys and values together."""
    config = language_config(model)
    numbers = 2 * config.num_hidden_layers * kv_heads(model) * head_dim(model)
    return int(numbers * model.lm_head.weight.element_size())
