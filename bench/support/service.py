"""The server as contender: a real server process on loopback and real HTTP clients."""

from __future__ import annotations

import io
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import httpx
import soundfile  # type: ignore[import-untyped]

from model.seam.audio import SAMPLE_RATE, Samples

START_SECONDS = 120.0
_BOUNDARY = "d6e2b1f0a94c4f7d"


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server that listens on ``base``; ``pid`` is its API process, whose children decode and hold the model."""

    base: str
    pid: int


@contextmanager
def running_server(
    *flags: str,
    module: str = "server",
    threads: int = 1,
    environment: Mapping[str, str] = MappingProxyType({}),
    log: Path | None = None,
) -> Iterator[RunningServer]:
    """Start ``python -m server`` with ``flags`` on a free loopback port; yields once it is ready.

    ``module``: another that takes the same flags. ``threads``: of torch in the worker. ``environment``: more of it.
    ``log``: a file for everything that it logs, in JSON; without, warnings go where the bench's do.
    """
    port = _free_port()
    logging = ("warning", "console") if log is None else ("debug", "json")
    command = [sys.executable, "-m", module, "--model", "tiny", "--port", str(port)]
    command += ["--log-level", logging[0], "--log-format", logging[1], *flags]
    variables = {**os.environ, "OMP_NUM_THREADS": str(threads), **environment}
    with nullcontext() if log is None else log.open("wb") as stderr:
        process = subprocess.Popen(command, env=variables, stderr=stderr)
    base = f"http://127.0.0.1:{port}"
    try:
        _wait_ready(base, process)
        yield RunningServer(base, process.pid)
    finally:
        process.terminate()
        process.wait(timeout=30)


def transcribe(base: str, uploads: list[bytes], *, concurrency: int) -> tuple[list[str], list[float]]:
    """Text of every upload and its latency in seconds, with ``concurrency`` clients at once. ``uploads``: of `form`."""
    headers = {"content-type": f"multipart/form-data; boundary={_BOUNDARY}"}
    limits = httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
    # Without verify=False a client begins with reading all certificate authorities, plain HTTP or not.
    with httpx.Client(base_url=base, headers=headers, timeout=600, limits=limits, verify=False) as client:

        def one(upload: bytes) -> tuple[str, float]:
            began = time.perf_counter()
            answer = client.post("/v1/audio/transcriptions", content=upload)
            answer.raise_for_status()
            return answer.json()["text"], time.perf_counter() - began

        with ThreadPoolExecutor(concurrency) as pool:
            texts, latencies = zip(*pool.map(one, uploads), strict=True)
    return list(texts), list(latencies)


def form(file: bytes) -> bytes:
    """The body that uploads ``file``. Made beforehand: what clients compute is taken from the cores of the server."""
    request = httpx.Request(
        "POST",
        "http://localhost",
        headers={"content-type": f"multipart/form-data; boundary={_BOUNDARY}"},
        data={"model": "whisper-1", "response_format": "json"},
        files={"file": ("clip", file, "application/octet-stream")},
    )
    return request.read()


def wav_form(clip: Samples) -> bytes:
    """The body that uploads a clip as 16-bit WAV."""
    return form(as_wav(clip))


def as_wav(clip: Samples) -> bytes:
    """16-bit WAV of a clip."""
    return encoded(clip, "WAV", "PCM_16")


def encoded(clip: Samples, container: str, codec: str | None = None) -> bytes:
    """A file of a clip, in libsndfile's names: ``FLAC``, ``MP3``, ..."""
    buffer = io.BytesIO()
    soundfile.write(buffer, clip, SAMPLE_RATE, format=container, subtype=codec)
    return buffer.getvalue()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_ready(base: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with status {process.returncode}")
        try:
            if httpx.get(base + "/ready", timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise RuntimeError(f"the server was not ready within {START_SECONDS:.0f} s")
