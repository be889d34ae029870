"""Whatever comes in whatever order: the session does not fail, and what it promises holds."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from server.live.vocabulary.actions import Close
from server.live.vocabulary.events import (
    AudioHeard,
    Finished,
    Flushed,
    Hypothesis,
    LiveEvent,
    SegmentCommitted,
    SoundHeard,
    SpeechStarted,
    SpeechStopped,
    WordsCommitted,
)
from server.live.vocabulary.flush import Asker, FlushId
from server.live.vocabulary.protocol import SessionEnd
from server.transcript.segments import Segment
from server.transcript.words import segment_words
from tests.server.protocols.deepgram.conversation import Conversation, Message, interval

TIMES = st.floats(0, 20).map(lambda time: round(time, 3))
NUMBERS = st.integers(0, 3)
SPEAKERS = st.sampled_from([None, 0, 1])
TEXTS = st.text(min_size=1, max_size=12).map(str.strip).filter(bool) | st.sampled_from(["[Music]", "Hello there."])
SEGMENTS = st.builds(
    lambda index, start, length, speaker, text: Segment(index, start, start + length, speaker, text),
    st.integers(0, 3),
    TIMES,
    st.floats(0, 5),
    SPEAKERS,
    TEXTS,
)
COMMITS = SEGMENTS.filter(lambda segment: bool(segment_words(segment))).map(
    lambda segment: WordsCommitted(segment.index, segment.speaker, tuple(segment_words(segment)), segment.text)
)
EVENTS: st.SearchStrategy[LiveEvent] = st.one_of(
    st.builds(AudioHeard, TIMES),
    st.builds(SpeechStarted, TIMES),
    st.builds(SpeechStopped, TIMES, st.builds(FlushId, st.just(Asker.TURNS), NUMBERS)),
    COMMITS,
    st.builds(SegmentCommitted, SEGMENTS),
    st.builds(SoundHeard, TIMES, TIMES, st.just("[Music]")),
    st.builds(Hypothesis, st.lists(SEGMENTS, max_size=2).map(tuple)),
    st.builds(Flushed, TIMES, st.builds(FlushId, st.sampled_from(Asker), NUMBERS)),
)
FRAMES = st.one_of(
    st.binary(min_size=1, max_size=8),
    st.text(max_size=8),
    st.sampled_from(['{"type":"KeepAlive"}', '{"type":"Finalize"}', '{"type":"Configure","keyterms":["a"]}']),
)
QUERIES = st.lists(
    st.sampled_from(
        [
            "interim_results=true",
            "diarize=true",
            "endpointing=false",
            "vad_events=true",
            "interim_results=true&utterance_end_ms=1000",
        ]
    ),
    unique=True,
).map("&".join)
LAST = st.sampled_from(['{"type":"CloseStream"}', b""])


@settings(max_examples=300, deadline=None, derandomize=True)
@given(QUERIES, st.lists(EVENTS | FRAMES, max_size=40), LAST, st.lists(EVENTS | FRAMES, max_size=5), TIMES)
def test_any_session(
    query: str,
    steps: list[LiveEvent | bytes | str],
    last: str | bytes,
    drain: list[LiveEvent | bytes | str],
    end: float,
) -> None:
    talk = Conversation(query)
    sent: list[Message] = []
    for step in (*steps, last, *drain, Finished(end)):
        sent += talk.send(step) if isinstance(step, bytes | str) else talk.hear(step)
    assert sent[-1]["type"] == "Metadata"
    assert talk.actions[-1] == Close(1000)
    assert talk.send(b"audio") == talk.hear(AudioHeard(99.0)) == []

    results = [message for message in sent if message["type"] == "Results"]
    finals = [message for message in results if message["is_final"]]
    edges = [(0.0, 0.0), *map(interval, finals)]
    assert all(before[1] == after[0] for before, after in pairwise(edges)), "final intervals join"
    assert all(message["duration"] >= 0 for message in results)
    assert edges[-1][1] >= round(end, 3), "they reach to the end of the audio"
    reached = 0.0
    for message in results:
        assert message["start"] == reached, "an interim result begins where the last final one ended"
        reached = interval(message)[1] if message["is_final"] else reached
    if "interim_results=true" not in query:
        assert results == finals
    interims = [(one, two) for one, two in pairwise(results) if not (one["is_final"] or two["is_final"])]
    assert all(one["channel"] != two["channel"] for one, two in interims), "nothing is said twice"
    if "endpointing=false" in query:
        assert not any(message["speech_final"] for message in results)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(EVENTS.filter(lambda event: not isinstance(event, Flushed | SpeechStopped)), max_size=20))
def test_every_finalize_is_answered_by_one_result(events: list[LiveEvent]) -> None:
    talk = Conversation("interim_results=true&utterance_end_ms=1000")
    for number, event in enumerate(events):
        talk.say("Finalize")
        sent = [*talk.hear(event), *talk.flushed(float(number))]
        answers = [message for message in sent if message.get("from_finalize")]
        assert len(answers) == 1
        assert answers[0]["is_final"]


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.lists(EVENTS | FRAMES, max_size=20), st.sampled_from(SessionEnd))
def test_the_server_may_end_it_at_any_time(steps: list[LiveEvent | bytes | str], why: SessionEnd) -> None:
    talk = Conversation("interim_results=true")
    for step in steps:
        _ = talk.send(step) if isinstance(step, bytes | str) else talk.hear(step)
    *said, close = talk.session.ended(why, "It is over.")
    assert len(said) == 1
    assert isinstance(close, Close)
    assert talk.hear(Finished(1.0)) == []
