"""A scripted runner that writes by turns: the text of one window of audio after the other, in Qwen2.5's tokens.

The context is the script, JSON: for each window its text, and where it is stuck what it then says without end. The rest
of the windows are silent.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from model.family import VIBEVOICE_ASR_STREAMING
from model.family.family import Turns
from model.family.vibevoice_asr_streaming.geometry import WindowGeometry
from model.family.vibevoice_asr_streaming.protocol import LONGEST_TURN
from model.seam.runner import RunnerInfo
from model.seam.streams import Question
from tests.support.speaking_runner import SpeakingRunner

TURN_END = 151_665
WINDOWS = WindowGeometry(24_000, 3_200, chunk=22, lookahead=4)
FAMILY = replace(VIBEVOICE_ASR_STREAMING, geometry=WINDOWS, turns=Turns(TURN_END, LONGEST_TURN))

Script = list[list[str]]
"""Of each window its text, and, with a second one, the unit that it is stuck in."""


@dataclass
class TurningRunner(SpeakingRunner):
    """``checkpoint``: a folder with Qwen2.5's tokenizer."""

    checkpoint: Path = Path()
    usual: str = "[]"

    @property
    def info(self) -> RunnerInfo:
        return replace(super().info, family=FAMILY)

    def answer_to(self, stream: int, question: Question) -> list[int]:
        script: Script = json.loads(question.context or self.usual)
        windows = WINDOWS.windows(self.streams[stream].samples)
        return [*question.begun, *self._rest(script, windows, question.begun)]

    def _rest(self, script: Script, windows: int, begun: tuple[int, ...]) -> Iterator[int]:
        """What follows; where a turn was ended for it, the next one does."""
        done = begun.count(TURN_END)
        place = next((n for n, token in enumerate(reversed(begun)) if token == TURN_END), len(begun))
        for window in range(done, windows):
            said = self._turn(script[window] if window < len(script) else [""])
            yield from said[place:]
            place = 0

    def _turn(self, entry: list[str]) -> list[int]:
        text, *unit = entry
        tokens = self.encoded(text + LONGEST_TURN * unit[0]) if unit else self.encoded(text)
        return [*tokens[:LONGEST_TURN], TURN_END]
