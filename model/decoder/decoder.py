"""One packed forward over the rows of a step: new positions of many streams, one behind the other, no padding."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
import torch
from transformers import VibeVoiceAsrForConditionalGeneration

from model.decoder.adapters import NONE, Adapters
from model.decoder.attention import PAGED, SDPA, Backend, PagedRows, Rows, install
from model.decoder.dimensions import head_dim, kv_heads, language_config
from model.decoder.fixed_steps import FixedSteps
from model.decoder.graphs import AUDIO, SIZES, UNREAD, StepGraphs, StepInputs
from model.decoder.kv_cache import PagePool, PageTable
from model.decoder.sampling import Draw, best, draw, with_likeliest
from model.device.capture import Capture, own_stream
from model.device.transfer import send

logger = logging.getLogger(__name__)

HEAD_PLACES = 512
"""Places scored at a time: a row of logits is megabytes in float32, and many rows of guesses ask for many of them."""

MOST_PLACES = 8192
"""Places of one step whose tokens the next step can take from where they are."""


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
        head_places: int = HEAD_PLACES,
        deterministic: bool = False,
        adapters: Adapters | None = None,
    ) -> None:
        """``capture``: records small steps of fixed size as graphs; None, or a backend without kernel, records none.

        ``recorded_inputs``: of the largest step that is recorded. ``head_places``: places that are scored at once.
        ``deterministic``: one order of summation, see ``model.deterministic``; the backend has to be one for it.
        ``adapters``: in the model's maps; each row is computed with that of its page table.

        ``stream``: the CUDA stream that ``forward`` and whatever uses its result should run on, None elsewhere.
        """
        install()
        self._language_model = model.model.language_model
        self._language_model.set_attn_implementation(PAGED)
        self._lm_head = model.lm_head
        self._backend = backend
        self._head_places = head_places
        self.adapters = adapters
        config = language_config(model)
        weight = model.lm_head.weight
        self.device, self.dtype = weight.device, weight.dtype
        self.pool = PagePool(
            layers=config.num_hidden_layers,
            pages=pages,
            page_size=page_size,
            kv_heads=kv_heads(config),
            head_dim=head_dim(config),
            dtype=weight.dtype,
            device=weight.device,
        )
        self._latest = torch.zeros(MOST_PLACES, dtype=torch.int32, device=weight.device)
        self._graphs: StepGraphs | None = None
        self._fixed: FixedSteps | None = None
        longest = config.max_position_embeddings
        if deterministic:
            self._fixed = FixedSteps(
                self._run_inputs, capture, self.pool, longest=longest, width=config.hidden_size, dtype=self.dtype
            )
        elif capture is not None and backend.kernel is not None:
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
        self.vocabulary = config.vocab_size

    @property
    def attention(self) -> str:
        """Name of the attention backend."""
        return self._backend.name

    @torch.inference_mode()
    def forward(
        self,
        inputs: list[list[int] | torch.Tensor],
        rows: list[tuple[PageTable, int]],
        wanted: list[int],
        draws: Sequence[Draw] = (),
        likeliest: Sequence[int] | None = None,
    ) -> torch.Tensor:
        """Append each row's new positions to its pages and launch them through the layers. Waits for nothing.

        ``inputs``: the rows' new inputs one behind the other, token ids and audio embeddings [frames, width]; ids from
        ``UNREAD`` downwards are what ``keep`` was told. ``rows``: page table and number of new inputs of each.
        ``wanted``: places among the inputs to be scored, in order. ``draws``: which of those are drawn. ``likeliest``:
        of which of those the likeliest tokens are told; None where the choice has no room for any.

        Returns the choice of each wanted place (see ``sampling.best`` and ``sampling.with_likeliest``), on the device,
        good until the next call. Raises torch.OutOfMemoryError with the tables as they were before.
        """
        lengths = [table.length for table, _ in rows]
        try:
            for table, new in rows:
                table.extend(new)
            steps = self._fixed or self._graphs
            recorded = steps.run(inputs, rows, wanted) if steps is not None else None
            choice, hidden = recorded or self._launch(inputs, rows, wanted)
            head = self._lm_head if self._fixed is None else self._fixed.padded(self._lm_head)
            draw(choice, draws, lambda places: head(hidden.index_select(0, places)))
            if likeliest is not None:
                choice = with_likeliest(
                    choice,
                    likeliest,
                    lambda places: head(hidden.index_select(0, places)),
                    at_once=self._head_places if self._fixed is None else self._fixed.size,
                )
        except torch.OutOfMemoryError:
            for (table, _), length in zip(rows, lengths, strict=True):
                table.crop(length)
            raise
        return choice

    @torch.inference_mode()
    def keep(self, choice: torch.Tensor) -> None:
        """Let the next step's inputs name tokens of this choice by ``UNREAD``, at most ``MOST_PLACES`` of them."""
        tokens = choice[0, :MOST_PLACES]
        self._latest[: len(tokens)].copy_(tokens)

    def _launch(
        self, inputs: list[list[int] | torch.Tensor], rows: list[tuple[PageTable, int]], wanted: list[int]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """A step of its own size; see ``_run``."""
        tokens = [token for part in inputs if isinstance(part, list) for token in part]
        positions = [np.arange(table.length - new, table.length) for table, new in rows]
        numbers = send(np.concatenate([tokens, *positions, wanted]).astype(np.int64), self.device)
        ids, places = numbers[: len(tokens)], numbers[len(numbers) - len(wanted) :]
        if any(token <= UNREAD for token in tokens):
            ids = self._read(ids)
        embeddings = _in_order(self._language_model.embed_tokens(ids), inputs)
        where = numbers[len(tokens) : len(numbers) - len(wanted)]
        if self.adapters is not None:
            self.adapters.rows.choose(self._adapter_numbers(rows))
        return self._run(embeddings, where, self._backend.rows(self.pool, rows), places)

    def _run(
        self, embeddings: torch.Tensor, positions: torch.Tensor, rows: Rows, wanted: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The best choice and the last hidden states of the wanted places."""
        hidden = self._language_model(
            inputs_embeds=embeddings[None],
            position_ids=positions[None],
            attention_mask={"full_attention": None},  # masks are the plan's
            use_cache=False,
            rows=rows,
        ).last_hidden_state[0]
        hidden = hidden.index_select(0, wanted)
        choices = [best(self._lm_head(part)) for part in hidden.split(self._head_places)]
        return choices[0] if len(choices) == 1 else torch.cat(choices, dim=1), hidden

    def _run_inputs(self, inputs: StepInputs) -> tuple[torch.Tensor, torch.Tensor]:
        """``_run`` of a step whose inputs are tensors of fixed size."""
        embeddings = self._language_model.embed_tokens(self._read(inputs.ids).clamp(min=0))
        embeddings = torch.where((inputs.ids == AUDIO)[:, None], inputs.audio, embeddings)
        if self.adapters is not None:
            self.adapters.rows.choose(inputs.adapters)
        kernel = self._backend.kernel
        assert kernel is not None, "steps are recorded for paged kernels only"
        return self._run(embeddings, inputs.positions, PagedRows(self.pool, kernel, [inputs.block]), inputs.wanted)

    def _adapter_numbers(self, rows: list[tuple[PageTable, int]]) -> torch.Tensor | None:
        """[positions] of each input's adapter, None where no row has any."""
        if all(table.adapter == NONE for table, _ in rows):
            return None
        numbers = np.repeat([table.adapter for table, _ in rows], [new for _, new in rows])
        return send(numbers.astype(np.int64), self.device)

    def _read(self, ids: torch.Tensor) -> torch.Tensor:
        """``ids`` with the tokens that the step before left in place of those that stand for them."""
        latest = self._latest.index_select(0, (UNREAD - ids).clamp(min=0)).to(ids.dtype)
        return torch.where(ids <= UNREAD, latest, ids)


def _in_order(embedded: torch.Tensor, inputs: list[list[int] | torch.Tensor]) -> torch.Tensor:
    """[inputs, width]: ``embedded``, those of all token ids, with the audio embeddings in between."""
    if len(embedded) == sum(map(len, inputs)):
        return embedded
    rows, used = [], 0
    for part in inputs:
        if isinstance(part, list):
            rows.append(embedded[used : used + len(part)])
            used += len(part)
        else:
            rows.append(part)
    return torch.cat(rows)
