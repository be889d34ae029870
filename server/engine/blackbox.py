"""What a worker leaves behind whatever becomes of it: its signs of life, and the streams it had in its hands.

A process that is killed says nothing, and one that hangs sends nothing. So the worker writes both where its client can
read them at any time: into memory that the two share. Each number is one aligned store of eight bytes.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Iterable
from multiprocessing import reduction
from typing import Any, Self

_BEATS, _TURNS, _LONGEST, _CALL, _STEPS = range(5)
_MOST = 1024
"""Streams of a step that are noted; more never run at once."""
_SLOTS = 3
"""A step that is launched, the one that is not read, and the one whose frames may still be encoded."""
_WORDS = _STEPS + _SLOTS * (1 + _MOST)
_MICROSECONDS = 1_000_000


class BlackBox:
    """Made by the client, handed to the worker when that is spawned. One thread of the worker writes each number."""

    def __init__(self, handle: int = -1) -> None:
        """``handle``: an open file to share it by; without one it is this process's alone."""
        self._handle = handle
        self._memory = mmap.mmap(handle, 8 * _WORDS)
        self._words = memoryview(self._memory).cast("q")
        self._slots = [_STEPS + number * (1 + _MOST) for number in range(_SLOTS)]  # the oldest step's first

    @classmethod
    def to_share(cls) -> Self:
        """One that can be handed to a process that is spawned. ``shared`` has to follow."""
        return cls(_memory())

    def __reduce__(self) -> tuple[Any, ...]:
        """Only while a process is spawned."""
        return _received, (reduction.DupFd(self._handle),)

    def shared(self) -> None:
        """The worker has it: nobody else is going to get it."""
        os.close(self._handle)

    def close(self) -> None:
        """Give the memory back."""
        self._words.release()
        self._memory.close()

    # ----------------------------------------------------------------------------------------- the worker writes

    def beat(self) -> None:
        """The process lives."""
        self._words[_BEATS] += 1

    def begin_turn(self) -> None:
        """The loop has something to do."""
        self._words[_TURNS] |= 1

    def end_turn(self, seconds: float) -> None:
        """It is done, after so many seconds. The longest one is remembered, and slowly forgotten."""
        self._words[_LONGEST] = max(round(seconds * _MICROSECONDS), self._words[_LONGEST] * 999 // 1000)
        self._words[_TURNS] += 1

    def begin_call(self, stream: int) -> None:
        """Something is done for one stream, beside the steps."""
        self._words[_CALL] = stream

    def end_call(self) -> None:
        """It is done."""
        self._words[_CALL] = 0

    def begin_step(self, streams: Iterable[int]) -> None:
        """A step is about to be launched. The step three before it is forgotten."""
        slot = self._slots.pop(0)
        self._slots.append(slot)
        numbers = tuple(streams)[:_MOST]
        self._words[slot] = 0
        for place, number in enumerate(numbers, slot + 1):
            self._words[place] = number
        self._words[slot] = len(numbers)

    def keep_steps(self, count: int) -> None:
        """All but so many of the last steps are over and done with."""
        for slot in self._slots[: _SLOTS - count]:
            self._words[slot] = 0

    # ------------------------------------------------------------------------------------------ the client reads

    @property
    def beats(self) -> int:
        """How often the worker said that it lives."""
        return self._words[_BEATS]

    @property
    def turn(self) -> int | None:
        """The number of the loop's present turn, None while it rests."""
        turns = self._words[_TURNS]
        return turns if turns % 2 else None

    @property
    def longest_turn(self) -> float:
        """Seconds of the longest of the last turns."""
        return self._words[_LONGEST] / _MICROSECONDS

    @property
    def in_hand(self) -> frozenset[int]:
        """The streams that the worker is, or was at its end, at work on."""
        numbers = {self._words[_CALL]}
        for slot in self._slots:
            numbers.update(self._words[slot + 1 : slot + 1 + self._words[slot]])
        return frozenset(numbers - {0})


def _received(handle: Any) -> BlackBox:
    """In the worker."""
    box = BlackBox(handle.detach())
    box.shared()
    return box


def _memory() -> int:
    """A file without a name, in memory where that can be had."""
    if hasattr(os, "memfd_create"):
        handle = os.memfd_create("worker-blackbox")
    else:
        with tempfile.TemporaryFile() as file:
            handle = os.dup(file.fileno())
    os.ftruncate(handle, 8 * _WORDS)
    return handle
