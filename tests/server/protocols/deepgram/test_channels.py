"""Several channels in one session: each has its own words and turns, and every message says of which it is."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.audio_in.encodings import PcmEncoding
from server.live.vocabulary.actions import Close, Finish, Flush, SetFormat
from server.live.vocabulary.events import Channel, Finished, SpeechStopped
from server.live.vocabulary.flush import Asker, FlushId
from tests.server.protocols.deepgram.conversation import Conversation, Message, flags, interval, segment, text

CALL = "multichannel=true&encoding=linear16&sample_rate=8000&channels=2"
LEFT, RIGHT = Channel(0, 2), Channel(1, 2)
HELLO = segment(0, 0.2, 1.2, "Hello there.")
TURN = FlushId(Asker.TURNS, 0)
YES = segment(0, 0.5, 1.0, "Yes?")


def test_the_format_says_that_channels_are_split() -> None:
    assert Conversation(CALL).actions[0] == SetFormat(PcmEncoding.LINEAR16, 8_000, 2, split=True)
    assert Conversation("multichannel=true").actions[0] == SetFormat(None, split=True)


def test_words_and_turns_of_two_people_at_once() -> None:
    talk = Conversation(f"{CALL}&vad_events=true&interim_results=true&diarize=true&utterance_end_ms=1000")
    assert talk.on(LEFT).speech(0.2) == [{"type": "SpeechStarted", "channel": [0, 2], "timestamp": 0.2}]
    assert talk.on(RIGHT).speech(0.5) == [{"type": "SpeechStarted", "channel": [1, 2], "timestamp": 0.5}]
    (interim,) = talk.on(LEFT).suppose(HELLO)
    assert (interim["channel_index"], text(interim)) == ([0, 2], "Hello there.")
    (interim,) = talk.on(RIGHT).suppose(YES)
    assert (interim["channel_index"], text(interim)) == ([1, 2], "Yes?")

    talk.on(RIGHT).silence(1.5)
    talk.on(RIGHT).close(YES)
    (final,) = talk.on(RIGHT).flushed(1.5)
    assert (final["channel_index"], text(final), interval(final)) == ([1, 2], "Yes?", (0.0, 1.5))
    assert flags(final) == (True, True, False)
    assert talk.on(RIGHT).audio(2.4) == [{"type": "UtteranceEnd", "channel": [1, 2], "last_word_end": 1.0}]
    assert [text(message) for message in talk.on(LEFT).audio(2.4)] == [], "he still speaks, and nothing is new"

    (final,) = talk.on(LEFT).close(HELLO)
    assert (final["channel_index"], interval(final)) == ([0, 2], (0.0, 1.2))
    assert flags(final) == (True, False, False)


def test_finalize_and_the_end_are_answered_for_every_channel() -> None:
    talk = Conversation(CALL)
    assert talk.say("Finalize") == []
    flush = FlushId(Asker.PROTOCOL, 0)
    assert Flush(flush) in talk.actions
    assert talk.on(LEFT).close(HELLO) == [], "it waits for the answer"
    (right,) = talk.on(RIGHT).flushed(1.5, flush)
    (left,) = talk.on(LEFT).flushed(1.5, flush)
    assert (right["channel_index"], text(right), flags(right)) == ([1, 2], "", (True, False, True))
    assert (left["channel_index"], text(left), flags(left)) == ([0, 2], "Hello there.", (True, False, True))

    talk.say("CloseStream")
    assert talk.actions[-1] == Finish()
    (left,) = talk.on(LEFT).finished(2.0)
    assert (left["channel_index"], interval(left)) == ([0, 2], (1.5, 2.0))
    assert talk.closed is None, "the other one is still to come"
    right, summary = talk.on(RIGHT).finished(2.0)
    assert right["channel_index"] == [1, 2]
    assert (summary["type"], summary["channels"], summary["duration"]) == ("Metadata", 2, 2.0)
    assert talk.closed == 1000


def test_a_container_tells_with_its_audio_how_many_channels_it_has() -> None:
    talk = Conversation("multichannel=true")
    talk.say("Finalize")
    (first,) = talk.flushed(0.0)
    assert first["channel_index"] == [0, 1]
    (right,) = talk.on(RIGHT).close(YES)
    (left,) = talk.on(LEFT).close(HELLO)
    assert (right["channel_index"], left["channel_index"]) == ([1, 2], [0, 2])
    talk.say("CloseStream")
    talk.on(RIGHT).finished(1.2)
    assert talk.on(LEFT).finished(1.2)[-1]["channels"] == 2


@pytest.mark.parametrize(
    ("query", "most"),
    [
        ("", 1),
        ("channels=2&encoding=linear16&sample_rate=8000", 1),
        (CALL, 2),
        ("multichannel=true&encoding=linear16&sample_rate=8000", 1),
        ("multichannel=true", 2),
        ("multichannel=true&channels=1", 1),
        ("multichannel=true&channels=6", 6),
        ("multichannel=false&channels=6", 1),
    ],
)
def test_how_many_channels_a_session_may_have(query: str, most: int) -> None:
    assert Conversation(query).query.most_channels == most


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from("hspcaf"), st.floats(0, 9)), max_size=25))
def test_a_channel_says_what_it_says_alone(steps: list[tuple[int, str, float]]) -> None:
    """Whatever happens on the others, at any time between."""
    query = "interim_results=true&vad_events=true&utterance_end_ms=1000&diarize=true"
    raw = "&encoding=linear16&sample_rate=8000&channels=3&multichannel=true"
    talk, alone = Conversation(query + raw), [Conversation(query) for _ in range(3)]
    together: list[list[Message]] = [[], [], []]
    for number, step, at in steps:
        channel = Channel(number, 3)
        happened = [_happens(one, step, at) for one in (talk.on(channel), alone[number].on(Channel(0, 1)))]
        together[number] += happened[0]
        assert [_unnumbered(message) for message in happened[0]] == [_unnumbered(message) for message in happened[1]]
    for number, messages in enumerate(together):
        assert all(message.get("channel_index", message["channel"]) == [number, 3] for message in messages)
    assert talk.send(b"") == []
    ends = [message for number in range(3) for message in talk.hear(Finished(9.0, channel=Channel(number, 3)))]
    assert [message["type"] for message in ends].count("Metadata") == 1
    assert ends[-1]["type"] == "Metadata"
    assert isinstance(talk.actions[-1], Close)


def _happens(talk: Conversation, step: str, at: float) -> list[Message]:
    match step:
        case "h":
            return talk.suppose(segment(0, at, at + 1, "Hello"))
        case "s":
            return talk.speech(at)
        case "p":
            return talk.happens(SpeechStopped(at, TURN))
        case "c":
            return talk.close(segment(0, at, at + 1, "Hello."))
        case "a":
            return talk.audio(at)
        case _:
            return talk.flushed(at, TURN)


def _unnumbered(message: Message) -> Message:
    hidden = {"channel_index", "metadata"} | ({"channel"} if message["type"] != "Results" else set())
    return {name: value for name, value in message.items() if name not in hidden}
