"""Channels in one order: by time, the same however their events arrive, and none later than it must."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import accumulate, pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.recordings.merging import merged
from server.transcript.channels import ChannelAssembler
from server.transcript.events import SegmentClosed, SpeechDelta, TranscriptEvent
from server.transcript.labels import SpeakerLabels
from server.transcript.segments import UNINTELLIGIBLE, Segment, Transcript, Usage

DURATION = 20.0


class Channel:
    """What one channel tells, when the test says so."""

    def __init__(self) -> None:
        self._events: asyncio.Queue[TranscriptEvent | None] = asyncio.Queue()

    def tell(self, *events: TranscriptEvent) -> None:
        for event in events:
            self._events.put_nowait(event)

    def end(self) -> None:
        self._events.put_nowait(None)

    async def __aiter__(self) -> AsyncIterator[TranscriptEvent]:
        while (event := await self._events.get()) is not None:
            yield event


class Merge:
    """Two channels, and what has come of them."""

    def __init__(self) -> None:
        self.left, self.right = Channel(), Channel()
        self.out: list[tuple[int, TranscriptEvent]] = []
        self._task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for item in merged({0: aiter(self.left), 1: aiter(self.right)}):
            self.out.append(item)

    async def so_far(self) -> list[str]:
        """The texts of all deltas and closed segments, once nothing more comes by itself."""
        for _ in range(20):
            await asyncio.sleep(0)
        return [
            f"{number}:{event.text if isinstance(event, SpeechDelta) else event.segment.text + '|'}"
            for number, event in self.out
        ]

    async def end(self) -> None:
        self.left.end()
        self.right.end()
        await asyncio.wait_for(self._task, 60)


def turn(index: int, start: float, text: str, speaker: int | None = 0) -> Segment:
    return Segment(index, start, start + 1, speaker, text)


async def test_words_wait_only_until_nobody_can_have_spoken_before() -> None:
    merge = Merge()
    hello, there, yes = turn(0, 1.0, "Hello"), turn(1, 4.0, "there"), turn(0, 2.0, "Yes sir")
    merge.left.tell(SpeechDelta(0, "Hel", (1.0, 2.0)))
    assert await merge.so_far() == [], "the other channel may have spoken before"
    merge.right.tell(SpeechDelta(0, "Yes", (2.0, 3.0)))
    assert await merge.so_far() == ["0:Hel"], "it has not, but its words come later"
    merge.left.tell(SpeechDelta(0, "lo", (1.0, 2.0)))
    assert await merge.so_far() == ["0:Hel", "0:lo"], "words go out while the segment is open"
    merge.left.tell(SegmentClosed(hello))
    assert (await merge.so_far())[2:] == ["0:Hello|"], "the channel may go on before 2.0"
    merge.left.tell(SpeechDelta(1, " there", (4.0, 5.0)))
    assert (await merge.so_far())[3:] == ["1:Yes"], "it does not"
    merge.right.tell(SpeechDelta(0, " sir", (2.0, 3.0)), SegmentClosed(yes))
    assert (await merge.so_far())[4:] == ["1: sir", "1:Yes sir|"]
    merge.right.end()
    assert (await merge.so_far())[6:] == ["0: there"], "nobody else is left"
    merge.left.tell(SegmentClosed(there))
    await merge.end()
    assert (await merge.so_far())[7:] == ["0:there|"]


async def test_words_without_times_wait_for_their_segment() -> None:
    merge = Merge()
    merge.right.end()
    merge.left.tell(SpeechDelta(0, "Hel"), SpeechDelta(0, "lo"))
    assert await merge.so_far() == []
    merge.left.tell(SegmentClosed(turn(0, 1.0, "Hello")))
    assert await merge.so_far() == ["0:Hel", "0:lo", "0:Hello|"]
    await merge.end()


async def test_at_the_same_time_the_first_channel_comes_first() -> None:
    merge = Merge()
    merge.right.tell(SegmentClosed(turn(0, 1.0, "right")))
    merge.left.tell(SegmentClosed(turn(0, 1.0, "left")), SegmentClosed(turn(1, 1.0, "left")))
    await merge.end()
    assert [number for number, _ in merge.out] == [0, 0, 1]


async def test_a_channel_that_fails_fails_all() -> None:
    class FailureError(Exception):
        pass

    async def broken() -> AsyncIterator[TranscriptEvent]:
        yield SegmentClosed(turn(0, 1.0, "Hello"))
        raise FailureError

    left = Channel()
    left.tell(SegmentClosed(turn(0, 2.0, "late")))
    left.end()
    with pytest.raises(FailureError):
        [item async for item in merged({0: aiter(left), 1: broken()})]


# --------------------------------------------------------------------------------------------------------- anything


@dataclass(frozen=True)
class Turn:
    """A segment to come, where its text is cut into deltas, and whether these tell no times."""

    segment: Segment
    cuts: list[int]
    late: bool


@st.composite
def turns(draw: st.DrawFn) -> list[Turn]:
    """Those of one channel, not always in the order of time."""
    made = []
    for index in range(draw(st.integers(0, 5))):
        start = float(draw(st.integers(0, 8)))
        text = draw(st.sampled_from(["Hello there, all.", "Yes", "a b", "[Silence]", UNINTELLIGIBLE, "你好"]))
        speaker = None if text == "[Silence]" else draw(st.sampled_from([0, 1, 2, None]))
        segment = Segment(index, start, start + 1, speaker, text, -0.5)
        made.append(Turn(segment, draw(st.lists(st.integers(0, 20), max_size=3)), draw(st.booleans())))
    return made


def told(channel: list[Turn]) -> list[TranscriptEvent]:
    """As the channel's own assembler tells them."""
    events: list[TranscriptEvent] = []
    spoken = False
    for turn_ in channel:
        segment = turn_.segment
        if segment.is_speech:
            text = " " * spoken + segment.text
            spoken = True
            places = sorted({0, len(text), *(1 + cut % len(text) for cut in turn_.cuts)})
            times = None if turn_.late else (segment.start, segment.end)
            events += [SpeechDelta(segment.index, text[first:last], times) for first, last in pairwise(places)]
        events.append(SegmentClosed(segment))
    return events


