"""Which checkpoint, and where it runs."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from model.seam.runner import AttentionName, WeightsName


class ModelSettings(BaseModel):
    """Which checkpoint, and where it runs."""

    model: str = Field(
        "microsoft/VibeVoice-ASR-HF", description='Checkpoint: a hub id, a folder, or "tiny" for the bundled one.'
    )
    revision: str | None = Field(None, description="Commit or tag of a hub checkpoint.")
    served_model_name: str = Field(
        "vibevoice-asr", min_length=1, max_length=128, description="Name of the model in /v1/models and in requests."
    )
    device: str = Field(
        "auto", description='Device of the model: "auto" (CUDA or else the CPU), "cpu", "cuda", "cuda:1", "mps", ...'
    )
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        "auto",
        description="Number format of the model; auto is bfloat16, float16 on GPUs without it, float32 for small ones "
        "on a CPU.",
    )
    weights: WeightsName = Field(
        "auto", description="What the decoder's linear maps are kept in; auto leaves them as the checkpoint has them."
    )
    attention: AttentionName = Field(
        "auto", description="Attention backend; auto takes the best that runs here, any other has to run here."
    )
    deterministic: bool = Field(
        False, description="Compute every answer in one order, so that it is the same in any company; slower."
    )
    kv_positions: int | None = Field(
        None, gt=0, description="Positions of the KV cache, shared by all requests; by default what the device holds."
    )
    voice_encoder: str = Field(
        "ge2e",
        min_length=1,
        description='Network that tells voices apart where windows of a recording are linked: "ge2e" for the bundled '
        'one, an ONNX file (docs/voices.md), or "none".',
    )
    min_audio_minutes: float = Field(
        5.0, gt=0, description="The server does not start where so much audio does not fit in one pass."
    )
