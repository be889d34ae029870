"""Where the files of a checkpoint come from: the bundled one, a folder, or a hub repository."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import constants

from model.errors import CheckpointError
from model.loading.folder import bytes_to_fetch, check_weight_files, missing, weight_files
from model.loading.hub import SMALL_FILES, Repository, full_disk

TINY = Path(__file__).parents[1] / "tiny" / "checkpoint"
"""The bundled checkpoint: same architecture, trained on synthetic speech, loads in a second on a CPU."""


@dataclass(frozen=True, slots=True)
class Source:
    """The files of one checkpoint.

    ``label``: what messages call it. ``folder``: holds the small ones. ``repository``: None for a folder.
    """

    label: str
    folder: Path
    repository: Repository | None

    def fetch_weights(self) -> list[str]:
        """Have the weight files in the folder and return their names. Raises CheckpointError."""
        names = weight_files(self.folder)
        if self.repository is not None and missing(self.folder, names):
            needed = bytes_to_fetch(self.folder, names)
            free = shutil.disk_usage(constants.HF_HUB_CACHE).free
            if needed is not None and needed > free:
                raise full_disk(f"Checkpoint {self.label!r}", needed, free)
            self.repository.fetch(names)
        self.require(names)
        check_weight_files(self.folder, names)
        return names

    def require(self, names: list[str] | tuple[str, ...]) -> None:
        """Raise CheckpointError, which names them, when files are missing."""
        if absent := missing(self.folder, names):
            raise CheckpointError(f"Checkpoint {self.label} is incomplete: {', '.join(absent)} missing.")


def locate(name: str, revision: str | None) -> Source:
    """``name``: ``"tiny"``, a folder, or a hub id, whose small files are fetched. Raises CheckpointError."""
    if name == "tiny":
        return Source(str(TINY), TINY, None)
    if Path(name).is_dir():
        return Source(name, Path(name), None)
    if name.startswith((".", "/", "~")) or Path(name).exists():
        raise CheckpointError(f"There is no checkpoint folder {name}.")
    repository = Repository(name, revision)
    return Source(name, repository.fetch(SMALL_FILES), repository)
