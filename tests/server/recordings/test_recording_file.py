"""The file is all that is kept of a recording: what the streams got can be had from it again, to the sample."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest
import soundfile  # type: ignore[import-untyped]

from model.seam.audio import SAMPLE_RATE, Samples
from server.audio_in.decode_pool import DecodePool
from server.audio_in.decoding import Decoding
from server.audio_in.limits import DecodeLimits
from server.audio_in.listening import Listening
from server.engine.messages import FailureCode
from server.recordings.errors import AudioError, EngineError
from server.recordings.recording_file import ChannelSource, RecordingFile
from server.recordings.wishes import KnownSpeaker, Wishes
from server.resources import Budget, Resource
from tests.server.engine.conftest import eventually
from tests.server.recordings.conftest import LONGEST, file_of, noise

LIMITS = DecodeLimits(LONGEST, 60.0)
ADA = KnownSpeaker("Ada", file_of(noise(2.0, 0.01)))
SPLIT = Wishes(listening=Listening(split=True))
MEMORY = 1 << 24


class CountedDecoding(Decoding):
    """Lets nothing be decoded while its pool is shut."""

    pool: CountingPool
    file: BinaryIO

    async def reach(self, samples: float) -> None:
        await self.pool.open.wait()
        await super().reach(samples)

    async def close(self) -> None:
        for _ in range(20):  # a process takes its time to go
            await asyncio.sleep(0)
        await super().close()
        self.pool.using.discard(self)


class CountingPool(DecodePool):
    """Counts what it decodes, and lets nothing begin while it is shut. A file is in one hand at most."""

    def __init__(self) -> None:
        super().__init__(2)
        self.decoded = 0
        self.using: set[CountedDecoding] = set()
        self.open = asyncio.Event()
        self.open.set()

    @property
    def at_work(self) -> int:
        return len(self.using)

    def begin(
        self,
        file: BinaryIO,
        limits: DecodeLimits,
        listening: Listening = Listening(),  # noqa: B008 - frozen
    ) -> Decoding:
        assert not any(other.file is file for other in self.using), "somebody else reads from the file"
        decoding = super().begin(file, limits, listening)
        decoding.__class__ = CountedDecoding
        assert isinstance(decoding, CountedDecoding)
        decoding.pool, decoding.file = self, file
        self.using.add(decoding)
        self.decoded += 1
        return decoding


class Kept:
    """A recording's file that was read, and what its streams have got."""

    def __init__(self, path: Path, file: RecordingFile, pool: CountingPool, memory: Budget) -> None:
        self.path, self.file, self.pool, self.memory = path, file, pool, memory
        self.got: dict[int | None, Samples] = {}
        self.sources: dict[int | None, ChannelSource] = {}

    async def again(self, channel: int | None = None) -> Samples:
        return await had(self.sources[channel])


async def had(source: ChannelSource) -> Samples:
    async with aclosing(source.replay()) as blocks:
        return np.concatenate([block async for block in blocks])


def written(path: Path, content: bytes) -> BinaryIO:
    path.write_bytes(content)
    return path.open("rb")


@asynccontextmanager
async def kept(path: Path, content: bytes, wishes: Wishes) -> AsyncIterator[Kept]:
    memory = Budget(Resource.MEMORY, MEMORY)
    with written(path, content) as file, CountingPool() as pool:
        recording = RecordingFile(file, wishes, decoders=pool, limits=LIMITS, memory=memory)
        opened = Kept(path, recording, pool, memory)
        _, heard = await recording.read()
        for audio in heard:
            opened.got[audio.channel] = np.concatenate(list(audio.blocks))
            opened.sources[audio.channel] = recording.of(audio)
        try:
            yield opened
        finally:
            await recording.close()
        assert not pool.at_work, "the file is used behind the end"


def call(*channels: Samples) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, np.stack(channels, 1), SAMPLE_RATE, format="FLAC")
    return file.getvalue()


@pytest.mark.parametrize("wishes", [Wishes(), Wishes(speakers=(ADA, replace(ADA, name="Bo")))], ids=["alone", "known"])
async def test_a_recording_is_had_again_and_again(tmp_path: Path, wishes: Wishes) -> None:
    """Behind known speakers' clips as it was, each at its own level; and whoever has enough may leave."""
    async with kept(tmp_path / "a.wav", file_of(noise(12.0)), wishes) as opened:
        for _ in range(2):
            async with aclosing(opened.sources[None].replay()) as blocks:
                first = await anext(blocks)
            assert opened.memory.used == 0
            np.testing.assert_array_equal(await opened.again(), opened.got[None])
            np.testing.assert_array_equal(first, opened.got[None][: first.size])


