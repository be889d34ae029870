"""One packed forward over the rows of a step: new positions of many streams, one behind the other, no padding."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import cast

import torch
from transformers import VibeVoiceAsrForConditionalGeneration

from model.attention import PAGED, SDPA, Backend, PagedRows, Rows, install
from model.checkpoint import language_config
from model.graphs import AUDIO, SIZES, Capture, StepGraphs, StepInputs, own_stream
from model.kv_cache import PagePool, PageTable
from model.sampling import best

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PlaceScores:
    """See ``sampling.Scores``. ``hidden``: [places, width], the model's last hidden states."""

    greedy: torch.Tensor
    hidden: torch.Tensor
    head: torch.nn.Module

    @torch.inference_mode()
    def logits(self, places: list[int]) -> torch.Tensor:
        logits: torch.Tensor = self.head(self.hidden[places])
        return logits.float()


class Decoder:
    """The language model over a page pool: token ids and audio embeddings in, the best next tokens out."""

    def __init__(
        self,
        model: VibeVoiceAsrForConditionalGeneration,
        *,
        pages: int,
        page_size: int,
        backend: Backend = SDPA,
        capture: Capture | None = None,
        recorded_inputs: int = SIZES[-1],
    ) -> None:
        """``capture``: records small steps of fixed size as graphs; None, or a backend without kernel, records none.

        ``recorded_inputs``: of the largest step that is recorded.

        ``stream``: the CUDA stream that ``forward`` and whatever uses its result should run on, None elsewhere.
        """
        install()
        self._language_model = model.model.language_model
        self._language_model.set_attn_implementation(PAGED)
        self._lm_head = model.lm_head
        self._backend = backend
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
        self._graphs = None
        if capture is not None and backend.kernel is not None:
            longest = config.max_position_embeddings
            try:
                self._graphs = StepGraphs(
                    self._run_inputs,
                    capture,
                    self.pool,
                    longest=longest,
                    width=config.hidden_size,
                    dtype=self.dtype,
                    sizes=tuple(size for size in SIZES if size <= recorded_inputs),
                )
            except RuntimeError as error:
                logger.warning("small steps are not recorded and will be slower: %s", error)
        self.stream = own_stream(weight.device, urgent=True)

    @property
    def attention(self) -> str:
        """Name of the attention backend."""
        return self._backend.name

    @torch.inference_mode()
    def forward(
        self, inputs: list[list[int] | torch.Tensor], rows: list[tuple[PageTable, int]], wanted: list[int]
    ) -> PlaceScores:
        """Append each row's new positions to its pages and run them through the layers.

        ``inputs``: the rows' new inputs one behind the other, token ids and audio embeddings [frames, width];
        ``rows``: page table and number of new inputs of each. ``wanted``: places among the inputs to be scored, in
        order.
        """
        for table, new in rows:
            table.extend(new)
        if self._graphs is not None and (recorded := self._graphs.run(inputs, rows, wanted)):
            greedy, hidden = recorded
            return PlaceScores(greedy, hidden, self._lm_head)
        positions = torch.cat([torch.arange(table.length - new, table.length) for table, new in rows]).to(self.device)
        plan = self._backend.rows(self.pool, rows)
        places = torch.tensor(wanted, dtype=torch.long).to(self.device)
        return PlaceScores(*self._run(self._embed(inputs), positions, plan, places), self._lm_head)

    def _run(
        self, embeddings: torch.Tensor, positions: torch.Tensor, rows: Rows, wanted: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """``Scores.greedy`` and the last hidden states of the wanted places."""
        hidden = self._language_model(
            inputs_embeds=embeddings[None],
            position_ids=positions[None],
            attention_mask={"full_attention": None},  # masks are the plan's
            use_cache=False,
            rows=rows,
        ).last_hidden_state[0]
        hidden = hidden.index_select(0, wanted)
        return best(self._lm_head(hidden).float()), hidden

    def _run_inputs(self, inputs: StepInputs) -> tuple[torch.Tensor, torch.Tensor]:
        """``_run`` of a step whose inputs are tensors of fixed size."""
        embeddings = self._language_model.embed_tokens(inputs.ids.clamp(min=0))
        embeddings = torch.where((inputs.ids == AUDIO)[:, None], inputs.audio, embeddings)
        kernel = self._backend.kernel
        assert kernel is not None, "steps are recorded for paged kernels only"
        return self._run(embeddings, inputs.positions, PagedRows(self.pool, kernel, [inputs.block]), inputs.wanted)

    def _embed(self, inputs: list[list[int] | torch.Tensor]) -> torch.Tensor:
        """[inputs, width] in order; all token ids are looked up in one call."""
        ids = [token for part in inputs if isinstance(part, list) for token in part]
        embedded = cast(torch.Tensor, self._language_model.embed_tokens(torch.tensor(ids, device=self.device).long()))
        if len(ids) == sum(map(len, inputs)):
            return embedded
        rows, used = [], 0
        for part in inputs:
            if isinstance(part, list):
                rows.append(embedded[used : used + len(part)])
                used += len(part)
            else:
                rows.append(part)
        return torch.cat(rows)


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
