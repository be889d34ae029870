"""A checkpoint fetched before anybody needs it, every file held against the checksum that the hub gives.

What was interrupted goes on where it was; what is there and whole is not fetched again. Imports no torch.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Final

from huggingface_hub import constants
from huggingface_hub.utils.tqdm import disable_progress_bars

from model.errors import CheckpointError
from model.loading.folder import bytes_to_fetch, check_weight_files, read_config, weight_files
from model.loading.hub import SMALL_FILES, Repository, full_disk
from model.loading.layout import recognise

_AT_ONCE: Final = 1 << 22
_LOOK_SECONDS: Final = 0.2
_SHA256, _SHA1 = 64, 40
"""Digits. Of large files the hub's tag is the SHA-256 of the content, of others the hash that git has of it."""

Tell = Callable[[str, int, int | None], None]
"""Hears what is done, and of how many bytes in all how many are done; None where nobody knows."""


def pull(name: str, revision: str | None, tell: Tell) -> Path:
    """The local folder with all files of a hub checkpoint. Raises CheckpointError, also for one that is not served."""
    disable_progress_bars()
    repository = Repository(name, revision)
    tell("fetching", 0, None)
    folder = repository.fetch(SMALL_FILES)
    recognise(read_config(folder), name)
    names = weight_files(folder)
    missing = bytes_to_fetch(folder, names)
    free = shutil.disk_usage(constants.HF_HUB_CACHE).free
    if missing is not None and missing > free:
        raise full_disk(f"Checkpoint {name!r}", missing, free)
    with _watched(folder, names, missing, tell):
        repository.fetch(names)
    files = sorted(file for file in folder.iterdir() if file.is_file())
    _verify(files, tell)
    check_weight_files(folder, names)
    return folder


@contextmanager
def _watched(folder: Path, names: list[str], missing: int | None, tell: Tell) -> Iterator[None]:
    """Tell how much is on the disk, whichever way the library fetches it."""
    blobs, over = folder.parents[1] / "blobs", Event()
    there = sum((folder / name).stat().st_size for name in names if (folder / name).is_file())
    total = None if missing is None else there + missing

    def look() -> None:
        while not over.wait(_LOOK_SECONDS):
            tell("fetching", _fetched(folder, names, blobs), total)

    looking = Thread(target=look, name="pull-progress", daemon=True)
    looking.start()
    try:
        yield
    finally:
        over.set()
        looking.join()


def _fetched(folder: Path, names: list[str], blobs: Path) -> int:
    sizes = 0
    for file in (*(folder / name for name in names), *blobs.glob("*.incomplete")):
        try:
            sizes += file.stat().st_size
        except OSError:
            continue  # it has just got its name
    return sizes


def _verify(files: list[Path], tell: Tell) -> None:
    """Raise CheckpointError for a file whose content is not what the hub says; it is gone then."""
    total, done = sum(file.stat().st_size for file in files), 0
    for file in files:
        tag = file.resolve().name
        size = file.stat().st_size
        if (digest := _digest_for(tag, size)) is not None:
            with file.open("rb") as stream:
                while part := stream.read(_AT_ONCE):
                    digest.update(part)
                    done += len(part)
                    tell("checking", done, total)
            if digest.hexdigest() != tag:
                file.resolve().unlink()
                file.unlink(missing_ok=True)
                raise CheckpointError(
                    f"{file.name} is damaged: its checksum is not the hub's. It was removed; pull again.",
                    permanent=False,
                )


def _digest_for(tag: str, size: int) -> hashlib._Hash | None:
    """What ``tag`` is made with; None where it is nothing of the kind, as on systems without links."""
    if len(tag) == _SHA256:
        return hashlib.sha256()
    if len(tag) == _SHA1:
        digest = hashlib.sha1(usedforsecurity=False)
        digest.update(f"blob {size}\0".encode())
        return digest
    return None
