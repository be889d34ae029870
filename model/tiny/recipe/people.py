"""Words said by people, to test with: never trained on, and not shipped.

`python -m model.tiny.recipe.people` takes packages of Debian 12 and of the Python package index (people_sources.py says
which, under which licences), and writes one recording for each word or phrase of theirs that is in the vocabulary to
`people/` in the work folder, with `references.json`. Debian's packages come by `apt-get download`, or from the mirror
that `--mirror` names; where neither is at hand, archives that lie in `people/archives/` are taken as they are.
"""
# ruff: noqa: T201 - a script says how it went

import argparse
import hashlib
import io
import json
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import httpx
import numpy as np
import soundfile  # type: ignore[import-untyped]
import soxr  # type: ignore[import-untyped]
from numpy.typing import NDArray

from .people_sources import SOURCES, Source
from .vocabulary import WORDS

_RATE = 24_000  # Hz, as the model hears
_SILENCE = round(0.25 * _RATE)  # before and after each clip: some begin with their word

Samples = NDArray[np.float32]


@dataclass(frozen=True)
class HumanClip:
    """One recording: mono, 24 kHz, with some silence around."""

    path: Path
    words: tuple[str, ...]
    speaker: str
    source: str


def recordings(folder: Path) -> list[HumanClip]:
    """What `build` wrote to `folder`."""
    entries = json.loads((folder / "references.json").read_text("utf-8"))
    return [HumanClip(folder / e["file"], tuple(e["words"]), e["speaker"], e["source"]) for e in entries]


def build(
    folder: Path, sources: Iterable[Source] = SOURCES, mirror: str | None = None, known: Collection[str] = WORDS
) -> list[HumanClip]:
    """Clips of all that `sources` say in words of `known`, in `folder`; `mirror`: the address of a Debian mirror.

    Raises SystemExit if an archive cannot be had or is not the one that is known, and KeyError if it lacks a file.
    """
    archives = folder / "archives"
    archives.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.flac"):
        old.unlink()
    entries: list[dict[str, str | list[str]]] = []
    for source in sources:
        files = _files(_fetched(source, archives, mirror))
        for speaker, path, words in _said(source, known):
            name = f"{len(entries):03}-{source.package}-{'-'.join(words)}.flac"
            soundfile.write(folder / name, _around(_decoded(files[path], path)), _RATE, subtype="PCM_16")
            entries.append(
                {
                    "file": name,
                    "words": words,
                    "source": f"{source.package} {source.version}",
                    "speaker": speaker,
                    "licence": source.licence,
                }
            )
    (folder / "references.json").write_text(json.dumps(entries, indent=1) + "\n", "utf-8")
    return recordings(folder)


def _said(source: Source, known: Collection[str]) -> Iterator[tuple[str, str, list[str]]]:
    """Speaker, file in the package and words, of what is said in known words only."""
    for person in source.people:
        for pattern, names in person.files.items():
            for name, text in names.items():
                words = text.split()
                if all(word in known for word in words):
                    yield person.name, pattern.format(name), words