async def test_channels_that_are_wanted_at_once_are_decoded_once(tmp_path: Path) -> None:
    async with kept(tmp_path / "a.flac", call(noise(3.0), noise(3.1)[: 3 * SAMPLE_RATE]), SPLIT) as opened:
        assert opened.pool.decoded == 1
        both = await asyncio.gather(opened.again(0), opened.again(1))
        assert opened.pool.decoded == 2
        for channel, samples in enumerate(both):
            np.testing.assert_array_equal(samples, opened.got[channel])
        np.testing.assert_array_equal(await opened.again(1), opened.got[1])
        assert opened.pool.decoded == 3, "nothing was kept for who did not wait for it"


async def test_samples_that_were_read_again_count_as_memory_where_there_is_any(tmp_path: Path) -> None:
    async with kept(tmp_path / "a.wav", file_of(noise(12.0)), Wishes()) as opened:
        async with aclosing(opened.sources[None].replay()) as blocks:
            await anext(blocks)
            assert opened.memory.used == opened.got[None].nbytes
        with opened.memory.share() as others:
            others.take(MEMORY)
            assert (await opened.again()).size == opened.got[None].size


async def test_who_is_not_waited_for_any_more_is_not_decoded(tmp_path: Path) -> None:
    """As when the next worker dies too: the file has one reader at a time, and none behind the end."""
    async with kept(tmp_path / "a.flac", call(noise(3.0), noise(3.1)[: 3 * SAMPLE_RATE]), SPLIT) as opened:
        opened.pool.open.clear()
        first, second = (asyncio.create_task(opened.again(channel)) for channel in (0, 1))
        await eventually(lambda: opened.pool.at_work == 1)
        first.cancel()
        with suppress(asyncio.CancelledError):
            await first
        assert opened.pool.at_work == 1, "the other one waits still"
        second.cancel()
        third = asyncio.create_task(opened.again(1))
        opened.pool.open.set()
        np.testing.assert_array_equal(await third, opened.got[1])
        opened.pool.open.clear()
        left = asyncio.create_task(opened.again(0))
        await eventually(lambda: opened.pool.at_work == 1)
    with pytest.raises(asyncio.CancelledError):
        await left


def changed(path: Path) -> None:
    path.write_bytes(file_of(noise(2.9)))


def louder(path: Path) -> None:
    path.write_bytes(file_of(noise(3.0) * np.float32(2)))


def ruined(path: Path) -> None:
    path.write_bytes(b"words " * 99)


@pytest.mark.parametrize("happens", [changed, louder, ruined])
async def test_a_file_that_is_another_one_now_is_told(tmp_path: Path, happens: Callable[[Path], None]) -> None:
    async with kept(tmp_path / "a.wav", file_of(noise(3.0)), Wishes()) as opened:
        happens(opened.path)
        with pytest.raises(EngineError, match="again") as caught:
            await opened.again()
        assert caught.value.code is FailureCode.INTERNAL
        assert opened.memory.used == 0


async def test_a_server_that_shuts_down_says_so(tmp_path: Path) -> None:
    async with kept(tmp_path / "a.wav", file_of(noise(3.0)), Wishes()) as opened:
        opened.pool.close()
        with pytest.raises(EngineError) as caught:
            await opened.again()
        assert caught.value.code is FailureCode.SHUTTING_DOWN


async def test_the_same_file_and_wishes_have_the_same_fingerprint(tmp_path: Path) -> None:
    sound, other = file_of(noise(2.0)), file_of(noise(2.0) * np.float32(-1))
    asked = [
        (sound, Wishes()),
        (other, Wishes()),
        (sound, Wishes("hotwords")),
        (sound, Wishes(temperature=0.5)),
        (sound, Wishes(speakers=(ADA,))),
        (sound, Wishes(speakers=(replace(ADA, name="Bo"),))),
        (sound, Wishes(speakers=(replace(ADA, clip=other),))),
    ]
    prints = []
    for name, (content, wishes) in enumerate([*asked, *asked]):
        async with kept(tmp_path / f"{name}.wav", content, wishes) as opened:
            prints.append(opened.file.fingerprint)
    assert prints[: len(asked)] == prints[len(asked) :]
    assert len(set(prints)) == len(asked)


async def test_a_file_that_cannot_be_read_is_told_as_ever(tmp_path: Path) -> None:
    with pytest.raises(AudioError):
        async with kept(tmp_path / "a.wav", b"words " * 99, Wishes()):
            raise AssertionError("it was taken")
