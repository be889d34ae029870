"""Whatever comes in whatever order: the session does not fail, and what clients rely on holds."""

from __future__ import annotations

from itertools import groupby, pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.live.vocabulary.actions import Close
from server.live.vocabulary.events import (
    AudioHeard,
    Finished,
    Flushed,
    Hypothesis,
    IdleTimedOut,
    LiveEvent,
    SegmentCommitted,
    Silence,
    SoundHeard,
    SpeechPaused,
    SpeechResumed,
    SpeechStarted,
    SpeechStopped,
    WordsCommitted,
)
from server.live.vocabulary.flush import Asker, FlushId
from server.live.vocabulary.protocol import SessionEnd
from server.protocols.flux.state import TURNS, Turn, TurnEvent
from server.transcript.segments import Segment
from server.transcript.words import segment_words
from tests.server.protocols.flux.conversation import Conversation, Message

TIMES = st.floats(0, 20).map(lambda time: round(time, 3))
NUMBERS = st.integers(0, 3)
TEXTS = st.text(min_size=1, max_size=12).map(str.strip).filter(bool) | st.sampled_from(["[Music]", "Hello there."])
SEGMENTS = st.builds(
    lambda index, start, length, speaker, text: Segment(index, start, start + length, speaker, text),
    NUMBERS,
    TIMES,
    st.floats(0, 5),
    st.sampled_from([None, 0, 1]),
    TEXTS,
)
COMMITS = SEGMENTS.filter(lambda segment: bool(segment_words(segment))).map(
    lambda segment: WordsCommitted(segment.index, segment.speaker, tuple(segment_words(segment)), segment.text)
)
SILENCES = st.builds(Silence, TIMES, st.floats(0.2, 9), st.booleans())
TURN_FLUSHES = st.builds(FlushId, st.just(Asker.TURNS), NUMBERS)
EVENTS: st.SearchStrategy[LiveEvent] = st.one_of(
    st.builds(AudioHeard, TIMES),
    st.builds(SpeechStarted, TIMES),
    st.builds(SpeechPaused, SILENCES),
    st.builds(SpeechResumed, TIMES),
    st.builds(SpeechStopped, TIMES, TURN_FLUSHES, SILENCES),
    st.builds(IdleTimedOut, TIMES, TIMES, TURN_FLUSHES),
    COMMITS,
    st.builds(SegmentCommitted, SEGMENTS),
    st.builds(SoundHeard, TIMES, TIMES, st.just("[Music]")),
    st.builds(Hypothesis, st.lists(SEGMENTS, max_size=2).map(tuple)),
    st.builds(Flushed, TIMES, st.builds(FlushId, st.sampled_from(Asker), NUMBERS)),
)
FRAMES = st.one_of(
    st.binary(max_size=8),
    st.sampled_from(
        [
            '{"type":"KeepAlive"}',
            '{"type":"ForceEndTurn"}',
            '{"type":"Configure","keyterms":["a"]}',
            '{"type":"Configure","thresholds":{"eager_eot_threshold":0.3,"eot_timeout_ms":500}}',
            '{"type":"Configure","thresholds":{"eager_eot_threshold":null}}',
            '{"type":"Configure","thresholds":{"eot_threshold":2}}',
        ]
    ),
)
QUERIES = st.lists(
    st.sampled_from(["eager_eot_threshold=0.3", "eot_threshold=0.9", "eot_timeout_ms=500", "language_hint=de"]),
    unique=True,
).map("&".join)


def check_turns(infos: list[Message]) -> None:
    """What a client may rely on."""
    turn, index, announced = Turn.NONE, 0, ""
    for info in infos:
        assert info["turn_index"] == index
        assert 0 <= info["end_of_turn_confidence"] < 1
        said = "".join(word["word"] for word in info["words"])  # a mark that stands alone is part of the word before it
        assert "".join(said.split()) == "".join(info["transcript"].split())
        assert info["audio_window_start"] <= info["audio_window_end"]
        assert ("trigger" in info) == (info["event"] == "EndOfTurn")
        if info["event"] == "Update":
            if turn is Turn.NONE:
                assert not info["transcript"], "words only within a turn"
            if turn is Turn.ENDING:
                assert info["transcript"] == announced, "an announced end stands, or it is taken back"
            continue
        event = TurnEvent(info["event"])
        turn = TURNS[turn][event]
        if event in (TurnEvent.START_OF_TURN, TurnEvent.EAGER_END_OF_TURN):
            assert info["transcript"]
        if event is TurnEvent.EAGER_END_OF_TURN:
            announced = info["transcript"]
        index += event is TurnEvent.END_OF_TURN
    for before, after in pairwise(infos):
        assert before["audio_window_end"] <= after["audio_window_end"]
        ended = before["event"] == "EndOfTurn"
        assert after["audio_window_start"] == before["audio_window_end" if ended else "audio_window_start"]
    for _, messages in groupby(infos, key=lambda info: info["turn_index"]):
        *_, eager, end = [None, None, *messages]
        assert end is not None
        if eager is not None and eager["event"] == "EagerEndOfTurn" and end["event"] == "EndOfTurn":
            assert eager["transcript"] == end["transcript"]


@settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(QUERIES, st.lists(EVENTS | FRAMES, max_size=40), st.lists(EVENTS | FRAMES, max_size=5), TIMES)
def test_any_session(
    query: str, steps: list[LiveEvent | bytes | str], drain: list[LiveEvent | bytes | str], end: float
) -> None:
    talk = Conversation(query)
    for step in (*steps, '{"type":"CloseStream"}', *drain, Finished(end)):
        _ = talk.send(step) if isinstance(step, bytes | str) else talk.hear(step)
    assert talk.actions[-1] == Close(1000)
    assert talk.send(b"audio") == talk.hear(AudioHeard(99.0)) == []
    assert [message["sequence_id"] for message in talk.sent] == list(range(len(talk.sent)))
    infos = [message for message in talk.sent if message["type"] == "TurnInfo"]
    check_turns(infos)
    assert not infos or infos[-1]["event"] == "EndOfTurn" or not infos[-1]["transcript"]


@settings(max_examples=50, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(QUERIES, st.lists(EVENTS | FRAMES, max_size=20), st.sampled_from(SessionEnd))
def test_the_server_may_end_it_at_any_time(query: str, steps: list[LiveEvent | bytes | str], why: SessionEnd) -> None:
    talk = Conversation(query)
    for step in steps:
        _ = talk.send(step) if isinstance(step, bytes | str) else talk.hear(step)
    (error,) = talk.ended(talk.session.ended(why, "It is over."))
    assert error["type"] == "Error"
    assert isinstance(talk.actions[-1], Close)
    assert talk.hear(Finished(1.0)) == []
