"""Chunks == whole, and batched == alone, for the encoders."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from model.encoder.streaming import AudioBuffer, EncoderState, StreamingEncoder
from model.family.vibevoice_asr.geometry import HOP
from model.loading.checkpoint import Checkpoint
from model.reference import without_noise
from model.seam.audio import Samples, clip_level
from tests.model.oracle import Oracle


@pytest.fixture(scope="module")
def encoder(checkpoint: Checkpoint) -> StreamingEncoder:
    return StreamingEncoder(checkpoint.model)


def padded(clip: Samples) -> Samples:
    return np.pad(clip, (0, -clip.size % HOP))


def whole(checkpoint: Checkpoint, clip: Samples) -> torch.Tensor:
    model: Any = checkpoint.model
    with torch.inference_mode():
        embeddings: torch.Tensor = model.get_audio_features(
            torch.from_numpy(clip)[None, None], **without_noise(model)
        ).pooler_output
    return embeddings[0]


def test_ragged_streams_with_histories_equal_the_whole_clip(
    encoder: StreamingEncoder, checkpoint: Checkpoint, clips: list[Samples]
) -> None:
    audio = [padded(clip) for clip in clips]
    states, heard = [EncoderState() for _ in audio], [0] * len(audio)
    got: list[list[torch.Tensor]] = [[] for _ in audio]
    rng = np.random.default_rng(3)
    while any(place < clip.size for place, clip in zip(heard, audio, strict=True)):
        # Some streams sit a round out, the others bring different numbers of frames.
        turn = [i for i, clip in enumerate(audio) if heard[i] < clip.size and rng.random() < 0.7]
        if not turn:
            continue
        chunks = [audio[i][heard[i] : heard[i] + int(rng.integers(1, 9)) * HOP] for i in turn]
        for i, chunk, out in zip(turn, chunks, encoder.encode([states[i] for i in turn], chunks), strict=True):
            got[i].append(out)
            heard[i] += chunk.size
    for parts, clip in zip(got, audio, strict=True):
        torch.testing.assert_close(torch.cat(parts), whole(checkpoint, clip), atol=2e-4, rtol=1e-4)


@pytest.mark.parametrize("frames", [1, 4, 15])
def test_parts_are_those_of_transformers_chunk_size(
    encoder: StreamingEncoder,
    checkpoint: Checkpoint,
    clips: list[Samples],
    frames: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Theirs is ``acoustic_tokenizer_chunk_size``: both keep what they heard, and neither changes a thing."""
    clip = padded(clips[0])
    as_a_whole = whole(checkpoint, clip)
    state, part = EncoderState(), frames * HOP
    parts = [encoder.encode([state], [clip[at : at + part]])[0] for at in range(0, clip.size, part)]
    monkeypatch.setattr(checkpoint.model.config, "acoustic_tokenizer_chunk_size", part)
    in_chunks = whole(checkpoint, clip)
    torch.testing.assert_close(in_chunks, as_a_whole, atol=2e-4, rtol=1e-4)
    torch.testing.assert_close(torch.cat(parts), in_chunks, atol=2e-4, rtol=1e-4)


def test_what_the_processor_masks_is_what_is_never_padded_here(
    encoder: StreamingEncoder, checkpoint: Checkpoint, oracle: Oracle, clips: list[Samples]
) -> None:
    """A batch of the processor's is right-padded, and its mask leaves as many frames of each as are encoded here."""
    inputs = oracle.inputs(clips)
    model: Any = checkpoint.model
    with torch.inference_mode():
        masked = model.get_audio_features(
            inputs["input_values"], inputs["padding_mask"], **without_noise(model)
        ).pooler_output
    levelled = [clip_level(clip).apply(clip) for clip in clips]
    states = [EncoderState() for _ in clips]
    ours = torch.cat(encoder.encode(states, [padded(clip) for clip in levelled]))
    assert (inputs["input_ids"] == checkpoint.processor.audio_token_id).sum() == len(ours), "a token for each frame"
    torch.testing.assert_close(ours, masked, atol=2e-4, rtol=1e-4)


def test_half_frames_are_refused(encoder: StreamingEncoder) -> None:
    with pytest.raises(ValueError, match="whole frames"):
        encoder.encode([EncoderState()], [np.zeros(HOP + 1, dtype=np.float32)])
    with pytest.raises(ValueError, match="whole frames"):
        encoder.encode([EncoderState()], [np.zeros(0, dtype=np.float32)])


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 9000), max_size=12), st.data())
def test_buffer_gives_back_what_went_in(blocks: list[int], data: st.DataObject) -> None:
    buffer, source = AudioBuffer(HOP), np.arange(sum(blocks), dtype=np.float32)
    place, out = 0, []
    for block in blocks:
        buffer.append(source[place : place + block])
        place += block
        out.append(buffer.take(data.draw(st.integers(0, buffer.frames))))
    buffer.pad()
    out.append(buffer.take(buffer.frames))
    assert buffer.frames == 0
    np.testing.assert_array_equal(np.concatenate(out), padded(source))


def test_level_equals_the_processors(checkpoint: Checkpoint, clips: list[Samples]) -> None:
    extractor = checkpoint.processor.feature_extractor
    loud = np.clip(clips[0] * 40, -1, 1)
    spiky = clips[1].copy()
    spiky[100] = 1.0
    for clip in (*clips, loud, spiky, np.zeros(HOP, dtype=np.float32)):
        wanted = extractor(clip, sampling_rate=24_000)["input_values"][0, 0, : clip.size].numpy()
        np.testing.assert_allclose(clip_level(clip).apply(clip), wanted, atol=1e-6, rtol=1e-5)
