"""What jobs need of the server around them, which admits, counts and logs as it does for requests."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import BinaryIO, Protocol

from server.jobs.job import Job, JobError
from server.recordings.begun import Begun
from server.recordings.transcription import Transcription


class Host(Protocol):
    """The server."""

    async def wait_ready(self) -> None:
        """Until recordings can be transcribed. Raises EngineUnavailable where they never can."""
        ...

    def has_room(self) -> bool:
        """Whether a job may be begun: nobody waits who came by a request."""
        ...

    def transcription(self, job: Job, file: BinaryIO, begun: Begun) -> AbstractAsyncContextManager[Transcription]:
        """The job's recording on its way through the model, behind what is told of it already.

        Raises what `explain` knows.
        """
        ...

    def explain(self, error: Exception) -> JobError:
        """What the client is told of it."""
        ...

    def ended(self, job: Job) -> None:
        """Hears of each job that ended here."""
        ...
