"""What became of one of many recordings."""

from __future__ import annotations

from dataclasses import dataclass

from server.transcript.segments import Transcript
from vibevoice_asr.errors import TranscriptionError
from vibevoice_asr.options import Recording


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of a recording among many, whose failures concern nobody else.

    Attributes:
        recording: as it was given.
        done: its transcript; None where there is none.
        error: why there is none.
    """

    recording: Recording
    done: Transcript | None = None
    error: TranscriptionError | OSError | None = None

    @property
    def transcript(self) -> Transcript:
        """Raises what kept it from being one."""
        if self.error is not None:
            raise self.error
        assert self.done is not None
        return self.done
