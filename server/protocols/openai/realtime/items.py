"""Which words belong to which conversation item, and the server events that tell it.

An item is reserved when speech starts or when the first words come, committed when the turn stops or the client says
so, and completed when every flush that it waits for was answered. Audio is transcribed in order, so the words that come
belong to the oldest item that waits, and only without one to the reserved item.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from server.live.vocabulary.actions import Send
from server.live.vocabulary.events import Hypothesis, SegmentCommitted, SoundHeard, WordsCommitted
from server.live.vocabulary.flush import Asker, FlushId
from server.protocols.openai.realtime.errors import EventError
from server.protocols.openai.realtime.item import Item, ItemsState, item_fields
from server.protocols.openai.realtime.open_segments import OpenSegments
from server.transcript.formats import parts
from server.transcript.labels import SpeakerLabels
from server.transcript.logprobs import TokenLogprob, led

_TRANSCRIPTION = "conversation.item.input_audio_transcription"
_REMEMBERED = 1_000
"""Items that can be asked for: the last ones of a session, which may go on for hours."""


class Items:
    """The items of one session. Methods return the events to send; times are seconds of the session's audio.

    Args:
        make_id: ``make_id("item")`` is a new name that begins with ``item_``.

    Attributes:
        logprobs: words are told with the log-probabilities of their tokens.
        hypotheses: words are told before they are certain, too.
        uncommitted_from: where the audio begins that belongs to no committed item.
    """

    def __init__(self, make_id: Callable[[str], str]) -> None:
        self.logprobs = False
        self.hypotheses = False
        self.uncommitted_from = 0.0
        self._make_id = make_id
        self._reserved: Item | None = None
        self._awaited: deque[Item] = deque()
        self._history: dict[str, Item] = {}  # the committed ones, as far as they are remembered, in order
        self._cleared_until = 0.0
        self._labels = SpeakerLabels({})
        self._open = OpenSegments()

    @property
    def state(self) -> ItemsState:
        """All that is needed to go on elsewhere: what is completed is not known there, but for the last one."""
        last = next(reversed(self._history.values()), None)
        return ItemsState(
            None if self._reserved is None else self._reserved.state,
            [item.state for item in self._awaited],
            last.state if last is not None and last.completed else None,
            self.uncommitted_from,
            self._cleared_until,
            self._labels.known,
            self._open.begun,
        )

    def resume(self, state: ItemsState) -> None:
        """Go on with these."""
        self._reserved = None if state.reserved is None else Item.of(state.reserved)
        self._awaited = deque(map(Item.of, state.awaited))
        self._history = {item.id: item for item in self._awaited}
        if state.last is not None:
            last = Item.of(state.last)
            last.completed = True
            self._history = {last.id: last}
        self.uncommitted_from, self._cleared_until = state.uncommitted_from, state.cleared_until
        self._open.begun = state.begun
        self._labels = SpeakerLabels({})
        for speaker in state.speakers:
            self._labels.letter(speaker)

    def speech_started(self, at: float) -> list[Send]:
        """A turn began; its item is reserved unless words came before."""
        item = self._reserve(at)
        return [self._event("input_audio_buffer.speech_started", item_id=item.id, audio_start_ms=_milliseconds(at))]

    def speech_stopped(self, at: float, flush: FlushId) -> list[Send]:
        """The turn is over and its item committed: a new one where the client committed or cleared the turn's first.

        A turn that stopped just before the client committed is told after that. Its audio is in the client's item
        then, which waits for the turn's flush and for its own.
        """
        crossed = next((item for item in self._awaited if at <= item.end), None) if self._reserved is None else None
        item = crossed or self._reserve(self.uncommitted_from)
        stopped = self._event("input_audio_buffer.speech_stopped", item_id=item.id, audio_end_ms=_milliseconds(at))
        if crossed:
            crossed.flushes.add(flush)
            return [stopped]
        return [stopped, *self.commit(at, flush)]

    def commit(self, at: float, flush: FlushId) -> list[Send]:
        """All audio until ``at`` is an item, which is completed when ``flush`` is answered."""
        item = self._reserve(self.uncommitted_from)
        item.previous_id, item.end = next(reversed(self._history), None), at
        item.flushes.add(flush)
        self._reserved = None
        self.uncommitted_from = max(self.uncommitted_from, at)
        self._awaited.append(item)
        self._history[item.id] = item
        if len(self._history) > _REMEMBERED:
            del self._history[next(iter(self._history))]
        return [
            self._event("input_audio_buffer.committed", item_id=item.id, previous_item_id=item.previous_id),
            self._item_event("added", item),
        ]

    def timed_out(self, since: float, at: float, flush: FlushId) -> list[Send]:
        """Nobody spoke from ``since`` to ``at``: this silence is an item, in which the model may yet find words.

        Nothing is told where the client committed that audio meanwhile.
        """
        if at <= self.uncommitted_from:
            return []
        item = self._reserve(self.uncommitted_from)
        since = max(since, self.uncommitted_from)
        span = {"audio_start_ms": _milliseconds(since), "audio_end_ms": _milliseconds(at)}
        return [
            self._event("input_audio_buffer.timeout_triggered", item_id=item.id, **span),
            *self.commit(at, flush),
        ]

    def clear(self, at: float) -> None:
        """Forget the reserved item, and words of audio before ``at`` that are on their way already."""
        self._reserved = None
        self._open.clear()
        self.uncommitted_from = self._cleared_until = at

    def words(self, event: WordsCommitted) -> list[Send]:
        """The next words of an item. Words outside of every turn wait for no one: the next item begins with them."""
        if not self._awaited and event.words[-1].end <= self._cleared_until:
            return []
        item = self._awaited[0] if self._awaited else self._reserve(self.uncommitted_from)
        lead = event.lead if event.segment in item.segments else " "
        delta = lead + event.text if item.texts else event.text
        item.texts.append(delta)
        item.segments.add(event.segment)
        self._open.commit(event)
        tokens = led(delta.removesuffix(event.text), event.logprobs)
        item.logprobs += tokens
        return [self._transcription_event("delta", item, delta=delta, **self._logprobs(tokens))]

    def segment(self, event: SegmentCommitted) -> list[Send]:
        """A segment of the item that has its words; nothing where that item was cleared."""
        item = self._awaited[0] if self._awaited else self._reserved
        segment = event.segment
        self._open.close(segment)
        if item is None or segment.index not in item.segments:
            return []
        fields = parts.diarized_segment(segment, self._labels)
        del fields["type"]
        return [self._transcription_event("segment", item, **fields)]

    def sound(self, event: SoundHeard) -> list[Send]:
        """A segment that nobody spoke, of the item whose words come now; its text is no part of the transcript."""
        if not self._awaited and event.end <= self._cleared_until:
            return []
        item = self._awaited[0] if self._awaited else self._reserve(self.uncommitted_from)
        start, end = parts.seconds(event.start), parts.seconds(event.end)
        told = {"id": self._make_id("sound"), "start": start, "end": end, "text": event.text, "speaker": ""}
        return [self._transcription_event("segment", item, **told)]

    def suppose(self, event: Hypothesis) -> list[Send]:
        """The segments that are not closed, where somebody wants to see them and they have changed."""
        rows = self._open.changed(event, self._labels, since=self._cleared_until) if self.hypotheses else None
        return [] if rows is None else [self._event(f"{_TRANSCRIPTION}.hypothesis", segments=rows)]

    def flushed(self, until: float, flush: FlushId) -> list[Send]:
        """A flush was answered: items that wait for no other are complete, in the order in which they were committed.

        When the server asked for it, to end the session, the reserved item is committed with all there is.
        """
        last = self.commit(until, flush) if flush.asker is Asker.SERVER and self._reserved else []
        for item in self._awaited:
            item.flushes.discard(flush)
        completed: list[Send] = []
        while self._awaited and not self._awaited[0].flushes:
            completed += self._completed(self._awaited.popleft())
        return [*last, *completed]

    def _completed(self, item: Item) -> list[Send]:
        item.completed = True
        usage = {"type": "duration", "seconds": parts.seconds(max(item.end - item.start, 0.0))}
        text, told = item.transcript, self._logprobs(item.logprobs)
        item.logprobs = []
        told |= parts.languages(text)
        return [
            self._transcription_event("completed", item, transcript=text, **told, usage=usage),
            self._item_event("done", item),
        ]

    def failed(self, error: Mapping[str, Any]) -> list[Send]:
        """No item that the client knows of will be completed."""
        items = [*self._awaited, *([self._reserved] if self._reserved else [])]
        return [self._transcription_event("failed", item, error=error) for item in items]

    def _reserve(self, start: float) -> Item:
        """The reserved item, a new one if there is none."""
        if self._reserved is None:
            self._reserved = Item(self._make_id("item"), start)
        return self._reserved

    def retrieve(self, item_id: str) -> list[Send]:
        """The item with its transcript so far. Raises EventError for one that is not known, as all of these do."""
        item = self._known(item_id, "retrieve")
        return [self._event("conversation.item.retrieved", item=item_fields(item, item.transcript))]

    def delete(self, item_id: str) -> list[Send]:
        """The item is not known any more; words on their way are told all the same."""
        del self._history[self._known(item_id, "delete").id]
        return [self._event("conversation.item.deleted", item_id=item_id)]

    def truncate(self, item_id: str) -> list[Send]:
        """Only answers can be cut short, and there are none: raises EventError in any case."""
        self._known(item_id, "truncate")
        raise EventError("Only audio that a model has answered with can be truncated.", param="item_id")

    def _known(self, item_id: str, verb: str) -> Item:
        try:
            return self._history[item_id]
        except KeyError:
            raise EventError(
                f"There is no item of this id; the last {_REMEMBERED} that were committed are known.",
                code=f"item_{verb}_invalid_item_id",
                param="item_id",
            ) from None

    def _logprobs(self, tokens: Sequence[TokenLogprob]) -> dict[str, Any]:
        """The field, where it is wanted."""
        return {"logprobs": parts.logprobs(tokens)} if self.logprobs else {}

    def _item_event(self, kind: str, item: Item) -> Send:
        fields = item_fields(item, item.transcript if item.completed else "")
        return self._event(f"conversation.item.{kind}", previous_item_id=item.previous_id, item=fields)

    def _transcription_event(self, kind: str, item: Item, **fields: Any) -> Send:
        return self._event(f"{_TRANSCRIPTION}.{kind}", item_id=item.id, content_index=0, **fields)

    def _event(self, kind: str, **fields: Any) -> Send:
        return Send({"type": kind, "event_id": self._make_id("event"), **fields})


def _milliseconds(seconds: float) -> int:
    return max(round(seconds * 1000), 0)
