"""From a live session's words to Deepgram's ``Results``: interim ones that may change, final ones that join up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from server.live.vocabulary.events import Channel, Hypothesis, WordsCommitted
from server.live.vocabulary.resumption import Said
from server.protocols.deepgram.alternatives import (
    Alternative,
    JsonObject,
    ModelIdentity,
    Passage,
    alternative,
    seconds,
    with_language,
)
from server.protocols.deepgram.open_text import OpenText
from server.protocols.deepgram.search import hits
from server.protocols.deepgram.wording import Wording
from server.transcript.segments import Segment


@dataclass(frozen=True, slots=True)
class ResultsState:
    """What another connection has to know of a channel's text. Times: seconds of the session.

    Attributes:
        final_until, utterance_end: see LiveResults.
        heard: how far audio was heard.
        words_end: of the latest final words, told or not; -1 while there are none.
        segment: index of the open one.
        committed: its words that will not change.
        held: a segment that is closed, and not told yet.
    """

    final_until: float
    utterance_end: float | None
    heard: float
    words_end: float
    segment: int
    committed: list[Passage]
    held: Said | None


class LiveResults:
    """The state of one channel's text. Methods return the messages to be sent.

    The intervals of the final results follow each other from 0 without gap or overlap; an interim one begins where the
    last final one ended.

    Args:
        interim: send interim results.
        speakers: words tell who said them.
        languages: alternatives tell which language they are in.
        wording: how words are told.
        search: terms of which is told where they were said.
        repeated: what the metadata says beside.

    Attributes:
        channel: whose text it is; all that come may be mixed to one.
        final_until: seconds, where the last final result ended.
        utterance_end: seconds, where the latest final words end; None until there are any, and again once it was told.
    """

    def __init__(
        self,
        model: ModelIdentity,
        *,
        request_id: str,
        interim: bool,
        speakers: bool,
        languages: bool = False,
        wording: Wording = Wording(),  # noqa: B008 - it does not change
        search: Sequence[str] = (),
        repeated: Mapping[str, object] = MappingProxyType({}),
    ) -> None:
        self.channel = Channel()
        self.final_until = 0.0
        self.utterance_end: float | None = None
        self._metadata = {"request_id": request_id, "model_info": model.info, "model_uuid": model.uuid, **repeated}
        self._interim = interim
        self._speakers = speakers
        self._languages = languages
        self._wording = wording
        self._search = search
        self._heard = 0.0
        self._words_end = -1.0  # of the latest final words, told or not; before all time while there are none
        self._open = OpenText()
        self._held: Segment | None = None
        self._shown = self._alternative([])
        self._changed = False  # the text, since it was last compared with what is shown

    @property
    def state(self) -> ResultsState:
        """All that is needed to go on elsewhere."""
        segment, committed = self._open.committed
        held = None if self._held is None else Said.of(self._held)
        return ResultsState(
            self.final_until, self.utterance_end, self._heard, self._words_end, segment, committed, held
        )

    def resume(self, state: ResultsState) -> None:
        """Go on with this text."""
        self.final_until, self.utterance_end = state.final_until, state.utterance_end
        self._heard, self._words_end = state.heard, state.words_end
        self._open.resume(state.segment, state.committed)
        self._held = None if state.held is None else state.held.segment

    @property
    def pending(self) -> bool:
        """There are words that are not final yet."""
        return bool(self._open or self._held)

    def listened(self, until: float) -> list[JsonObject]:
        """All audio up to ``until`` was heard. Comes for every piece of audio: costs next to nothing."""
        self._heard = max(self._heard, until)
        return self._show()

    def commit(self, event: WordsCommitted) -> list[JsonObject]:
        """They were part of the hypothesis; what is left of it comes next, so nothing is shown before."""
        results = self.release()
        self._open.commit(event)
        self._changed = True
        return results

    def suppose(self, event: Hypothesis) -> list[JsonObject]:
        """The hypothesis changed."""
        results = self.release() if event.segments else []
        self._open.suppose(event)
        self._changed = True
        return [*results, *self._show()]

    def close(self, segment: Segment) -> list[JsonObject]:
        """A segment is whole. Its result is held back: the next call tells whether it is the last of a turn."""
        results = self.release()
        self._open.close(segment)
        self._changed = True
        if segment.is_speech:
            self._held = segment
        return results

    def settle(self) -> None:
        """All that was said is in closed segments: nothing is open any more."""
        self._open.clear()
        self._changed = True

    def release(self) -> list[JsonObject]:
        """Let go of the final result that is held back, if any."""
        return [] if self._held is None else [self._final(self._held.end)]

    def finish(self, until: float, *, speech_final: bool = False, from_finalize: bool = False) -> JsonObject:
        """The final result up to ``until``: with what is held back, or without words."""
        return self._final(until, speech_final=speech_final, from_finalize=from_finalize)

    def _show(self) -> list[JsonObject]:
        """The interim result, if it says something new."""
        if not self._changed or not self._interim or self._held is not None:
            return []
        self._changed = False
        text = self._alternative(self._open.passages)
        if text == self._shown:
            return []
        self._shown = text
        return [self._results(text, max(self._heard, self.final_until), is_final=False)]

    def _final(self, until: float, *, speech_final: bool = False, from_finalize: bool = False) -> JsonObject:
        held, self._held = self._held, None
        until = max(until, self.final_until)
        if held is not None:
            until = max(until, held.end)
            if held.end > self._words_end:
                self._words_end = self.utterance_end = held.end
        self._shown, self._changed = self._alternative([]), True
        results = self._results(
            self._alternative([] if held is None else [Passage.of(held)]),
            until,
            is_final=True,
            speech_final=speech_final,
            from_finalize=from_finalize,
        )
        self.final_until = until
        return results

    def _alternative(self, passages: list[Passage]) -> Alternative:
        best = alternative(self._wording.passages(passages), speakers=self._speakers)
        return with_language(best) if self._languages else best

    def _results(
        self,
        text: Alternative,
        until: float,
        *,
        is_final: bool,
        speech_final: bool = False,
        from_finalize: bool = False,
    ) -> JsonObject:
        start = seconds(self.final_until)
        channel: JsonObject = {"alternatives": [text]}
        if self._search:
            channel["search"] = hits(self._search, text["words"], self._wording)
        return {
            "type": "Results",
            "channel_index": self.channel,
            "duration": seconds(seconds(until) - start),
            "start": start,
            "is_final": is_final,
            "speech_final": speech_final,
            "channel": channel,
            "metadata": self._metadata,
            "from_finalize": from_finalize,
        }
