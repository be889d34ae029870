"""Which streams run and what the next step does. Pure policy: integers in, plan out; no torch, no clock, no messages.

A stream runs from the moment that the pages of its worst case can be reserved until it ends, so nothing ever has to be
preempted, nothing can run out of pages half way, and there is no deadlock. Streams are admitted strictly in the order
of their arrival: a long one at the head is not overtaken for ever by short ones behind it.
"""

from __future__ import annotations

from collections.abc import Sequence

from model.steps import EncodeWork, RowWork, RunnerInfo, StepPlan
from server.engine.budget import context_limit
from server.engine.settings import EngineSettings
from server.engine.stream import Phase, StreamState


class Scheduler:
    """The waiting queue, the running streams and the plan of the next step."""

    def __init__(self, settings: EngineSettings, info: RunnerInfo) -> None:
        self._settings = settings
        self._page_size = info.page_size
        self._pages = info.pages
        self._draft_positions = info.draft_positions
        self._largest_stream = context_limit(info)
        self._waiting: dict[int, StreamState] = {}
        self._running: dict[int, StreamState] = {}

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    @property
    def running(self) -> Sequence[StreamState]:
        """Oldest first."""
        return list(self._running.values())

    @property
    def reserved_pages(self) -> int:
        return sum(stream.pages for stream in self._running.values())

    @property
    def largest_stream(self) -> int:
        """See ``context_limit``."""
        return self._largest_stream

    def add(self, stream: StreamState) -> None:
        """Queue a stream. Raises ValueError for one that could never run (see ``largest_stream``)."""
        if stream.worst_positions > self.largest_stream:
            raise ValueError(f"stream {stream.number} needs {stream.worst_positions} positions")
        self._waiting[stream.number] = stream

    def remove(self, stream: StreamState) -> None:
        """Forget a stream that ended, in whatever phase. Its pages can be reserved by others at once."""
        self._waiting.pop(stream.number, None)
        self._running.pop(stream.number, None)

    def admit(self) -> list[StreamState]:
        """Let waiting streams run, first come first served, as far as rows and pages reach. Returns those."""
        admitted = []
        free = self._pages - self.reserved_pages
        for stream in list(self._waiting.values()):
            pages = self._pages_for(stream.worst_positions)
            if pages > free or len(self._running) >= self._settings.max_rows:
                break
            free -= pages
            stream.pages = pages
            self._running[stream.number] = self._waiting.pop(stream.number)
            admitted.append(stream)
        return admitted

    def trim(self, stream: StreamState) -> None:
        """Give back what a stream that was asked has reserved for audio that did not come."""
        stream.pages = min(stream.pages, self._pages_for(stream.prompt_positions + stream.max_answer_tokens))

    def plan(self) -> StepPlan:
        """The next step: a row for every stream that decodes, prefill and encoding under their budgets.

        Rows are planned from inputs that are queued already; frames that this step encodes are next step's inputs.
        """
        streams = self._running.values()
        decode = [RowWork(stream.number, 1) for stream in streams if stream.phase is Phase.DECODING]
        prefill = {s.number: s.queued for s in streams if s.queued and s.phase is not Phase.DECODING}
        encode = {s.number: s.frames_waiting for s in streams if s.frames_waiting}
        return StepPlan(
            encode=tuple(EncodeWork(*grant) for grant in _rectangle(encode, self._settings.encode_frames).items()),
            rows=(*decode, *(RowWork(*grant) for grant in _pack(prefill, self._settings.prefill_positions).items())),
        )

    def _pages_for(self, positions: int) -> int:
        return -(-(positions + self._draft_positions) // self._page_size)


def describe(plan: StepPlan) -> str:
    """One line for the debug log, streams as ``number:count``: ``encode 7:75 8:75 | rows 3:1 5:1 7:26``."""
    encode = " ".join(f"{work.stream}:{work.frames}" for work in plan.encode)
    rows = " ".join(f"{work.stream}:{work.positions}" for work in plan.rows)
    return f"encode {encode or '-'} | rows {rows or '-'}"


def _in_turn(wants: dict[int, int]) -> list[tuple[int, int]]:
    """The oldest stream first, so that it advances in every step, then those that want least: they are done soonest."""
    oldest, *others = wants.items()
    return [oldest, *sorted(others, key=lambda item: item[1])]


def _guaranteed(want: int, budget: int) -> int:
    """What the oldest stream gets in any case: a quarter leaves room for others beside an hour of audio."""
    return min(want, max(1, budget // 4))


def _pack(wants: dict[int, int], budget: int) -> dict[int, int]:
    """Share ``budget`` among streams (oldest first) whose shares cost their sum. What is left goes to the oldest."""
    if not wants:
        return {}
    (oldest, want), *others = _in_turn(wants)
    grants = {oldest: _guaranteed(want, budget)}
    left = budget - grants[oldest]
    for stream, wanted in others:
        if not left:
            break
        grants[stream] = min(wanted, left)
        left -= grants[stream]
    grants[oldest] = min(want, grants[oldest] + left)
    return grants


def _rectangle(wants: dict[int, int], budget: int) -> dict[int, int]:
    """Share ``budget`` among streams (oldest first) that are padded to the longest share: rows times width is the cost.

    Rows are added as long as none that is there already would have to become narrower.
    """
    if not wants:
        return {}
    rows: list[tuple[int, int]] = []
    widest = 0
    for stream, wanted in _in_turn(wants):
        width = budget // (len(rows) + 1)
        if width < max(widest, 1):
            break
        widest = max(widest, min(wanted, width) if rows else _guaranteed(wanted, budget))
        rows.append((stream, wanted))
    width = budget // len(rows)
    return {stream: min(wanted, width) for stream, wanted in rows}
