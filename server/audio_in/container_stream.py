"""A container that comes while it is recorded (a browser's WebM or Ogg, MP3, ...) → 24 kHz float32, mixed or split."""

from __future__ import annotations

import numpy as np

from server.audio_in.container_process import ContainerProcess
from server.audio_in.deaths import ATTEMPTS, DecoderDeaths, DecoderDied, verdict
from server.audio_in.errors import AudioError, DecoderFailed, damaged_stream
from server.audio_in.listening import RawAudio
from server.audio_in.pcm import Channels
from server.audio_in.stream_history import StreamHistory

_MAX_BARREN_BYTES = 1 << 21
"""Bytes in which there must be some audio; a damaged length can make FFmpeg skip all that ever comes."""


class ContainerStream:
    """Decodes one live stream in a process of its own, which starts with the first bytes.

    What comes out are rows of samples, [rows, n]: one with the mix, or with ``split`` one for each channel that the
    container has. Until there are any samples there is one row.

    When the process dies, another one begins with the stream again, as far as that is still here (`StreamHistory`), and
    what it gives a second time is dropped.

    One call at a time; after an error or a cancelled call only `close` may follow, and it must in any case.

    Args:
        packets: instead of a container come packets, each whole in a piece of its own, of this kind.
        split: each channel is to be a row.
        died: where deaths are noted.
    """

    def __init__(
        self, packets: RawAudio | None = None, *, split: bool = False, died: DecoderDeaths | None = None
    ) -> None:
        self._packets = packets
        self._split = split
        self._died = died or DecoderDeaths()
        self._history = StreamHistory(packets=packets is not None)
        self._process: ContainerProcess | None = None
        self._rows = 1
        self._given = 0
        self._again = 0
        """Of what the process gives next, so many samples were given already."""
        self._over = False
        self._barren = 0

    async def push(self, data: bytes) -> Channels:
        """The next bytes, cut anywhere → the samples that they complete: [rows, n], n may be 0.

        Bytes behind the end of a container that tells its length are dropped.

        Raises:
            AudioError: the stream cannot be decoded (any further).
            DecoderFailed: nothing is wrong with it, but there is no process any more that could.
        """
        if not data or self._over:
            return self._nothing
        samples = await self._decoded(data)
        self._history.keep(data)
        self._barren = 0 if samples.size else self._barren + len(data)
        if self._barren > _MAX_BARREN_BYTES:
            raise damaged_stream()
        return samples

    async def flush(self) -> Channels:
        """No more bytes come → the samples still inside. A container cannot go on after that. Raises as `push`."""
        return self._nothing if self._over or self._process is None else await self._decoded(b"")

    def close(self) -> None:
        """End the process and wait for that. Harmless when repeated."""
        self._over = True
        self._end_process()

    @property
    def _nothing(self) -> Channels:
        return np.zeros((self._rows, 0), np.float32)

    async def _decoded(self, piece: bytes) -> Channels:
        """What ``piece`` completes, by another process if one dies of it or was dead."""
        deaths: list[DecoderDied] = []
        while True:
            try:
                samples = await self._attempt(piece)
            except DecoderDied as death:
                self._died.note(death)
                deaths.append(death)
                self._end_process()
                if failure := self._failure(deaths):
                    raise failure from None
            else:
                self._given += samples.shape[1]
                return samples

    async def _attempt(self, piece: bytes) -> Channels:
        before: list[Channels] = []
        if self._process is None:
            self._process = ContainerProcess(self._packets, split=self._split)
            self._again = self._given
            await self._process.start()
            before = [await self._exchange(self._process, earlier) for earlier in self._history.pieces()]
        last = await self._exchange(self._process, piece)
        self._over = self._process.over
        return np.concatenate([*(samples for samples in before if samples.size), last], axis=1) if before else last

    async def _exchange(self, process: ContainerProcess, piece: bytes) -> Channels:
        """What ``process`` gives for ``piece`` and was not given before."""
        samples = await process.exchange(piece)
        self._rows = process.rows
        again = min(self._again, samples.shape[1])
        self._again -= again
        return samples[:, again:]

    def _failure(self, deaths: list[DecoderDied]) -> AudioError | DecoderFailed | None:
        """What is to be raised after these; None: another process may try."""
        if len(deaths) == ATTEMPTS:
            return verdict(deaths)
        if not self._history.whole:
            return DecoderFailed(
                "The process that decoded this stream died, and too much was sent for another one to begin again."
            )
        return None

    def _end_process(self) -> None:
        if self._process is not None:
            self._process.close()
            self._process = None
