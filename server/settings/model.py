"""Which checkpoint, and where it runs."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, field_validator, model_validator
from pydantic_settings import NoDecode

from model.seam.adapters import NamedAdapter
from model.seam.runner import AttentionName, WeightsName

OPENAI_NAMES = frozenset(
    {
        "whisper-1",
        "gpt-transcribe",
        "gpt-4o-transcribe",
        "gpt-4o-mini-transcribe",
        "gpt-4o-mini-transcribe-2025-12-15",
        "gpt-4o-transcribe-diarize",
    }
)
"""Names that clients made for OpenAI have built in; they mean the served model, and the clients work unchanged."""

VIBEVOICE_NAMES = frozenset(
    {"vibevoice", "vibevoice-asr", "microsoft/VibeVoice-ASR", "microsoft/VibeVoice-ASR-HF", "VibeVoice-ASR"}
)
"""Names under which this model is known, the first in Microsoft's own clients."""

KNOWN_NAMES = OPENAI_NAMES | VIBEVOICE_NAMES


class ModelSettings(BaseModel):
    """Which checkpoint, and where it runs."""

    model: str = Field(
        "microsoft/VibeVoice-ASR-HF", description='Checkpoint: a hub id, a folder, or "tiny" for the bundled one.'
    )
    revision: str | None = Field(None, description="Commit or tag of a hub checkpoint.")
    served_model_name: str = Field(
        "vibevoice-asr", min_length=1, max_length=128, description="Name of the model in /v1/models and in requests."
    )
    adapters: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Adapters in peft's layout as name=folder, separated by commas; a request whose model is such a "
        "name is answered with that one (docs/finetuning.md).",
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
        description='Network that tells voices apart from window to window, and known ones: "ge2e" or "campplus", '
        'which are bundled, an ONNX file (docs/voices.md), or "none".',
    )
    min_audio_minutes: float = Field(
        5.0, gt=0, description="The server does not start if this much audio does not fit into one pass."
    )

    @property
    def named_adapters(self) -> tuple[NamedAdapter, ...]:
        """By their names, each with its folder."""
        return tuple(NamedAdapter(*(part.strip() for part in each.split("=", 1))) for each in self.adapters)

    @field_validator("adapters", mode="before")
    @classmethod
    def _adapters_listed(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("adapters")
    @classmethod
    def _adapters_named(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        names = [each.partition("=")[0].strip() for each in value]
        if wrong := [each for each in value if not all(part.strip() for part in each.partition("="))]:
            raise ValueError(f"{wrong[0]!r} is not name=folder")
        if twice := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"two adapters are called {twice[0]!r}")
        if taken := [name for name in names if name in KNOWN_NAMES]:
            raise ValueError(f"{taken[0]!r} means the checkpoint itself")
        return value

    @model_validator(mode="after")
    def _adapters_apart(self) -> Self:
        if taken := [each.name for each in self.named_adapters if each.name in (self.served_model_name, self.model)]:
            raise ValueError(f"adapters: {taken[0]!r} means the checkpoint itself")
        return self