async def arriving(events: list[TranscriptEvent], patience: Random) -> AsyncIterator[TranscriptEvent]:
    for event in events:
        for _ in range(patience.randrange(4)):
            await asyncio.sleep(0)
        yield event


async def assembled(channels: list[list[Turn]], seed: int) -> tuple[list[TranscriptEvent], Transcript]:
    """All of it, with events that come at random."""
    patience = Random(seed)
    assembler = ChannelAssembler(DURATION, len(channels))
    streams = {number: arriving(told(channel), patience) for number, channel in enumerate(channels)}
    events = [assembler.add(number, event, {}) async for number, event in merged(streams)]
    return events, assembler.finish({0: Transcript((), DURATION, usage=Usage(1, 2, 3))})


@settings(max_examples=200, deadline=None)
@given(st.lists(turns(), min_size=1, max_size=4), st.integers(0, 99))
async def test_any_channels_at_any_time(channels: list[list[Turn]], seed: int) -> None:
    events, transcript = await assembled(channels, seed)
    assert (events, transcript) == await assembled(channels, seed + 1), "when events come changes nothing"
    closed = [event.segment for event in events if isinstance(event, SegmentClosed)]
    assert closed == list(transcript.segments)
    assert [segment.index for segment in closed] == list(range(len(closed)))
    assert "".join(event.text for event in events if isinstance(event, SpeechDelta)) == transcript.text

    keyed = []
    for number, channel in enumerate(channels):
        begins = accumulate((turn_.segment.start for turn_ in channel), max)
        keyed += [(begin, number, turn_.segment) for begin, turn_ in zip(begins, channel, strict=True)]
    expected = [(number, segment.text, segment.start) for _, number, segment in sorted(keyed, key=lambda key: key[:2])]
    assert [(segment.channel, segment.text, segment.start) for segment in closed] == expected

    open_segment: int | None = None
    for event in events:
        if isinstance(event, SpeechDelta):
            assert open_segment in (None, event.segment), "segments do not interleave"
            open_segment = event.segment
        else:
            assert open_segment in (None, event.segment.index)
            open_segment = None

    # Numbers tell people apart, over all channels, and say who spoke first on each.
    people: dict[tuple[int, int | None], int] = {}
    for (_, number, own), segment in zip(sorted(keyed, key=lambda key: key[:2]), closed, strict=True):
        if not own.is_speech:
            assert segment.speaker is None
            continue
        assert segment.speaker is not None
        assert people.setdefault((number, own.speaker), segment.speaker) == segment.speaker
    assert len(set(people.values())) == len(people)
    for number, channel in enumerate(channels):
        first = next((turn_.segment for turn_ in channel if turn_.segment.is_speech), None)
        assert first is None or people[number, first.speaker] == number


def test_somebody_known_is_the_same_on_all_channels() -> None:
    assembler = ChannelAssembler(DURATION, 2, ["Ada", "Bo"])
    names: list[dict[int, str]] = [{0: "Ada", 1: "Bo"}, {1: "Ada"}]
    turns_ = [(0, 1), (0, 0), (1, 1), (1, 0), (0, 7)]
    for index, (channel, speaker) in enumerate(turns_):
        assembler.add(channel, SegmentClosed(turn(index, index, "Hello", speaker)), names[channel])
    transcript = assembler.finish({})
    labels = SpeakerLabels(transcript.speaker_names, transcript.channels)
    assert [labels.letter(segment.speaker) for segment in transcript.segments] == ["Bo", "Ada", "Ada", "B", "A"]
    assert [labels.caption(segment.speaker) for segment in transcript.segments][-2:] == ["Speaker 2", "Speaker 1"]


def test_what_channels_have_cost_and_want_to_say_is_said_of_all() -> None:
    assembler = ChannelAssembler(DURATION, 2)
    parts = {
        0: Transcript((), DURATION, usage=Usage(10, 5, 3)),
        1: Transcript((), DURATION, complete=False, usage=Usage(10, 5, 90), notes=("It was cut.",)),
    }
    transcript = assembler.finish(parts, ["The file is damaged."])
    assert (transcript.usage, transcript.complete, transcript.channels) == (Usage(20, 10, 93), False, 2)
    assert transcript.notes == ("The file is damaged.", "Channel 1: It was cut.")
