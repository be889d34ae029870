"""A session over ``/v1/realtime`` that no lost connection and no restart of the server ends (docs/realtime.md)."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from time import monotonic
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from server.commandline.client.connection import Connection, Unreachable
from server.commandline.client.patience import Patience
from server.commandline.faults import Fault, Refused
from server.commandline.live.script import Script

_TOLD = "conversation.item.input_audio_transcription."
_HYPOTHESIS = "item.input_audio_transcription.hypothesis"
_PIECE_SECONDS = 0.1
_AHEAD_SECONDS = 20.0
"""Of audio that may wait to be sent: who reads a recording waits then."""
_LAST_WORDS_SECONDS = 60.0
_LOST = frozenset({"resume_token_invalid", "resume_token_expired"})
_HARMLESS = frozenset({"input_audio_buffer_commit_empty"})
_LEAVING = frozenset({"shutting_down", "engine_failed"})
"""Codes after which the session goes on elsewhere, or with the next worker."""
_SAMPLE_BYTES = 2


class LiveSession:
    """One session.

    Args:
        connection: to the server.
        rate: samples a second of the audio, which is mono, 16 bit, little endian.
        script: gets what is said.
        context: what helps with names.
        keywords: words to expect.
        patience: seconds for which a server that is gone is waited for.
        say: hears of trouble.
        changed: is called when the script is another one.
    """

    def __init__(
        self,
        connection: Connection,
        rate: int,
        script: Script,
        *,
        context: str | None,
        keywords: Sequence[str],
        patience: float,
        say: Callable[[str], None],
        changed: Callable[[], None],
    ) -> None:
        self._server = connection
        self._bytes_per_second = _SAMPLE_BYTES * rate
        self._script = script
        transcription = {"prompt": context, "keywords": list(keywords)}
        audio = {"format": {"type": "audio/pcm", "rate": rate}, "transcription": transcription}
        self._configuration = {"type": "transcription", "include": [_HYPOTHESIS], "audio": {"input": audio}}
        self._patience = Patience(patience, say)
        self._say = say
        self._changed = changed
        self._resumption: dict[str, Any] = {}
        self._audio = bytearray()  # from _start on
        self._start = 0
        self._sent = 0  # bytes of the session's audio, of which _start are gone from _audio
        self._more = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._finished = False
        self._updates = 0  # of the configuration, that are not answered
        self._committed = False  # for the last time
        self._asked = False  # that was answered
        self._told_at = 0.0
        self._owed: set[str] = set()
        self._owed_before: set[str] = set()
        self._ever = False

    @property
    def seconds(self) -> float:
        """Of audio so far."""
        return (self._start + len(self._audio)) / self._bytes_per_second

    async def send(self, audio: bytes) -> None:
        """The next audio. Waits while too much of it waits to be sent."""
        self._audio += audio
        self._more.set()
        if self._unsent > _AHEAD_SECONDS * self._bytes_per_second:
            self._room.clear()
            await self._room.wait()

    def finish(self) -> None:
        """No more audio comes: the last words are waited for."""
        self._finished = True
        self._more.set()
        self._room.set()

    async def run(self) -> None:
        """Until all is told, behind `finish`. Raises Fault."""
        while not self._is_told:
            try:
                await self._connected()
            except Refused as refusal:
                if isinstance(refusal, Unreachable) and not self._ever:
                    raise
                await self._patience.wait(refusal)

    @property
    def _unsent(self) -> int:
        return self._start + len(self._audio) - self._sent

    @property
    def _is_told(self) -> bool:
        return self._finished and (self._asked or not self.seconds) and not self._owed

    async def _connected(self) -> None:
        """One connection, to its end. Raises Refused, Fault, and what the captions raise that are shown meanwhile."""
        async with await self._opened() as connection:
            try:
                await self._talk(connection)
            except ConnectionClosed as closed:
                if not self._is_told:
                    raise Unreachable(f"The connection was lost ({closed}).", retry_after=0.5) from None

    async def _opened(self) -> ClientConnection:
        url = f"{self._server.socket_url}/v1/realtime?resume=true"
        try:
            return await connect(
                url, additional_headers=self._server.headers, max_size=None, ping_timeout=60, compression=None
            )
        except InvalidStatus as error:
            response = error.response
            raise self._server.refusal(
                response.status_code, _json(response.body), httpx.Headers(list(response.headers.raw_items()))
            ) from None
        except (InvalidHandshake, TimeoutError) as error:
            raise Unreachable(f"{self._server.url} does not open a session ({error}).", retry_after=1.0) from None
        except OSError as error:
            raise self._server.unreachable(error) from None

    async def _talk(self, connection: ClientConnection) -> None:
        self._script.take_back()
        self._owed, self._asked = set(self._owed_before), False
        self._updates, self._committed, self._told_at = 1, False, monotonic()
        sending: asyncio.Task[None] | None = None
        if self._resumption:
            start = self._start / self._bytes_per_second - self._script.offset
            wish = {"type": "session.resume", "resumption": self._resumption, "audio_start": start}
            await connection.send(json.dumps(wish))
        else:
            sending = self._begin(connection)
        try:
            async for frame in connection:
                message, self._told_at = json.loads(frame), monotonic()
                if message["type"] == "session.resumed" and sending is None:
                    sending = self._begin(connection)
                elif message["type"] == "error" and message["error"].get("code") in _LOST:
                    self._begin_part()
                    sending = self._begin(connection)
                else:
                    self._take(message)
                if self._is_told:
                    return
            if not self._is_told:
                raise Unreachable("The server closed the session.", retry_after=0.5)
        finally:
            if sending is not None:
                sending.cancel()
                with suppress(asyncio.CancelledError, ConnectionClosed):
                    await sending

    def _begin_part(self) -> None:
        """The server does not know the session any more: what is not settled is said in a new one."""
        self._say("The server does not know this session any more: speakers may have other letters from here on.")
        self._resumption = {}
        self._owed, self._owed_before = set(), set()
        self._script.begin_part(self._start / self._bytes_per_second)

    def _begin(self, connection: ClientConnection) -> asyncio.Task[None]:
        if self._ever:
            self._say("Connected again.")
        self._ever = True
        self._patience.renew()
        self._sent = self._start
        return asyncio.create_task(self._send(connection))

    async def _send(self, connection: ClientConnection) -> None:
        await connection.send(json.dumps({"type": "session.update", "session": self._configuration}))
        piece = _SAMPLE_BYTES * round(_PIECE_SECONDS * self._bytes_per_second / _SAMPLE_BYTES)
        while True:
            self._more.clear()
            while self._unsent and (self._unsent >= piece or self._finished):
                place = self._sent - self._start
                audio = bytes(self._audio[place : place + piece])
                self._sent += len(audio)
                told = {"type": "input_audio_buffer.append", "audio": b64encode(audio).decode()}
                await connection.send(json.dumps(told))
                if self._unsent < _AHEAD_SECONDS * self._bytes_per_second / 2:
                    self._room.set()
            if self._finished:
                await self._ask_for_the_rest(connection)
                return
            await self._more.wait()

    async def _ask_for_the_rest(self, connection: ClientConnection) -> None:
        """What the update is answered with comes behind what the commit is answered with."""
        self._updates += 1
        self._committed = True
        await connection.send(json.dumps({"type": "input_audio_buffer.commit"}))
        await connection.send(json.dumps({"type": "session.update", "session": {}}))
        while (left := self._told_at + _LAST_WORDS_SECONDS - monotonic()) > 0:  # noqa: ASYNC110 - whatever is told makes it longer
            await asyncio.sleep(left)
        self._say("The server does not tell the last words.")
        self._asked, self._owed = True, set()
        await connection.close()

    def _updated(self) -> None:
        """One answer comes for each update, in order."""
        self._updates -= 1
        self._asked = self._committed and self._updates == 0

    def _take(self, message: Mapping[str, Any]) -> None:
        kind = message["type"]
        match kind.removeprefix(_TOLD):
            case "segment":
                self._script.close(message)
                self._changed()
            case "hypothesis":
                self._script.suppose(message["segments"])
                self._changed()
            case "completed" | "failed":
                self._owed.discard(message["item_id"])
            case "input_audio_buffer.committed":
                self._owed.add(message["item_id"])
            case "session.updated":
                self._updated()
            case "session.resumption_update":
                self._note(message)
            case "error":
                self._fail(message["error"])

    def _fail(self, error: Mapping[str, Any]) -> None:
        code = error.get("code")
        if code in _HARMLESS:
            return
        if code in _LEAVING:
            raise Unreachable(error["message"], retry_after=1.0)
        raise Fault(error["message"])

    def _note(self, message: Mapping[str, Any]) -> None:
        """All that was told so far is safe, and the audio before is not needed any more."""
        self._resumption |= message["resumption"]
        self._script.settle()
        self._owed_before = set(self._owed)
        until = (message["audio_start"] + self._script.offset) * self._bytes_per_second
        gone = min(_SAMPLE_BYTES * round(until / _SAMPLE_BYTES), self._sent) - self._start
        if gone > 0:
            del self._audio[:gone]
            self._start += gone


def _json(body: bytes | bytearray | None) -> Any:
    try:
        return json.loads(body or b"")
    except ValueError:
        return None
