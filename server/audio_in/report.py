"""What was found in a file, and how the client is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from model.seam.audio import SAMPLE_RATE

_TOLD_BEHIND = 1024
"""Bytes behind the end of a recording; fewer are padding or a tag."""
_TOLD_LEAD = 0.25
"""Seconds."""
_TOLD_TURNED = 0.5
"""Seconds; what is turned for less is hardly heard."""


class Extent(NamedTuple):
    """How much is in a file.

    Attributes:
        seconds: of all recordings in it together.
        channels: of the one that has most.
    """

    seconds: float
    channels: int


@dataclass(slots=True)
class DecodeReport:
    """What was found in a file; filled while it is decoded, final once the last block is out.

    Numbers and short words only: they come from a process that a file may have taken over.

    Attributes:
        container: FFmpeg's short name, e.g. ``wav``, ``mov`` (MP4 and M4A too), ``matroska`` (WebM too).
        codec: e.g. ``aac``.
        source_rate: Hz, of the first frame.
        channels: of the first frame.
        rows: how many sequences of samples were made of them.
        samples: of each row, decoded so far, at 24 kHz.
        lead_seconds: by how much the sound begins later than the container.
        tracks: audio tracks in the file.
        track: the one that was heard, counted from 1.
        parts: recordings that were joined end to end and read.
        unread_parts: those of which nothing could be read.
        more_parts: there are further ones that were not looked at.
        unread_bytes: behind the end of a recording, of no known kind.
        damaged_packets: packets that could not be decoded.
        filled_seconds: silence put where timestamps show that audio is missing, so that later times stay true.
        silenced_samples: NaN, infinite or absurdly large samples that were replaced by 0.
        turned_seconds: audio in which channels would have cancelled each other.
        truncated: the header promises more audio than the file holds.
    """

    container: str = ""
    codec: str = ""
    source_rate: int = 0
    channels: int = 0
    rows: int = 0
    samples: int = 0
    lead_seconds: float = 0.0
    tracks: int = 0
    track: int = 0
    parts: int = 0
    unread_parts: int = 0
    more_parts: bool = False
    unread_bytes: int = 0
    damaged_packets: int = 0
    filled_seconds: float = 0.0
    silenced_samples: int = 0
    turned_seconds: float = 0.0
    truncated: bool = False

    @property
    def seconds(self) -> float:
        """Of the samples."""
        return self.samples / SAMPLE_RATE

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences for the client about what was chosen and what was wrong; none about an ordinary file."""
        return (*self._choices(), *self._damage())

    def _choices(self) -> list[str]:
        notes = []
        if self.tracks > 1:
            notes.append(f"Of the file's {self.tracks} audio tracks number {self.track} was heard.")
        if self.parts > 1:
            notes.append(f"The file is {self.parts} recordings joined end to end; they follow each other here.")
        if self.lead_seconds > _TOLD_LEAD:
            notes.append(f"The sound begins {self.lead_seconds:.1f} s after the file's start; times count from there.")
        if self.turned_seconds > _TOLD_TURNED:
            notes.append(
                f"In {self.turned_seconds:.1f} s of the audio channels were turned before they were mixed: "
                "they would have cancelled each other."
            )
        return notes

    def _damage(self) -> list[str]:
        notes = []
        if self.unread_parts:
            notes.append(f"Parts of the file could not be read: {self.unread_parts} of those that were joined.")
        if self.more_parts:
            notes.append(f"The file holds more than {self.parts} recordings; those behind were not read.")
        if self.unread_bytes > _TOLD_BEHIND:
            notes.append(f"{self.unread_bytes} bytes behind the end of the recording were not read.")
        if self.damaged_packets:
            notes.append(f"{self.damaged_packets} damaged packets of the audio were skipped.")
        if self.filled_seconds:
            notes.append(f"{self.filled_seconds:.1f} s of missing audio were filled with silence.")
        if self.silenced_samples:
            notes.append(f"{self.silenced_samples} invalid samples were silenced.")
        if self.truncated:
            notes.append(f"The file ends early: only {self.seconds:.1f} s of audio are in it.")
        return notes
