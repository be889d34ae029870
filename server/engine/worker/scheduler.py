"""Which streams run and what the next step does. Pure policy: integers in, plan out; no torch, no clock, no messages.

A stream runs from the moment that pages can be reserved for its audio and for the answer that ordinary talk gives: to
reserve what the densest speech may write would leave a third of the pages to nobody. An answer that outgrows them gets
one page after the other where there are any, and waits for those that others give back where there are none; nobody is
admitted meanwhile. Where all wait the file that came last is preempted: it gives its pages back, and begins again where
it was when there is room, behind those that wait already. So whoever came first always comes to his end, up to what the
context can hold, and there is no deadlock. A file that is alone and still finds no page, for live streams have them,
ends where it is. Live streams reserve their worst case and never wait.

Streams are admitted strictly in the order of their priority and arrival: a long one at the head is not overtaken for
ever by short ones behind it.

Live streams (see ``Priority``) go first in all of this: somebody is waiting for each of their words, and they ask for
little at a time. What goes first only when something becomes free would still wait for the end of an hour of audio, and
each token for a step full of others' prompts. So files leave room for as many live streams as there may be, and a step
in which live streams compute is a short one.

A stream that is kept for another question computes nothing, takes no row and has nothing reserved: it holds its pages
until those that run need them, and then goes, whoever was not asked for longest first. So nobody waits for it.

A stream that may have brought a step to grief has a company: it runs with those of the same company alone, before all
that have none, until it is told to rejoin them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from model.seam.runner import RunnerInfo
from model.seam.steps import EncodeWork, RowWork, StepPlan
from model.seam.streams import Priority
from server.engine.budget import context_limit, live_pages, pages_for
from server.engine.segments import segment_frames
from server.engine.settings import EngineSettings
from server.engine.worker.kept import KeptStreams
from server.engine.worker.stream import Phase, StreamState

_BESIDE_LIVE = 0.25
"""Of a full step, where live streams compute in it: they need many steps for each second, and wait for all of each."""


class Want(NamedTuple):
    """How many positions or frames a stream could move in the next step."""

    stream: int
    size: int
    priority: Priority


class Scheduler:
    """The waiting queue, the running streams and the plan of the next step.

    Attributes:
        share: of the step budgets in the settings that the next plans may use, above 0 and up to 1.
        company: the one that the last plan was made for.
        short: whose answers waited for a page when that was made.
        kept: streams that hold pages as long as nobody needs them.
    """

    def __init__(self, settings: EngineSettings, info: RunnerInfo) -> None:
        self._steps = settings.steps
        self._info = info
        seconds = settings.segment_seconds
        self._segment = settings.steps.encode_frames if seconds is None else segment_frames(info.geometry, seconds)
        self._largest_stream = context_limit(info)
        self._live_pages = live_pages(info, settings)
        self.share = 1.0
        self.company: int | None = None
        self.short: list[StreamState] = []
        self.kept = KeptStreams(info.page_size)
        self._crowded = False  # a stream was preempted, and none has ended since
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

    def keep(self, stream: StreamState) -> None:
        """The stream that runs has answered, and holds its pages for another question as long as nobody needs them."""
        self.remove(stream)
        stream.pages = 0
        self.kept.put(stream)

    def resume(self, stream: StreamState) -> None:
        """Queue a kept stream, which holds its pages until it runs, or they are needed. Raises ValueError as `add`."""
        self.add(stream)
        self.kept.put(stream)

    def evict(self) -> list[StreamState]:
        """Forget the kept streams whose pages are reserved by others now. Returns those."""
        evicted: list[StreamState] = []
        while self.kept and self.reserved_pages + self.kept.pages > self._info.pages:
            evicted.append(self.kept.first)
            self.remove(evicted[-1])
        return evicted

    def remove(self, stream: StreamState) -> None:
        """Forget a stream that ended, in whatever phase. Its pages can be reserved by others at once."""
        self._waiting.pop(stream.number, None)
        self.kept.remove(stream)
        if self._running.pop(stream.number, None) is not None:
            self._crowded = False

    def preempt(self) -> StreamState | None:
        """Take the pages of the file that came last; None where there is but one. It is to be opened again."""
        files = [stream for stream in _by_priority(self._running.values()) if not _is_live(stream)]
        if len(files) < 2:
            return None
        self.remove(files[-1])
        self._crowded = True
        return files[-1]

    def admit(self) -> list[StreamState]:
        """Let waiting streams run, first come first served, as far as rows and pages reach. Returns those.

        Live streams hardly ever all compute at once and come on top of ``max_rows``. Files do not take the pages that
        are kept for live streams, but for one that would not fit otherwise and is alone.
        """
        admitted = []
        short = self._grow(_by_priority(self._running.values()))
        for stream in _by_priority(self._waiting.values()):
            pages = self._pages_for(max(stream.expected_positions, stream.held_positions))
            if pages > self._room(stream) or not (_is_live(stream) or self._may_admit_file(short)):
                break
            stream.pages = pages
            self._running[stream.number] = self._waiting.pop(stream.number)
            self.kept.remove(stream)
            admitted.append(stream)
        return admitted

    def trim(self, stream: StreamState) -> None:
        """Give back what a stream has reserved for audio that did not come: its last question was put."""
        assert stream.answer is not None
        expected = stream.expected_answer(stream.answer.limit)
        stream.pages = min(stream.pages, self._pages_for(stream.answer.prompt + expected))

    def shrink(self, stream: StreamState) -> None:
        """Give back what a stream has beyond its reservation: its answer is over, and it listens on.

        It still has what is left of the question in the KV cache, for another one that goes on behind it.
        """
        stream.pages = min(stream.pages, self._pages_for(max(stream.expected_positions, stream.held_positions)))
        self._crowded = False

    def plan(self) -> StepPlan:
        """The next step: a row for every stream that decodes, prefill and encoding under their budgets.

        Rows are planned from inputs that are queued already; frames that this step encodes are next step's inputs. A
        stream whose next input is not known before the last step is read sits one out, and so does one that is
        ``short``.
        """
        streams = self._next_company()
        self.short = self._grow(streams)
        ready = [stream for stream in streams if stream.computable and stream not in self.short]
        decode = [RowWork(stream.number, 1) for stream in ready if stream.phase is Phase.DECODING]
        prefill = [Want(s.number, s.counts.queued, s.spec.priority) for s in ready if s.phase is not Phase.DECODING]
        encode = [
            Want(s.number, min(s.counts.waiting, s.spec.segment_frames or self._segment), s.spec.priority)
            for s in streams
            if s.counts.waiting and not s.answer
        ]
        frames = max(1, int(self.share * self._steps.encode_frames))
        positions = max(self._steps.max_rows, int(self.share * self._steps.prefill_positions))
        if any(map(_is_live, ready)):
            live = [want.size for want in encode if want.priority is Priority.LIVE]
            frames = _beside_live(frames, len(live) * max(live, default=0))
            positions = _beside_live(positions, sum(w.size for w in prefill if w.priority is Priority.LIVE))
        return StepPlan(
            encode=tuple(EncodeWork(*grant) for grant in _rectangle(encode, frames).items()),
            rows=(*decode, *(RowWork(*grant) for grant in _pack(prefill, positions).items())),
        )

    def _next_company(self) -> list[StreamState]:
        """Who may be in the next step: the first company that has work, or else all that have none."""
        self.company = next((s.company for s in self._running.values() if s.company is not None and s.at_work), None)
        return _by_priority(stream for stream in self._running.values() if stream.company == self.company)

    def _may_admit_file(self, short: list[StreamState]) -> bool:
        """There is a row, and nobody who is there already waits for pages (``short``) or has just given them up."""
        files = sum(not _is_live(stream) for stream in self._running.values())
        return files < self._steps.max_rows and not (files and (short or self._crowded))

    def _room(self, stream: StreamState) -> int:
        """Pages that this one may take: a file that is not alone leaves some to live streams."""
        free = self._info.pages - self.reserved_pages
        others = [other for other in self._running.values() if other is not stream]
        if _is_live(stream) or all(map(_is_live, others)):
            return free
        return free - max(0, self._live_pages - sum(other.pages for other in others if _is_live(other)))

    def _grow(self, streams: Iterable[StreamState]) -> list[StreamState]:
        """Give streams the pages that their next inputs and guesses need. Returns those for which there are none."""
        short = []
        for stream in streams:
            lacking = self._lacking(stream)
            if lacking > 0 and lacking > self._room(stream):
                short.append(stream)
            elif lacking > 0:
                stream.pages += lacking
        return short

    def _lacking(self, stream: StreamState) -> int:
        if stream.answer is None or not stream.computable:
            return 0
        return self._pages_for(stream.counts.cached + stream.counts.queued) - stream.pages

    def _pages_for(self, positions: int) -> int:
        return pages_for(self._info, positions)


def describe(plan: StepPlan) -> str:
    """One line for the debug log, streams as ``number:count``: ``encode 7:75 8:75 | rows 3:1 5:1 7:26``."""
    encode = " ".join(f"{work.stream}:{work.frames}" for work in plan.encode)
    rows = " ".join(f"{work.stream}:{work.positions}" for work in plan.rows)
    return f"encode {encode or '-'} | rows {rows or '-'}"


def _is_live(stream: StreamState) -> bool:
    return stream.spec.priority is Priority.LIVE


def _by_priority(streams: Iterable[StreamState]) -> list[StreamState]:
    """Those of each priority oldest first."""
    return sorted(streams, key=lambda stream: stream.spec.priority)


def _in_turn(wants: list[Want]) -> tuple[list[Want], list[Want]]:
    """Live streams; then files: the first in line, so that it advances in every step, and of each priority those that
    want least: soon done.
    """
    live = [want for want in wants if want.priority is Priority.LIVE]
    first, others = wants[len(live) : len(live) + 1], wants[len(live) + 1 :]
    return live, [*first, *sorted(others, key=lambda want: (want.priority, want.size))]


def _beside_live(budget: int, live: int) -> int:
    """What is left of a step's budget where live streams compute, which want ``live`` of it."""
    return min(budget, max(1, int(_BESIDE_LIVE * budget), 2 * live))


