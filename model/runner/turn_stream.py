"""What the device side keeps of a stream in which audio and text stand by turns.

::

    [ prompt | <start> frames of a window <end> what is said in it, <turn end> | <start> frames <end> ... ]

Windows are encoded each by itself, with no history of the one before, and wait until the text in front of them is
written. What was answered stays where it is: a question that begins with it goes on behind it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import takewhile
from typing import ClassVar

import numpy as np
import torch

from model.encoder.streaming import EncoderState
from model.family.vibevoice_asr_streaming.geometry import WindowGeometry
from model.family.vibevoice_asr_streaming.prompt import TurnPrompt
from model.runner.stream import DeviceStream
from model.seam.audio import Samples
from model.seam.streams import Question, StreamCounts

_NONE = np.zeros(0, np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class WindowPart:
    """The next samples ([n], whole frames) of one window; ``last``: the window ends with them."""

    state: EncoderState
    samples: Samples
    last: bool


@dataclass(slots=True, kw_only=True)
class TurnStream(DeviceStream):
    """See DeviceStream. ``behind``: tokens of the answer, turn ends included; text of one window after the other.

    Attributes:
        geometry: of the windows.
        prompt: of the checkpoint.
        longest: tokens of a turn's text.
        context: of the last question, whose prompt stands in front.
        window: samples of a begun window that are not encoded.
        part: its frames that are.
        sound: by number, the frames of encoded windows that a question may yet need: a question that begins with a
            window's whole text lets go of them, once they are in the cache.
        windows: that are encoded.
        turn: tokens of the present turn's text.
    """

    by_turns: ClassVar[bool] = True

    geometry: WindowGeometry
    prompt: TurnPrompt
    longest: int
    context: str | None = None
    window: Samples = field(default_factory=lambda: _NONE)
    part: list[torch.Tensor] = field(default_factory=list)
    sound: dict[int, torch.Tensor] = field(default_factory=dict)
    windows: int = 0
    turn: int = 0
    done: int = 0
    """Turns whose text is written."""

    @property
    def counts(self) -> StreamCounts:
        """See DeviceStream; all frames of windows that are there are waiting."""
        frames = self.geometry.window_frames
        waiting = self.window.size // self.geometry.hop + self._whole_windows * frames
        later = max(0, self.windows - self.done - 1) if self.question is not None else 0
        return StreamCounts(
            waiting=waiting,
            encoded=self.encoded,
            queued=len(self.queue),
            cached=self.table.length,
            answered=self.answered,
            later=later * self._positions_of_window,
        )

    @property
    def _whole_windows(self) -> int:
        """Windows in the audio that waits."""
        return self.geometry.whole_windows(self.audio.frames * self.geometry.hop)

    @property
    def _positions_of_window(self) -> int:
        return self.geometry.window_frames + len(self.prompt.around)

    # ----------------------------------------------------------------------------------------------------- audio

    def append(self, samples: Samples) -> None:
        """More audio, behind the padding if there is any."""
        self.samples += self.padding + samples.size
        self.padding = 0
        self.audio.append(self.level.apply(samples))

    def pad(self) -> None:
        """Fill up the last window, of which a beginning is there; once, until more audio comes."""
        if not self.padding:
            self.padding = self.geometry.filling(self.samples)
            self.audio.append(np.zeros(self.padding, np.float32))

    def take(self, frames: int) -> Iterator[WindowPart]:
        """The next frames to be encoded, cut where windows end. Each window begins with no history."""
        hop = self.geometry.hop
        while frames:
            if not self.window.size:
                self.window = self.audio.take(self.geometry.window_frames)
                self.audio.put_back(self.window[self.geometry.stride :])
                self.encoder = EncoderState()
            count = min(frames, self.window.size // hop)
            samples, self.window = self.window[: count * hop], self.window[count * hop :]
            frames -= count
            yield WindowPart(self.encoder, samples, last=not self.window.size)

    def hear(self, part: WindowPart, embedded: torch.Tensor) -> None:
        """A part is encoded."""
        self.part.append(embedded)
        self.encoded += len(embedded)
        if part.last:
            self.sound[self.windows] = torch.cat(self.part) if len(self.part) > 1 else embedded
            self.part = []
            self.windows += 1

    # ------------------------------------------------------------------------------------------------------ text

    def begin_turns(self, question: Question) -> None:
        """Go on behind what the question begins with, with the text of the next window. Raises ValueError where audio
        would have to be heard again: under another context, or with other text behind it."""
        begun = list(question.begun)
        before = self.prompt.opening(question.context)
        if question.context != self.context:
            self.behind = []
        same = sum(1 for _ in takewhile(_alike, zip(self.behind, begun, strict=False)))
        kept = min(self.table.length, self._place(same, len(before)) if self.context == question.context else 0)
        self.context, self.before = question.context, len(before)
        self.behind = begun
        self.done = begun.count(self.prompt.turn_end)
        self.turn = next((n for n, token in enumerate(reversed(begun)) if token == self.prompt.turn_end), len(begun))
        if self.done > self.windows or (self.turn and self.done == self.windows):
            raise ValueError(f"an answer of {self.done} turns to {self.windows} windows")
        self.queue.keep(0)
        parts = list(self._layout(before, begun))
        total = sum(length for length, _ in parts)
        kept = min(kept, total - 1)
        self.table.crop(kept)
        cached = 0  # windows
        for length, part in parts:
            if kept < length:
                if part is None:
                    raise ValueError("a window that was answered is not heard again")
                self.queue.put(part[kept:])
            else:
                cached += not isinstance(part, list)
            kept = max(0, kept - length)
        for number in range(min(self.done, cached)):
            self.sound.pop(number, None)
        self.question, self.answered = question, len(begun)
        self.draft = self.hypothesis = None
        self.questions += 1

    def end_answer(self) -> None:
        """The question is taken back: what is written stays, and nothing is queued."""
        self.queue.keep(0)
        self.question = None
        self.questions += 1

    def accept(self, token: int, logprob: float) -> tuple[tuple[int, ...], tuple[float, ...]]:
        """Take what was chosen. Returns the answer tokens that it makes, with their log-probabilities.

        What ends a turn is the turn's end, and so is the longest turn. Behind the last window's the answer ends.
        """
        (stop,) = self.prompt.stop_ids
        end = self.prompt.turn_end
        if self.done == self.windows:
            return (stop,), (logprob,)
        tokens = [end] if token in self.prompt.endings else [token]
        if tokens != [end] and self.turn + 1 >= self.longest:
            tokens.append(end)
        self.behind += tokens
        self.answered += len(tokens)
        self.queue.put(list(tokens))
        self.turn += 1
        if tokens[-1] == end:
            self.turn, self.done = 0, self.done + 1
            if self.done == self.windows:
                tokens.append(stop)
            else:
                for part in self._window(self.done):
                    self.queue.put(part)
        return tuple(tokens), (logprob, *[0.0] * (len(tokens) - 1))

    def _window(self, number: int) -> tuple[list[int], torch.Tensor, list[int]]:
        start, end = self.prompt.around
        return [start], self.sound[number], [end]

    def _layout(self, before: list[int], begun: list[int]) -> Iterator[tuple[int, list[int] | torch.Tensor | None]]:
        """Length and inputs of all that stands in front of the next token; None for frames that are gone."""
        yield len(before), before
        start, end = self.prompt.around
        for number, text in enumerate(_turns(begun, self.prompt.turn_end)):
            if number == self.windows:
                break
            yield 1, [start]
            yield self.geometry.window_frames, self.sound.get(number)
            yield 1, [end]
            if text:
                yield len(text), text

    def _place(self, count: int, before: int) -> int:
        """Positions up to the end of so many tokens of the answer, and of the window that stands behind a turn."""
        windows = min(self.behind[:count].count(self.prompt.turn_end) + 1, self.windows)
        return before + windows * self._positions_of_window + count


def _turns(tokens: list[int], end: int) -> list[list[int]]:
    """Tokens turn by turn, their ends included; the last one is open."""
    turns: list[list[int]] = [[]]
    for token in tokens:
        turns[-1].append(token)
        if token == end:
            turns.append([])
    return turns


def _alike(pair: tuple[int, int]) -> bool:
    return pair[0] == pair[1]
