"""An hour's recording through the server: what of it the event loop feels, and what memory it takes."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial
from pathlib import Path

import httpx
import numpy as np
import soundfile  # type: ignore[import-untyped]

from bench.overhead.line import ROUNDS, Line
from bench.overhead.watch import longest_block
from bench.support import service
from bench.support.report import Goal
from model.seam.audio import SAMPLE_RATE

HOUR = 3600
BLOCK_MS = 50.0
"""A live session's audio comes every 20 to 100 ms."""
COPIES = 1.2
"""One of the samples, and what else a request takes."""
_SAMPLE_BYTES = 4
_LEAST = 20_000
"""Bytes of an answer to an hour: words alone."""


def lines(server: service.RunningServer) -> list[Line]:
    """The lines about an hour of audio."""
    hour = _hour()
    with httpx.Client(base_url=server.base, timeout=600) as client:
        recording = _memory(server.pid, partial(_transcribe, client, hour, response_format="text"))
        return [
            recording,
            *(
                _blocked(server.base, name, answer)
                for name, answer in {
                    "srt": partial(_transcribe, client, hour, response_format="srt"),
                    "verbose_json with words": partial(
                        _transcribe,
                        client,
                        hour,
                        **{"response_format": "verbose_json", "timestamp_granularities[]": ["word", "segment"]},
                    ),
                    "Deepgram": partial(_listen, client, hour),
                }.items()
            ),
        ]


def _hour() -> bytes:
    """A tone: what is said in it is the script's, and it takes no time to upload."""
    second = 0.1 * np.sin(2 * np.pi * 200 * np.arange(SAMPLE_RATE) / SAMPLE_RATE)
    buffer = io.BytesIO()
    soundfile.write(buffer, np.tile(second, HOUR), SAMPLE_RATE, format="FLAC", subtype="PCM_16")
    return buffer.getvalue()


def _transcribe(client: httpx.Client, file: bytes, **fields: object) -> bytes:
    data = {"model": "vibevoice-asr", **fields}
    return _whole(client.post("/v1/audio/transcriptions", data=data, files={"file": file}))


def _listen(client: httpx.Client, file: bytes) -> bytes:
    query = {"diarize": "true", "utterances": "true", "paragraphs": "true"}
    return _whole(client.post("/v1/listen", params=query, content=file))


def _whole(answer: httpx.Response) -> bytes:
    """An hour's, or what is measured is something else. Raises ValueError."""
    content = answer.raise_for_status().content
    if len(content) < _LEAST:
        raise ValueError(f"an answer of {len(content)} bytes is not to an hour")
    return content


def _blocked(base: str, name: str, answer: Callable[[], bytes]) -> Line:
    longest = min(1000 * longest_block(base, answer) for _ in range(ROUNDS))
    slug = name.split()[0].lower().replace("_", "-")
    return Line(
        f"an hour uploaded and answered, {name}",
        f"{longest:.0f} ms in one go",
        [Goal(f"hour-as-{slug}-blocks-the-loop-for-ms", longest, BLOCK_MS, at_least=False)],
    )


def _memory(pid: int, answer: Callable[[], bytes]) -> Line:
    """What the API process took more at the most than it had before, in recordings. The first request warms up."""
    answer()
    before = _kilobytes(pid, "VmRSS")
    Path(f"/proc/{pid}/clear_refs").write_text("5")  # the high-water mark begins anew
    answer()
    size = HOUR * SAMPLE_RATE * _SAMPLE_BYTES
    copies = 1024 * (_kilobytes(pid, "VmHWM") - before) / size
    return Line(
        f"samples of an hour in the API process ({size / 1e6:.0f} MB)",
        f"{copies:.2f} times that",
        [Goal("recordings-held-for-a-recording", copies, COPIES, at_least=False)],
    )


def _kilobytes(pid: int, name: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))
