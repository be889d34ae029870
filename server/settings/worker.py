"""How the process with the model is watched."""

from __future__ import annotations

from pydantic import BaseModel, Field


class WorkerSettings(BaseModel):
    """How the process with the model is watched."""

    worker_timeout: float = Field(
        30.0,
        gt=0,
        description="Seconds after which a worker is replaced that is silent, or whose step takes so long and ten "
        "times as long as its steps have taken before; after a third of it /ready says 503.",
    )
