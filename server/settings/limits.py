"""What a request may cost."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, Field, model_validator

from model.seam.audio import SAMPLE_RATE
from server.audio_in.kept_samples import IN_MEMORY_SECONDS
from server.audio_in.limits import SPLIT_FACTOR
from server.resources import free_disk, memory_limit

MIB = 1024 * 1024
_LONGEST_UPLOAD = 3600.0
_MEMORY_SHARE = 4
_DISK_SHARE = 0.8
_SAMPLE_BYTES = 4
"""Of float32."""


class LimitSettings(BaseModel):
    """What a request may cost."""

    max_upload_bytes: int = Field(512 * MIB, gt=0, description="Largest request body.")
    max_audio_seconds: float = Field(14_400.0, gt=0, description="Longest recording.")
    max_uploads: int = Field(512, gt=0, description="Bodies that come in at once; more are answered with 429.")
    upload_grace_seconds: float = Field(30.0, gt=0, description="Seconds before the rate of a body is checked.")
    upload_min_bytes_per_second: int = Field(
        16_000, gt=0, description="Slowest body, on average after the grace time; slower ones are refused."
    )
    upload_seconds: float | None = Field(
        None,
        gt=0,
        description="Longest time that a body may take; by default what the largest takes at the slowest rate, and no "
        "more than an hour.",
    )
    spool_bytes: int | None = Field(
        None,
        gt=0,
        description="Disk for bodies and for decoded audio of which more than 15 minutes are held (346 MB an hour) in "
        "the temporary folder; by default 80 % of what is free there at the start.",
    )
    memory_bytes: int | None = Field(
        None,
        gt=0,
        description="Memory for bodies and for decoded audio of up to 15 minutes on its way to the model; by default a "
        "quarter of what the process may have. The longest recording that is held there has to fit in twice.",
    )
    max_header_bytes: int = Field(
        64 * 1024, gt=0, description="Longest head of a request: its first line and its headers."
    )
    header_seconds: float = Field(
        20.0, gt=0, description="The head of a request has to come within this time; idle connections are closed."
    )
    max_requests: int = Field(128, gt=0, description="Requests in work or waiting; more are answered with 429.")
    max_queued_audio_seconds: float = Field(
        14_400.0, gt=0, description="Audio of all requests in work or waiting; more is answered with 429."
    )
    max_request_seconds: float | None = Field(
        None,
        gt=0,
        description="Longest time from a request's head to its answer's end; a request may ask for less. Unlimited by "
        "default.",
    )
    decode_processes: int = Field(4, gt=0, description="Uploads decoded at once, each in a process of its own.")

    @property
    def longest_upload(self) -> float:
        """Seconds."""
        if self.upload_seconds is not None:
            return self.upload_seconds
        slowest = self.max_upload_bytes / self.upload_min_bytes_per_second
        return min(self.upload_grace_seconds + slowest, _LONGEST_UPLOAD)

    @property
    def memory_budget(self) -> int:
        """Bytes for bodies and samples."""
        return self.memory_bytes or max(self._samples_bytes, memory_limit() // _MEMORY_SHARE)

    def spool_budget(self, folder: str) -> int:
        """Bytes for bodies in ``folder``."""
        return self.spool_bytes or round(_DISK_SHARE * free_disk(folder))

    @property
    def _samples_bytes(self) -> int:
        """Those in memory of the longest recording with the most channels that are heard each for itself."""
        longest = min(self.max_audio_seconds, IN_MEMORY_SECONDS)
        return round(SPLIT_FACTOR * longest * SAMPLE_RATE * _SAMPLE_BYTES)

    @model_validator(mode="after")
    def _room_for_the_longest(self) -> Self:
        if self.memory_bytes is not None and self.memory_bytes < self._samples_bytes:
            raise ValueError(f"memory_bytes: recordings of max_audio_seconds need {self._samples_bytes}")
        return self