def _fetched(source: Source, archives: Path, mirror: str | None) -> Path:
    path = archives / source.file
    if not path.exists():
        if not source.file.endswith(".deb"):
            _downloaded(
                [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:"],
                f"{source.package}=={source.version}", path,
            )  # fmt: skip
        elif mirror:
            answer = httpx.get(f"{mirror.rstrip('/')}/{source.archive}", follow_redirects=True, timeout=300)
            if not answer.is_success:
                raise SystemExit(f"The mirror answers {answer.status_code} for {source.archive}.")
            path.write_bytes(answer.content)
        elif shutil.which("apt-get"):
            _downloaded(["apt-get", "download", "-q"], f"{source.package}={source.version}", path)
        else:
            raise SystemExit(f"Name a Debian mirror (--mirror), or put {source.archive} of one into {archives}.")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != source.sha256:
        raise SystemExit(f"{path} is not the archive that is known: SHA-256 {digest}, not {source.sha256}.")
    return path


def _downloaded(command: list[str], package: str, path: Path) -> None:
    """Has a client put a package into the folder of `path`, under that name."""
    done = subprocess.run([*command, package], cwd=path.parent, check=False)  # noqa: S603 - names from SOURCES only
    # apt-get writes the epoch of a version into the name: klettres-data_4%3a22.12.3-1_all.deb.
    name, _, rest = path.name.partition("_")
    found = [path] if path.exists() else sorted(path.parent.glob(f"{name}_*%3a{rest}"))
    if done.returncode or not found:
        hint = " --mirror takes the address of a Debian mirror instead." if path.suffix == ".deb" else ""
        raise SystemExit(f"{command[0]} did not bring {package}; put it at {path}.{hint}")
    found[0].rename(path)


def _files(archive: Path) -> dict[str, bytes]:
    """What is in a wheel or a .deb, by path."""
    if archive.suffix != ".deb":
        with zipfile.ZipFile(archive) as zipped:
            return {name: zipped.read(name) for name in zipped.namelist()}
    with tarfile.open(fileobj=io.BytesIO(_member(archive.read_bytes(), "data.tar"))) as tar:
        found = {}
        for entry in tar:
            reader = tar.extractfile(entry) if entry.isfile() else None
            if reader:
                found[entry.name.removeprefix("./")] = reader.read()
        return found


def _member(deb: bytes, wanted: str) -> bytes:
    """The part of an `ar` archive whose name begins with `wanted`: headers of 60 bytes, contents of even length."""
    start = len(b"!<arch>\n")
    while start < len(deb):
        header = deb[start : start + 60]
        name, size = header[:16].decode("ascii"), int(header[48:58])
        if name.startswith(wanted):
            return deb[start + 60 : start + 60 + size]
        start += 60 + size + size % 2
    raise SystemExit(f"A .deb without {wanted}.")


def _decoded(content: bytes, path: str) -> Samples:
    """Mono samples at 24 kHz."""
    if path.endswith(".g722"):
        samples, rate = _g722(content), 16_000
    else:
        channels, rate = soundfile.read(
            io.BytesIO(content), dtype="float32", always_2d=True, **_headless(content, path)
        )
        samples = channels.mean(1)
    return np.asarray(soxr.resample(samples, rate, _RATE), np.float32)


def _headless(content: bytes, path: str) -> dict[str, str | int]:
    """How to read files that do not say themselves what they are: .raw, and the oldest kind of .au."""
    if path.endswith(".raw"):
        return {"format": "RAW", "subtype": "PCM_16", "channels": 1, "samplerate": 16_000, "endian": "LITTLE"}
    if path.endswith(".au") and not content.startswith(b".snd"):
        return {"format": "RAW", "subtype": "ULAW", "channels": 1, "samplerate": 8_000}
    return {}


def _g722(content: bytes) -> Samples:
    with av.open(io.BytesIO(content), "r", format="g722") as container:
        frames = [frame.to_ndarray().reshape(-1) for frame in container.decode(audio=0)]
    return np.asarray(np.concatenate(frames).astype(np.float32) / np.float32(32768), np.float32)


def _around(samples: Samples) -> Samples:
    """The clip with silence before and after, and no sample beyond what a file can hold."""
    return np.pad(samples / max(1.0, float(np.abs(samples).max())), _SILENCE)


def main() -> None:
    """Builds the set and says how many clips of whom there are."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path(".cache/tiny"), help="folder for work files")
    parser.add_argument("--mirror", help="address of a Debian mirror, where there is no apt-get of Debian 12")
    arguments = parser.parse_args()
    clips = build(arguments.work / "people", mirror=arguments.mirror)
    for (source, speaker), count in Counter((clip.source, clip.speaker) for clip in clips).items():
        print(f"{count:4} {source}: {speaker}")
    print(f"{len(clips):4} clips, {len({word for clip in clips for word in clip.words})} words")


if __name__ == "__main__":
    main()
