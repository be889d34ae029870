"""What the deployment on Ray Serve is told; without Ray."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Fleet(BaseModel):
    """Arguments of the application; ``name=value`` for ``serve run``, ``args`` in a configuration file.

    Attributes:
        longest_session: seconds after which a live session ends with a token that resumes it elsewhere. Ray tells no
            replica that it is about to end, so this bounds for how long one can be waited for.
    """

    model_config = ConfigDict(extra="forbid")

    model: str = Field("microsoft/VibeVoice-ASR-HF", description="Checkpoint: a hub id, a folder, or tiny.")
    min_replicas: int = Field(1, ge=1)
    max_replicas: int = Field(4, ge=1)
    gpus: float = Field(0.0, ge=0.0, description="Of each replica.")
    cpus: float = Field(2.0, gt=0.0, description="Of each replica: worker, decoders and the API.")
    threads: int = Field(2, ge=1, description="Of a replica's worker; Ray would set one.")
    audio_seconds_per_replica: float = Field(600.0, gt=0.0, description="Queued audio that calls for one more.")
    sessions_per_replica: float = Field(16.0, gt=0.0, description="Live sessions that call for one more.")
    upscale_seconds: float = Field(10.0, ge=0.0, description="For which more are needed before more are started.")
    downscale_seconds: float = Field(600.0, ge=0.0, description="For which fewer are needed before some are stopped.")
    longest_session: float = Field(900.0, gt=0.0)
    environment: dict[str, str] = Field(default_factory=dict, description="VIBEVOICE_* and others, of the replicas.")
