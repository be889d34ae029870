"""The test set of people's words, built from packages that are made here."""

import hashlib
import io
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile  # type: ignore[import-untyped]
from numpy.typing import NDArray

from model.tiny.recipe.people import HumanClip, build, recordings
from model.tiny.recipe.people_sources import SOURCES, Person, Source

KNOWN = ["one", "two", "five", "Monday", "Alpha", "yes"]


def tone(seconds: float, rate: int, hertz: float, level: float = 0.5) -> NDArray[np.float32]:
    return (level * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def sound(samples: NDArray[np.float32], rate: int, kind: str) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=kind, subtype="VORBIS" if kind == "OGG" else "PCM_16")
    return file.getvalue()


def g722(samples: NDArray[np.float32]) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="g722") as container:
        stream = container.add_stream("g722", rate=16_000, layout="mono")
        frame = av.AudioFrame.from_ndarray((samples * 32767).astype(np.int16)[None], format="s16", layout="mono")
        frame.sample_rate = 16_000
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    return file.getvalue()


def deb(files: dict[str, bytes]) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:xz") as tar:
        for path, content in files.items():
            entry = tarfile.TarInfo(f"./{path}")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    packed = b"!<arch>\n"
    # The middle one is of odd length, after which a byte is left out.
    for name, content in (("debian-binary", b"2.0\n"), ("control.tar.xz", b"odd"), ("data.tar.xz", data.getvalue())):
        packed += f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(content):<10}`\n".encode()
        packed += content + b"\n" * (len(content) % 2)
    return packed


def wheel(files: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as zipped:
        for path, content in files.items():
            zipped.writestr(path, content)
    return file.getvalue()


def source(folder: Path, archive: str, content: bytes, *people: Person) -> Source:
    """A package that lies where a download would have put it."""
    (folder / "archives").mkdir(parents=True, exist_ok=True)
    name = archive.rsplit("/", 1)[-1]
    (folder / "archives" / name).write_bytes(content)
    return Source(name.split("_")[0], "1", archive, hashlib.sha256(content).hexdigest(), "GPL", people)


def loudest(clip: HumanClip) -> tuple[float, float]:
    """Seconds, and the frequency with most of the energy; asserts what all clips have in common."""
    samples, rate = soundfile.read(clip.path, dtype="float32")
    assert rate == 24_000
    assert samples.ndim == 1
    assert not samples[:4800].any()
    assert not samples[-4800:].any()
    return len(samples) / rate, float(np.abs(np.fft.rfft(samples)).argmax() * rate / len(samples))


def test_words_come_out_of_packages(tmp_path: Path) -> None:
    voices = {
        "usr/sounds/1.wav": sound(np.stack([tone(0.3, 8000, 300)] * 2, axis=1), 8000, "WAV"),
        "usr/sounds/day.ogg": sound(tone(0.5, 44100, 500), 44100, "OGG"),
        "usr/sounds/alpha.g722": g722(tone(0.4, 16_000, 700)),
        "usr/sounds/55.raw": (tone(0.6, 16_000, 900) * 32767).astype("<i2").tobytes(),
        "usr/sounds/unknown.wav": sound(tone(0.3, 8000, 300), 8000, "WAV"),
    }
    files = {
        "usr/sounds/{}.wav": {"1": "one", "unknown": "seventeen"},
        "usr/sounds/{}.ogg": {"day": "Monday"},
        "usr/sounds/{}.g722": {"alpha": "Alpha"},
        "usr/sounds/{}.raw": {"55": "five five"},
    }
    debian = source(tmp_path, "pool/main/v/voices_1_all.deb", deb(voices), Person("Ann", files))
    old = headless(tone(0.5, 8000, 1100))
    python = source(
        tmp_path, "talk_1.whl", wheel({"talk/no.au": old}), Person("Ben", {"talk/{}.au": {"no": "yes"}})
    )  # fmt: skip

    clips = build(tmp_path, [debian, python], known=KNOWN)

    assert clips == recordings(tmp_path)
    assert [(clip.words, clip.speaker, clip.source) for clip in clips] == [
        (("one",), "Ann", "voices 1"),
        (("Monday",), "Ann", "voices 1"),
        (("Alpha",), "Ann", "voices 1"),
        (("five", "five"), "Ann", "voices 1"),
        (("yes",), "Ben", "talk 1"),
    ]
    seconds, hertz = zip(*map(loudest, clips), strict=True)
    assert seconds == pytest.approx([0.8, 1.0, 0.9, 1.1, 1.0], abs=0.03)
    assert hertz == pytest.approx([300, 500, 700, 900, 1100], abs=5)


def headless(samples: NDArray[np.float32]) -> bytes:
    """The oldest kind of .au: nothing but mu-law at 8 kHz."""
    file = io.BytesIO()
    soundfile.write(file, samples, 8000, format="RAW", subtype="ULAW")
    return file.getvalue()


def test_another_archive_than_the_known_one_is_refused(tmp_path: Path) -> None:
    known = source(tmp_path, "pool/main/v/voices_1_all.deb", deb({}), Person("Ann", {}))

    with pytest.raises(SystemExit, match="SHA-256"):
        build(tmp_path, [replace(known, sha256="0" * 64)], known=KNOWN)


def test_a_machine_without_apt_is_told_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(SystemExit, match="--mirror"):
        build(tmp_path, SOURCES[:1])
