"""Answers as models write them, and what the parser makes of them."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from server.transcript.events import SegmentClosed, SpeechDelta, TranscriptEvent
from server.transcript.parser import TranscriptParser
from server.transcript.segments import Segment

DURATION = 100.0


def examples(count: int) -> settings:
    """Settings for a property: no clock decides whether it holds, however busy the machine."""
    return settings(max_examples=count, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@dataclass(frozen=True)
class Reading:
    """What came out of an answer: what a caller appends, what it gets whole and in which source, and the verdict."""

    shown: dict[int, str]
    segments: list[Segment]
    sources: list[str | None]
    complete: bool
    notes: list[str]

    @property
    def texts(self) -> list[str]:
        return [segment.text for segment in self.segments]


def read(answer: str, *, cuts: Iterable[int] = (), cut: bool = False, duration: float = DURATION) -> Reading:
    """Feed ``answer`` in pieces that end at ``cuts`` (places in the answer)."""
    parser = TranscriptParser(duration)
    events: list[TranscriptEvent] = []
    for piece in pieces(answer, cuts):
        events += parser.feed(piece)
    events += parser.finish(cut=cut)
    sources = [event.source for event in events if isinstance(event, SegmentClosed)]
    return Reading(shown(events), closed(events), sources, parser.complete, parser.notes)


def pieces(answer: str, cuts: Iterable[int]) -> list[str]:
    places = sorted({0, len(answer), *(place % (len(answer) + 1) for place in cuts)})
    return [answer[start:end] for start, end in itertools.pairwise(places)]


def shown(events: Iterable[TranscriptEvent]) -> dict[int, str]:
    """The deltas' texts by segment, after a check that none comes late or empty."""
    texts: dict[int, str] = {}
    over: set[int] = set()
    for event in events:
        if isinstance(event, SegmentClosed):
            over.add(event.segment.index)
        else:
            assert event.text
            assert event.segment not in over
            texts[event.segment] = texts.get(event.segment, "") + event.text
    return texts


def closed(events: Iterable[TranscriptEvent]) -> list[Segment]:
    return [event.segment for event in events if isinstance(event, SegmentClosed)]


def deltas(events: Iterable[TranscriptEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, SpeechDelta))


def token_id(tokenizer: Tokenizer, name: str) -> int:
    token = tokenizer.token_to_id(name)
    assert token is not None, name
    return token


def written(*segments: tuple[float, float, int | None, str]) -> str:
    """The answer in the model's own form for (start, end, speaker, content)."""
    return json.dumps([_object(*segment) for segment in segments], ensure_ascii=False, separators=(",", ":"))


def _object(start: float, end: float, speaker: int | None, content: str) -> dict[str, object]:
    who = {} if speaker is None else {"Speaker": speaker}
    return {"Start": start, "End": end, **who, "Content": content}


def assert_sane(segments: Sequence[Segment], duration: float = DURATION) -> None:
    assert [segment.index for segment in segments] == list(range(len(segments)))
    for segment in segments:
        assert 0 <= segment.start <= segment.end <= duration
        assert segment.text == segment.text.strip() != ""
        segment.text.encode()  # no half of a surrogate pair


TAGS = ["[Music]", "[Silence]", "[Unintelligible Speech]", "[Silence] [Noise]", "[", "[a] b", "[a [b]]", "]"]
contents = st.text(st.characters(codec="utf-8"), max_size=20) | st.sampled_from(
    [*TAGS, 'say "yes", "no"', "a\\b", "  two  words ", "日本語。", "😀"]
)
times = st.floats(0, DURATION).map(lambda seconds: round(seconds, 2))


numbers = times | st.integers(-5, 200) | times.map(str) | st.sampled_from(["00:03.25", "1:00:01", "soon", None])
speakers = st.integers(0, 3) | st.sampled_from(["0", "Speaker 1", None])
values = st.tuples(numbers, numbers, speakers, contents)
names = st.sampled_from(
    [
        ("Start", "End", "Speaker", "Content"),
        ("Start time", "End time", "Speaker ID", "Content"),
        ("start", "end", "speaker_id", "text"),
    ]
)
unknown = st.sampled_from([{}, {"Words": [{"w": 'a"]'}, "}"], "Language": "en"}])
orders = st.sampled_from([(0, 1, 2, 3), (3, 2, 1, 0), (2, 3, 0, 1), (0, 1, 3), (3, 0, 1), (1, 3), (3,), (0, 1, 2)])


@st.composite
def objects(draw: st.DrawFn) -> dict[str, object]:
    """One object with its keys in several orders and spellings, some missing, some unknown."""
    fields = list(zip(draw(names), draw(values), strict=True))
    return {**draw(unknown), **dict(fields[place] for place in draw(orders))}


layouts = st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", " : ")])
headers = st.sampled_from(["", "assistant\n", "\n ", "```json\n"])
bodies = st.lists(objects(), max_size=4)


@st.composite
def answers(draw: st.DrawFn) -> str:
    """A valid answer in any JSON layout."""
    return draw(headers) + json.dumps(draw(bodies), ensure_ascii=draw(st.booleans()), separators=draw(layouts))


cut_places = st.lists(st.integers(0, 10_000), max_size=10) | st.just(list(range(1000)))
"""Where to split an answer: a few places, or between all characters."""
