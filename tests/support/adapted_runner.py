"""A scripted runner that says with which adapter it hears."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace

from model.seam.runner import RunnerInfo
from model.seam.streams import Question
from tests.support.resuming_runner import ResumingRunner


def said_with(adapter: str | None) -> str:
    """What it hears in every recording."""
    return f"Heard with {adapter or 'nothing'}."


@dataclass
class AdaptedRunner(ResumingRunner):
    """Attributes:
    names: of its adapters.
    worn: by stream.
    """

    names: tuple[str, ...] = ("clinic", "court")
    worn: dict[int, str] = field(default_factory=dict)

    @property
    def info(self) -> RunnerInfo:
        return replace(super().info, adapters=self.names)

    def adapt(self, stream: int, adapter: str) -> None:
        super().adapt(stream, adapter)
        self.worn[stream] = adapter

    def answer_to(self, stream: int, question: Question) -> list[int]:
        content = said_with(self.worn.get(stream))
        self.usual = json.dumps([{"Start": 0, "End": 1, "Speaker": 0, "Content": content}], separators=(",", ":"))
        return super().answer_to(stream, question)

    def fork(self, stream: int, of: int) -> None:
        super().fork(stream, of)
        if (worn := self.worn.get(of)) is not None:
            self.worn[stream] = worn

    def release(self, stream: int) -> None:
        self.worn.pop(stream, None)
        super().release(stream)
