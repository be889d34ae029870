"""Both tokenizer encoders over many streams at once, each stream with its own convolution caches.

The encoders are causal, so audio encoded in chunks gives the latents of the whole, provided that every chunk is a
multiple of the hop: an odd one would shift the windows silently. ``AudioBuffer`` sees to that.
Latents are not sampled: the same audio gives the same embeddings.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import torch
from transformers import VibeVoiceAsrForConditionalGeneration

from model.device.capture import Capture, own_stream
from model.device.transfer import host_tensor, send, to_device
from model.encoder.causal_stack import CausalStack, History, keep
from model.encoder.chunk_graphs import FRAMES, ROWS, ChunkGraphs
from model.seam.audio import Samples

logger = logging.getLogger(__name__)


class AudioBuffer:
    """Samples of one stream that wait for the encoder, handed out in whole frames of ``hop`` samples."""

    def __init__(self, hop: int) -> None:
        self.hop = hop
        self._blocks: deque[Samples] = deque()
        self._samples = 0

    @property
    def frames(self) -> int:
        """Whole frames waiting."""
        return self._samples // self.hop

    def append(self, samples: Samples) -> None:
        if samples.size:
            self._blocks.append(np.ascontiguousarray(samples, dtype=np.float32))
            self._samples += samples.size

    def pad(self) -> int:
        """Fill the started frame with zeros, as the processor's right padding does. Returns how many those are."""
        missing = -self._samples % self.hop
        self.append(np.zeros(missing, dtype=np.float32))
        return missing

    def put_back(self, samples: Samples) -> None:
        """Let what was taken last, whole frames, wait again."""
        self._blocks.appendleft(samples)
        self._samples += samples.size

    def take(self, frames: int) -> Samples:
        """Remove and return the first ``frames`` frames, [frames * hop]."""
        if frames > self.frames:
            raise ValueError(f"{frames} frames asked for, {self.frames} are waiting")
        wanted = frames * self.hop
        parts: list[Samples] = []
        while wanted:
            block = self._blocks.popleft()
            if block.size > wanted:
                self._blocks.appendleft(block[wanted:])
                block = block[:wanted]
            parts.append(block)
            wanted -= block.size
            self._samples -= block.size
        return np.concatenate(parts) if parts else np.zeros(0, dtype=np.float32)


@dataclass(slots=True)
class EncoderState:
    """What the two encoders keep of one stream; empty for a stream that has heard nothing."""

    acoustic: History = field(default_factory=History)
    semantic: History = field(default_factory=History)


class StreamingEncoder:
    """Acoustic and semantic encoder with the projector behind them.

    On CUDA it works on a stream of its own, beside the decoder: ``wait`` before its embeddings are used.
    """

    def __init__(
        self,
        model: VibeVoiceAsrForConditionalGeneration,
        *,
        capture: Capture | None = None,
        rows: tuple[int, ...] = ROWS,
        frames: tuple[int, ...] = FRAMES,
        recorded_rows: int = ROWS[-1],
    ) -> None:
        """``capture``: records batches of ``rows`` and ``frames`` as graphs, see ``ChunkGraphs``; None records none.

        ``recorded_rows``: of the largest batch that is recorded. ``stream``: the CUDA stream that it works on,
        None elsewhere. ``hop``: samples per frame.
        """
        self._acoustic = CausalStack(model.model.acoustic_tokenizer_encoder)
        self._semantic = CausalStack(model.model.semantic_tokenizer_encoder)
        self._projector = model.model.multi_modal_projector
        self.hop = self._acoustic.hop
        weight = model.lm_head.weight
        self._device, self._dtype = weight.device, weight.dtype
        self._graphs = None
        if capture is not None:
            try:
                self._graphs = ChunkGraphs(
                    self._run,
                    capture,
                    hop=self.hop,
                    history_sizes=(self._acoustic.history_size, self._semantic.history_size),
                    dtype=self._dtype,
                    device=self._device,
                    rows=tuple(each for each in rows if each <= recorded_rows),
                    frames=frames,
                )
            except RuntimeError as error:
                logger.warning("small chunks of audio are not recorded and will be slower: %s", error)
        self.stream = own_stream(weight.device)

    @torch.inference_mode()
    def encode(self, states: list[EncoderState], chunks: list[Samples]) -> list[torch.Tensor]:
        """Encode the next chunk of each stream and advance its state.

        ``chunks``: one per state, whole frames each, at most one chunk per stream. Returns the embeddings of each
        chunk's frames, [frames, hidden] in the model's dtype.
        """
        frames = [chunk.size // self.hop for chunk in chunks]
        if any(chunk.size % self.hop for chunk in chunks) or 0 in frames:
            raise ValueError("chunks must be whole frames")
        audio = host_tensor((len(chunks), max(frames) * self.hop), torch.float32, self._device)
        for row, chunk in enumerate(chunks):
            audio[row, : chunk.size] = torch.from_numpy(chunk)
            audio[row, chunk.size :] = 0
        with torch.cuda.stream(self.stream):  # does nothing where there is no such stream
            audio = to_device(audio, self._device).to(self._dtype)
            before = (
                self._acoustic.batch([state.acoustic for state in states], audio),
                self._semantic.batch([state.semantic for state in states], audio),
            )
            counts = send(frames, self._device)
            result = self._graphs.run(audio, *before, counts) if self._graphs is not None else None
            if result is None:
                result = self._run(audio, *before, None if len(set(frames)) == 1 else counts)
            embeddings, acoustic, semantic = result
            keep([state.acoustic for state in states], acoustic)
            keep([state.semantic for state in states], semantic)
            return [embeddings[row, :count].clone() for row, count in enumerate(frames)]

    def wait(self, stream: torch.cuda.Stream | None, embeddings: Iterable[torch.Tensor]) -> None:
        """Let a CUDA stream wait for what has been encoded; ``embeddings``: those that it is going to use."""
        if self.stream is None or stream is None:
            return
        for embedding in embeddings:
            embedding.record_stream(stream)
        stream.wait_stream(self.stream)

    def _run(
        self,
        audio: torch.Tensor,
        acoustic_before: torch.Tensor,
        semantic_before: torch.Tensor,
        counts: torch.Tensor | None,
    ) -> tuple[torch.Tensor, ...]:
        """Embeddings and the histories after, of both encoders; see ``CausalStack.run``."""
        longest = audio.shape[1] // self.hop
        acoustic, acoustic_after = self._acoustic.run(audio, acoustic_before, longest, counts)
        semantic, semantic_after = self._semantic.run(audio, semantic_before, longest, counts)
        return self._projector(acoustic, semantic), acoustic_after, semantic_after
