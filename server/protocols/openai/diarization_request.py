"""The parameters of a diarization: those of LocalAI's and speaches' ``POST /v1/audio/diarization``."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from server.protocols.openai.recording_request import Lowered, RecordingParameters
from server.protocols.openai.request_values import Flag

_COUNT = Annotated[int | None, Field(ge=0)]
_SECONDS = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class DiarizationFormat(StrEnum):
    """How the answer is written."""

    JSON = "json"
    VERBOSE_JSON = "verbose_json"
    RTTM = "rttm"


class DiarizationParameters(RecordingParameters):
    """Form fields beside the file."""

    response_format: Annotated[DiarizationFormat, Lowered] = Field(
        DiarizationFormat.JSON, description="How the answer is written; rttm: NIST's RTTM."
    )
    include_text: Flag = Field(False, description="With json and verbose_json: what was said in each segment.")
    min_duration_on: _SECONDS = Field(0.0, description="Segments that last less are left out; in seconds.")
    min_duration_off: _SECONDS = Field(
        0.0, description="Segments of one speaker with less between them become one; in seconds."
    )
    num_speakers: _COUNT = Field(
        None, description="Accepted: the model finds out the number by itself, and a note says where it is another."
    )
    min_speakers: _COUNT = Field(None, description="See num_speakers.")
    max_speakers: _COUNT = Field(None, description="See num_speakers.")
    clustering_threshold: float | None = Field(None, description="Accepted and ignored: the model clusters nothing.")

    def notes(self, speakers: int) -> tuple[str, ...]:
        """What is to be said where so many speakers were heard and others were asked for."""
        fewest = self.num_speakers or self.min_speakers or 0
        most = self.num_speakers or self.max_speakers or speakers
        if fewest <= speakers <= most:
            return ()
        return (f"The model finds out by itself how many people speak: it heard {speakers}, whatever was asked for.",)


def recording_name(filename: str | None) -> str:
    """What RTTM calls the recording: the file's name without its folders and its ending, ``audio`` without one."""
    name = re.split(r"[\\/]", filename or "")[-1]
    stem = name.rpartition(".")[0] or name
    return re.sub(r"[^\w.+-]+", "_", stem).strip("._") or "audio"
