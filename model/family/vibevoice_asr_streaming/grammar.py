"""Answers of VibeVoice-ASR-Streaming: text, and in it who goes on speaking. No times, no tags. No torch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from model.family.vibevoice_asr_streaming.protocol import SPEAKER


class OpenText:
    """See ``model.family.Outline``: nothing of it can be told before it is said."""

    in_content = True

    def follow(self, text: str) -> None:
        """See Outline."""

    def foreseen(self, *, unread: bool = False) -> str:
        """See Outline."""
        return ""


@dataclass(frozen=True, slots=True)
class SpokenGrammar:
    """See ``model.family.Grammar``."""

    @property
    def header(self) -> str:
        return ""

    @property
    def lead(self) -> str:
        return SPEAKER.partition("{")[0]

    def segment(self, start: float, end: float, speaker: int | None, text: str) -> str:
        """See Grammar: when it is said is not written."""
        return f" {text}" if speaker is None else f"{SPEAKER.format(number=speaker)} {text}"

    def begun(self, start: float) -> str:
        """See Grammar."""
        return self.lead

    def opening(self, segments: Iterable[str]) -> str:
        """See Grammar."""
        return "".join(segments)

    def outline(self) -> OpenText:
        """See Grammar."""
        return OpenText()