def _guaranteed(want: int, budget: int) -> int:
    """What the oldest stream gets in any case: a quarter leaves room for others beside an hour of audio."""
    return min(want, max(1, budget // 4))


def _pack(wants: list[Want], budget: int) -> dict[int, int]:
    """Share ``budget`` among streams whose shares cost their sum. What is left goes to the oldest file."""
    live, files = _in_turn(wants)
    oldest = files[0] if files else None
    grants = {oldest.stream: _guaranteed(oldest.size, budget)} if oldest else {}
    left = budget - sum(grants.values())
    for want in (*live, *files[1:]):
        if not left:
            break
        grants[want.stream] = min(want.size, left)
        left -= grants[want.stream]
    if oldest:
        grants[oldest.stream] = min(oldest.size, grants[oldest.stream] + left)
    return grants


def _rectangle(wants: list[Want], budget: int) -> dict[int, int]:
    """Share ``budget`` among streams that are padded to the longest share: rows times width is the cost.

    Rows are added as long as none that is there already would have to become narrower.
    """
    live, files = _in_turn(wants)
    rows: list[Want] = []
    widest = 0
    for want in (*live, *files):
        width = budget // (len(rows) + 1)
        if width < max(widest, 1):
            break
        widest = max(widest, min(want.size, width) if rows else _guaranteed(want.size, budget))
        rows.append(want)
    width = budget // max(1, len(rows))
    return {want.stream: min(want.size, width) for want in rows}
