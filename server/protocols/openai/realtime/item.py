"""One conversation item: the words that belong to it, what another connection has to know of it, and how it is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from server.live.vocabulary.flush import Asker, FlushId
from server.protocols.openai.realtime.open_segments import Begun
from server.transcript.logprobs import TokenLogprob


@dataclass(frozen=True, slots=True)
class ItemState:
    """An item that is not completed, or the last one that is. Times: seconds of the session."""

    id: str
    start: float
    previous_id: str | None
    end: float
    text: str
    segments: list[int]
    flushes: list[tuple[Asker, int]]


@dataclass(frozen=True, slots=True)
class ItemsState:
    """What another connection has to know of the items of a session. Times: seconds of the session.

    Attributes:
        reserved: the item that has a name and is not committed.
        awaited: those that are committed and not completed, in their order.
        last: the newest of all, where it is completed.
        uncommitted_from: where the audio begins that no item has.
        cleared_until: up to where the client wanted audio forgotten.
        speakers: in the order in which they got their letters.
        begun: the segment of which words were told.
    """

    reserved: ItemState | None
    awaited: list[ItemState]
    last: ItemState | None
    uncommitted_from: float
    cleared_until: float
    speakers: list[int | None]
    begun: Begun | None = None


@dataclass(slots=True)
class Item:
    """``start`` and ``end``: of its audio, in seconds of the session's.

    ``segments``: those whose words it has. ``flushes``: those to be answered until it has all of them.
    """

    id: str
    start: float
    previous_id: str | None = None
    end: float = 0.0
    texts: list[str] = field(default_factory=list)
    logprobs: list[TokenLogprob] = field(default_factory=list)
    segments: set[int] = field(default_factory=set)
    flushes: set[FlushId] = field(default_factory=set)
    completed: bool = False

    @property
    def transcript(self) -> str:
        return "".join(self.texts)

    @property
    def state(self) -> ItemState:
        """What another connection has to know of it."""
        flushes = sorted((flush.asker, flush.number) for flush in self.flushes)
        return ItemState(
            self.id, self.start, self.previous_id, self.end, self.transcript, sorted(self.segments), flushes
        )

    @classmethod
    def of(cls, state: ItemState) -> Item:
        return cls(
            state.id,
            state.start,
            state.previous_id,
            state.end,
            [state.text] if state.text else [],
            segments=set(state.segments),
            flushes={FlushId(asker, number) for asker, number in state.flushes},
        )


def item_fields(item: Item, transcript: str) -> dict[str, Any]:
    """A conversation item. A transcript that is not there yet is empty: the schema has no null."""
    return {
        "id": item.id,
        "object": "realtime.item",
        "type": "message",
        "role": "user",
        "status": "completed" if item.completed else "in_progress",
        "content": [{"type": "input_audio", "transcript": transcript}],
    }
