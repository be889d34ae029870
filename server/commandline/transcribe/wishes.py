"""What flags wish of a transcription, as the form fields that a server takes."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from server.commandline.faults import UsageFault


@dataclass(frozen=True, slots=True)
class WishFlags:
    """The flags. ``speakers``: ``NAME=CLIP`` each."""

    hotwords: Sequence[str] = ()
    context: str | None = None
    instruction: str | None = None
    language: str | None = None
    speakers: Sequence[str] = ()
    temperature: float | None = None
    channels: str | None = None
    word_timestamps: bool = False
    speaker_labels: bool | None = None
    audio_events: bool | None = None
    max_line_width: int | None = None
    max_line_count: int | None = None
    one_pass: bool = False

    def fields(self) -> list[tuple[str, str]]:
        """Form fields. Reads the speakers' clips. Raises UsageFault."""
        named: dict[str, object | None] = {
            "prompt": self.context,
            "instruction": self.instruction,
            "language": self.language,
            "temperature": self.temperature,
            "channels": self.channels,
            "speaker_labels": _flag(self.speaker_labels),
            "tag_audio_events": _flag(self.audio_events),
            "max_line_width": self.max_line_width,
            "max_line_count": self.max_line_count,
            "chunking_strategy": "none" if self.one_pass else None,
        }
        fields = [(name, str(value)) for name, value in named.items() if value is not None]
        fields += [("hotwords[]", word) for words in self.hotwords for word in words.split(",") if word.strip()]
        if self.word_timestamps:
            fields += [("timestamp_granularities[]", each) for each in ("segment", "word")]
        for text in self.speakers:
            name, clip = _speaker(text)
            fields += [("known_speaker_names[]", name), ("known_speaker_references[]", clip)]
        return fields


def _flag(value: bool | None) -> str | None:
    return None if value is None else str(value).lower()


def _speaker(text: str) -> tuple[str, str]:
    """Name, and clip as base64."""
    name, equals, clip = text.partition("=")
    if not (name.strip() and equals and clip.strip()):
        raise UsageFault(f"--speaker {text}: give NAME=CLIP, a name and a recording of 2 to 10 seconds of that voice.")
    try:
        return name.strip(), base64.b64encode(Path(clip.strip()).expanduser().read_bytes()).decode()
    except OSError as error:
        raise UsageFault(f"--speaker {text}: {clip.strip()} cannot be read ({error.strerror}).") from None
