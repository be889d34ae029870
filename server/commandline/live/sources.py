"""Where live sound comes from: a microphone, a recording at the speed at which it was spoken, raw samples of a pipe.

Each is an asynchronous iterator of mono samples of 16 bit, little endian.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np

from server.commandline.faults import Fault, UsageFault

PIECE_SECONDS = 0.1
_FASTEST, _SLOWEST = 48_000, 8_000
"""Rates that the server takes, in Hz."""
_LONGEST = 86_400.0
"""Seconds of a recording that is played."""
_WITHOUT_SOUNDDEVICE = (
    "The microphone needs the package sounddevice: pip install 'vibevoice-asr-server[microphone]'. Without it pipe "
    "sound in: ffmpeg -f alsa -i default -ac 1 -ar 16000 -f s16le - | vibevoice-asr live - --rate 16000"
)
_WITHOUT_PORTAUDIO = (
    "The microphone needs the library PortAudio: apt install libportaudio2 (Debian, Ubuntu), dnf install portaudio "
    "(Fedora). Without it pipe sound in: arecord -q -f S16_LE -r 16000 -c 1 -t raw | vibevoice-asr live - --rate 16000"
)


@dataclass(frozen=True, slots=True)
class Source:
    """``rate``: samples a second. ``name``: for people. ``pieces``: the sound as it comes."""

    rate: int
    name: str
    pieces: AsyncIterator[bytes]


def microphone(device: str | None) -> Source:
    """The default one, or one by its number or a part of its name. Raises Fault where there is none."""
    sounddevice = _sounddevice()
    chosen = int(device) if device is not None and device.isdecimal() else device
    try:
        found = sounddevice.query_devices(chosen, "input")
    except (ValueError, sounddevice.PortAudioError) as error:
        names = [each["name"] for each in sounddevice.query_devices() if each["max_input_channels"]]
        there = f"there are {', '.join(names)}" if names else "this machine has none"
        raise Fault(f"There is no such microphone ({error}): {there}.") from None
    rate = int(min(max(found["default_samplerate"], _SLOWEST), _FASTEST))

    def open_stream(hear: Callable[[bytes], None]) -> Any:
        def callback(samples: Any, *_: Any) -> None:
            hear(bytes(samples))

        return sounddevice.RawInputStream(
            samplerate=rate,
            channels=1,
            dtype="int16",
            device=chosen,
            blocksize=round(PIECE_SECONDS * rate),
            callback=callback,
        )

    return Source(rate, found["name"], _recorded(open_stream, sounddevice.PortAudioError))


def _sounddevice() -> Any:
    try:
        import sounddevice
    except ImportError:
        raise Fault(_WITHOUT_SOUNDDEVICE) from None
    except OSError:
        raise Fault(_WITHOUT_PORTAUDIO) from None
    return sounddevice


async def _recorded(
    open_stream: Callable[[Callable[[bytes], None]], Any], failure: type[Exception]
) -> AsyncIterator[bytes]:
    loop, pieces = asyncio.get_running_loop(), asyncio.Queue[bytes]()

    def hear(piece: bytes) -> None:
        """In the thread of the sound card."""
        loop.call_soon_threadsafe(pieces.put_nowait, piece)

    try:
        with open_stream(hear):
            while True:
                yield await pieces.get()
    except failure as error:
        raise Fault(f"The microphone cannot be opened: {error}") from None


def spoken(file: Path) -> Source:
    """A recording, in any format that is read here, as if somebody spoke it now. Raises UsageFault."""
    if file.is_dir():
        raise UsageFault(f"{file} is a folder: live hears one recording.")
    if not file.exists():
        raise UsageFault(f"There is no file {file}.")
    return Source(24_000, file.name, _spoken(file))


async def _spoken(file: Path) -> AsyncIterator[bytes]:
    samples = await _decoded(file)
    loop = asyncio.get_running_loop()
    began, piece = loop.time(), round(PIECE_SECONDS * 24_000)
    for number in range(ceil(samples.size / piece)):
        await asyncio.sleep(max(0.0, began + (number + 1) * PIECE_SECONDS - loop.time()))
        yield samples[number * piece : (number + 1) * piece].tobytes()


async def _decoded(file: Path) -> Any:
    """Samples of 16 bit at 24 kHz. Raises Fault."""
    from server.audio_in.decode_pool import DecodePool
    from server.audio_in.errors import AudioError, AudioErrorCode, DecoderFailed
    from server.audio_in.limits import DecodeLimits

    pool = DecodePool(1)
    try:
        with file.open("rb") as opened:
            decoded = await pool.decode(opened, DecodeLimits(_LONGEST, 3_600.0))
    except (AudioError, DecoderFailed) as error:
        if isinstance(error, AudioError) and error.code is AudioErrorCode.AUDIO_TOO_LONG:  # the limit is no server's
            raise Fault(f"{file}: it lasts more than {_LONGEST / 3_600:g} hours: play it in parts.") from None
        raise Fault(f"{file}: {error.message}") from None
    except OSError as error:
        raise Fault(f"{file}: {error.strerror or error}") from None
    finally:
        await asyncio.to_thread(pool.close)
    (mix,) = decoded.channels
    return np.round(np.clip(mix, -1.0, 1.0) * 32_767).astype("<i2")


def piped(rate: int) -> Source:
    """Raw mono samples of 16 bit, little endian, of the standard input. Raises UsageFault."""
    if not _SLOWEST <= rate <= _FASTEST:
        raise UsageFault(f"--rate {rate}: the server takes {_SLOWEST} to {_FASTEST} samples a second.")
    if sys.stdin.isatty():
        raise UsageFault("- reads raw samples from the standard input, which is this terminal: pipe sound in.")
    return Source(rate, "stdin", _piped(sys.stdin.fileno(), 2 * round(PIECE_SECONDS * rate)))


async def _piped(descriptor: int, octets: int) -> AsyncIterator[bytes]:
    """Whole samples. Raises UsageFault where there are none.

    A thread that waits for a pipe cannot be stopped: it is left behind at the end of the process.
    """
    loop, parts = asyncio.get_running_loop(), asyncio.Queue[bytes](maxsize=100)

    def read() -> None:
        while part := os.read(descriptor, octets):
            asyncio.run_coroutine_threadsafe(parts.put(part), loop).result()
        asyncio.run_coroutine_threadsafe(parts.put(b""), loop)

    threading.Thread(target=read, name="stdin", daemon=True).start()
    rest, came = b"", False
    while part := await parts.get():
        came = True
        audio = rest + part
        whole = len(audio) // 2 * 2
        rest = audio[whole:]
        if whole:
            yield audio[:whole]
    if not came:
        raise UsageFault("No sound came by the standard input.")
