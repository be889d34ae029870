"""What else a server needs of a machine: memory, disk, files, a port, libraries."""

from __future__ import annotations

import errno
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from server.commandline.doctor.check import Check, fail, ok, warn
from server.resources import free_disk, memory_limit, raise_descriptor_limit
from server.settings import Settings

_GIB = 1 << 30
_OLDEST = (3, 11)
_ENOUGH_FILES = 4096
_LEAST_DISK = 1 << 30


def checks(settings: Settings) -> Iterator[Check]:
    """All of them."""
    yield python()
    yield memory(memory_limit(), settings)
    yield port(settings.host, settings.port)
    yield disk("spool", Path(tempfile.gettempdir()), settings.max_upload_bytes)
    yield jobs(settings)
    yield files(raise_descriptor_limit())
    yield decoding()
    yield voices(settings.voice_encoder)
    yield microphone()


def python() -> Check:
    """Its version."""
    told = f"Python {sys.version.partition(' ')[0]} on {sys.platform}"
    if sys.version_info < _OLDEST:
        return fail("python", told, f"Python {'.'.join(map(str, _OLDEST))} or newer is needed")
    return ok("python", told)


def memory(limit: int, settings: Settings) -> Check:
    """``limit``: bytes that a process may have."""
    told = f"{limit / _GIB:.1f} GiB, of which {settings.memory_budget / _GIB:.1f} for recordings on their way"
    if settings.memory_budget > limit // 2:
        return fail("memory", told, "give the process more, or set --memory-bytes and a smaller --max-audio-seconds")
    return ok("memory", told)


def port(host: str, number: int) -> Check:
    """Whether a server could listen there."""
    name = f"{host}:{number}"
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, number, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return warn(
                "port", f"{name} is taken, perhaps by a server that runs", "stop that one, or take another --port"
            )
        return fail("port", f"{name}: {error.strerror}", "take another --host or --port")
    return ok("port", f"{name} is free")


def disk(name: str, folder: Path, wanted: int) -> Check:
    """Room in a folder, for at least one of what is kept there."""
    try:
        free = free_disk(str(folder))
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        return fail(
            name,
            f"{folder} cannot be written ({error.strerror})",
            "give the server the right to, or set another folder",
        )
    told = f"{free / _GIB:.1f} GiB free in {folder}"
    if free < wanted:
        return fail(name, told, f"{wanted / _GIB:.1f} GiB are one upload: make room, or set TMPDIR to a larger disk")
    return ok(name, told) if free >= wanted + _LEAST_DISK else warn(name, told, "make room: more is answered with 503")


def jobs(settings: Settings) -> Check:
    """The folder for jobs, where there is to be one."""
    folder = settings.jobs_folder
    if folder is None:
        return ok("jobs", "none are taken (--jobs-folder)")
    return disk(
        "jobs",
        next(place for place in (folder, *folder.absolute().parents) if place.exists()),
        settings.max_upload_bytes,
    )


def files(limit: int) -> Check:
    """``limit``: files that a process may have open."""
    if limit < _ENOUGH_FILES:
        return warn(
            "files",
            f"{limit} may be open at once",
            f"raise the limit (ulimit -n {_ENOUGH_FILES}, LimitNOFILE=) for many clients",
        )
    return ok("files", f"{limit} may be open at once")


def decoding() -> Check:
    """FFmpeg's libraries, which come with PyAV."""
    try:
        import av
    except (ImportError, OSError) as error:
        return fail("ffmpeg", f"PyAV does not load ({error})", "pip install --force-reinstall av")
    versions = ", ".join(
        f"{name} {version[0]}.{version[1]}" for name, version in sorted(av.library_versions.items())[:2]
    )
    return ok("ffmpeg", f"PyAV {av.__version__} with {versions}")


def voices(name: str) -> Check:
    """What tells voices apart."""
    from server.voices.errors import UnusableVoiceEncoder
    from server.voices.opening import open_voice_encoder

    try:
        encoder = open_voice_encoder(name)
    except (UnusableVoiceEncoder, OSError, ImportError) as error:
        return fail("voices", f"--voice-encoder {error}", "take ge2e, which is bundled, or none")
    if encoder is None:
        return ok("voices", "not told apart (--voice-encoder none)")
    encoder.close()
    return ok("voices", name)


def microphone() -> Check:
    """For captions in the terminal; nothing else needs it."""
    try:
        import sounddevice
    except ImportError:
        return ok(
            "microphone",
            "not installed; live needs it for a microphone: pip install 'vibevoice-asr-server[microphone]'",
        )
    except OSError:
        return warn("microphone", "sounddevice without PortAudio", "apt install libportaudio2")
    found = [each["name"] for each in sounddevice.query_devices() if each["max_input_channels"]]
    return ok("microphone", ", ".join(found) if found else "none on this machine")
