"""An hour of which nothing is kept but the file: what its fingerprint costs, what is held, and having it again."""

from __future__ import annotations

import asyncio
import gc
import os
import tempfile
import time
import tracemalloc
from contextlib import aclosing

import numpy as np
import soundfile  # type: ignore[import-untyped]

from bench.overhead.line import Line
from bench.support import clips as material
from bench.support.report import Goal
from model.seam.audio import SAMPLE_RATE
from server.audio_in.decode_pool import DecodePool
from server.audio_in.limits import DecodeLimits
from server.recordings import recording_file
from server.recordings.recording_file import RecordingFile
from server.recordings.wishes import Wishes
from server.resources import Budget, Resource

SECONDS = 3600.0
HELD_SHARE = 0.02
"""Of the samples, while the request is answered."""
DIGEST_SHARE = 0.2
"""Of the time that decoding takes."""
_LIMITS = DecodeLimits(2 * SECONDS, 600.0)
_MIB = 1 << 20


def lines() -> list[Line]:
    """A line for each container."""
    return [line for container in ("FLAC", "WAV") for line in asyncio.run(_measured(container))]


async def _measured(container: str) -> list[Line]:
    with tempfile.TemporaryFile() as file, DecodePool(1) as decoders:
        soundfile.write(file, _hour(), SAMPLE_RATE, format=container)
        size = os.fstat(file.fileno()).st_size
        memory = Budget(Resource.MEMORY, 1 << 40)
        recording = RecordingFile(file, Wishes(), decoders=decoders, limits=_LIMITS, memory=memory)
        tracemalloc.start()
        began = time.perf_counter()
        _, (audio,) = await recording.read()
        read = time.perf_counter() - began
        samples = sum(block.nbytes for block in audio.blocks)
        source = recording.of(audio)
        del audio
        gc.collect()
        held, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        began = time.perf_counter()
        recording_file.digest(file, Wishes())
        digest = time.perf_counter() - began
        began = time.perf_counter()
        async with aclosing(source.replay()) as blocks:
            again = sum([block.nbytes async for block in blocks])
        replay = time.perf_counter() - began
        assert again == samples
        await recording.close()
    return [
        Line(
            f"an hour as {container}, {size / _MIB:.0f} MiB: read, fingerprint among it",
            f"{read:.2f} s, fingerprint {digest:.3f} s",
            [Goal(f"fingerprint-of-an-hour-{container.lower()}", digest / read, DIGEST_SHARE, at_least=False)],
        ),
        Line(
            "  held in memory until its answer ends, beside what its samples would take",
            f"{held / _MIB:.2f} MiB, {samples / _MIB:.0f} MiB",
            [Goal(f"held-of-an-hour-{container.lower()}", held / samples, HELD_SHARE, at_least=False)],
        ),
        Line("  had again for the next worker", f"{replay:.2f} s", []),
    ]


def _hour() -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    clips = material.ragged_clips(24, shortest=5.0, longest=30.0)
    joined = np.concatenate(clips)
    return np.resize(joined, round(SECONDS * SAMPLE_RATE)).astype(np.float32)
