"""Recordings through a server: as a streamed answer, or as a job that outlives this command."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast
from uuid import uuid4

import httpx

from server.commandline.client.connection import Connection, Unreachable
from server.commandline.client.events import events_of
from server.commandline.client.patience import Patience
from server.commandline.faults import Fault, Refused
from server.commandline.transcribe.hearing import DONE, Fields, Recording, Watcher, streamed

PATH = "/v1/audio/transcriptions"
_OF_WORDS = "timestamp_granularities[]"


class _Counted:
    """A file that tells how much of it was read. What is written to it meanwhile is left out: its length is told
    before.
    """

    def __init__(self, file: BinaryIO, tell: Callable[[float], None]) -> None:
        self._file, self._tell = file, tell
        self._octets = file.seek(0, os.SEEK_END)
        file.seek(0)

    def read(self, octets: int = -1) -> bytes:
        left = max(0, self._octets - self._file.tell())
        with _readable():
            part = self._file.read(left if octets < 0 else min(octets, left))
        self._tell(min(1.0, self._file.tell() / max(1, self._octets)))
        return part

    def seek(self, place: int, whence: int = os.SEEK_SET) -> int:
        if whence == os.SEEK_END:
            return self._file.seek(self._octets + place)
        return self._file.seek(place, whence)

    def tell(self) -> int:
        return self._file.tell()


@contextmanager
def _readable() -> Iterator[None]:
    """What is wrong with a file, as a Fault of its recording."""
    try:
        yield
    except OSError as error:
        raise Fault(f"It cannot be read ({error.strerror or error}).") from None


class ThroughServer:
    """A `Hearing`. ``background``: each recording is a job, which is waited for."""

    def __init__(self, connection: Connection, client: httpx.AsyncClient, *, patience: float, background: bool) -> None:
        self._connection = connection
        self._client = client
        self._patience = patience
        self._background = background

    async def wait_ready(self, say: Callable[[str], None]) -> None:
        """Until it can transcribe. Raises Refused, at once where nobody answers."""
        patience = Patience(self._patience, say)
        while True:
            with self._connection.explained():
                response = await self._client.get("/ready")
            if response.is_success:
                return
            await patience.wait(self._not_ready(response))

    def _not_ready(self, response: httpx.Response) -> Refused:
        try:
            told = response.json()
            state, reason = told["status"], told.get("reason")
        except (ValueError, KeyError, TypeError):
            return self._connection.refusal(response.status_code, None, response.headers)
        if state == "failed":
            return Refused(f"The server cannot load its model: {reason}")
        return Refused(f"The server is not ready ({state}).", retry_after=2.0)

    def hear(
        self, recording: Recording, fields: Fields, formats: Sequence[str], watcher: Watcher
    ) -> AsyncGenerator[Mapping[str, Any], None]:
        """See Hearing."""
        if self._background:
            return self._as_job(recording, fields, formats, watcher)
        return self._at_once(recording, fields, formats, watcher)

    async def _at_once(
        self, recording: Recording, fields: Fields, formats: Sequence[str], watcher: Watcher
    ) -> AsyncGenerator[Mapping[str, Any], None]:
        with self._connection.explained():
            async with self._sent(PATH, recording, streamed(fields, formats), watcher) as response:
                async for event in events_of(self._connection.streamed(response)):
                    yield event.body

    @asynccontextmanager
    async def _sent(
        self,
        path: str,
        recording: Recording,
        fields: Fields,
        watcher: Watcher,
        headers: Mapping[str, str] | None = None,
    ) -> AsyncIterator[httpx.Response]:
        """The answer to a form with the recording. Raises Refused."""
        with _readable():
            opened = recording.file.open("rb")
        with opened as file:
            counted = _Counted(file, watcher.sending)
            request = self._client.build_request(
                "POST",
                path,
                data=_as_form(fields),
                files={"file": (_file_name(recording.name), cast(BinaryIO, counted))},  # all that is asked of it
                headers=headers,
            )
            response = await self._client.send(request, stream=True)
            try:
                if not response.is_success:
                    await response.aread()
                    self._connection.check(response)
                yield response
            finally:
                await response.aclose()

    async def submit(self, recording: Recording, fields: Fields, watcher: Watcher) -> str:
        """Make a job of it, once, however often it has to be sent. Returns the job's id. Raises Refused."""
        patience = Patience(self._patience, watcher.waiting)
        headers = {"idempotency-key": uuid4().hex}
        wanted = [*fields, ("response_format", "diarized_json"), ("background", "true")]
        while True:
            try:
                with self._connection.explained():
                    async with self._sent(f"{PATH}?background=true", recording, wanted, watcher, headers) as response:
                        await response.aread()
                        return str(self._connection.told(response)["id"])
            except Refused as refusal:
                await patience.wait(refusal)

    async def _as_job(
        self, recording: Recording, fields: Fields, formats: Sequence[str], watcher: Watcher
    ) -> AsyncGenerator[Mapping[str, Any], None]:
        job = await self.submit(recording, fields, watcher)
        async for event in self._followed(job, watcher):
            if event.get("type") != DONE:
                yield event
                continue
            granularities = [value for name, value in fields if name == _OF_WORDS]
            also = {form: await self._written(job, form, granularities) for form in formats}
            yield {**event, "formats": also}

    async def _followed(self, job: str, watcher: Watcher) -> AsyncGenerator[Mapping[str, Any], None]:
        """The job's events, whatever happens to the connection, or the server, meanwhile."""
        patience, last = Patience(self._patience, watcher.waiting), ""
        while True:
            try:
                with self._connection.explained():
                    headers = {"last-event-id": last} if last else {}
                    async with self._client.stream("GET", f"/v1/jobs/{job}/events", headers=headers) as response:
                        if not response.is_success:
                            await response.aread()
                            self._connection.check(response)
                        async for event in events_of(self._connection.streamed(response)):
                            patience.renew()
                            last = event.id or last
                            yield event.body
                            if event.body.get("type") == DONE or "error" in event.body:
                                return
                raise Unreachable("The job is not followed any more.", retry_after=1.0)
            except Refused as refusal:
                await patience.wait(refusal)

    async def _written(self, job: str, form: str, granularities: Sequence[str]) -> Any:
        """The job's transcript in one format."""
        query: dict[str, Any] = {"response_format": form}
        if form == "verbose_json" and granularities:
            query[_OF_WORDS] = list(granularities)
        with self._connection.explained():
            response = self._connection.check(await self._client.get(f"/v1/jobs/{job}/result", params=query))
        is_json = response.headers.get("content-type", "").startswith("application/json")
        return response.json() if is_json else response.text


def _file_name(name: str) -> str:
    """With marks in place of bytes that are no text."""
    return Path(name).name.encode(errors="replace").decode()


def _as_form(fields: Fields) -> dict[str, list[str]]:
    form: dict[str, list[str]] = {}
    for name, value in fields:
        form.setdefault(name, []).append(value)
    return form
