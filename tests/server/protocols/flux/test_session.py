"""Turns as a client is told of them."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest

from server.audio_in.encodings import PcmEncoding
from server.live.vocabulary.actions import Close, Finish, Flush, Hear, SetContext, SetFormat, SetTurns
from server.live.vocabulary.events import AudioHeard, Finished, Hypothesis, SegmentCommitted, WordsCommitted
from server.live.vocabulary.flush import Asker, FlushId
from server.live.vocabulary.protocol import SessionEnd
from server.protocols.flux.end_of_turn import Thresholds
from server.transcript.words import segment_words
from tests.server.protocols.flux.conversation import REQUEST_ID, Conversation, events, quiet, segment, told
from tests.support.spoken_words import by_words

HELLO = segment(0, 0.5, 1.2, "Hello there.")
HELL = segment(0, 0.5, 0.9, "Hell")
AGAIN = segment(1, 3.0, 3.9, "How are you?")
EAGER = "eager_eot_threshold=0.3"

# ------------------------------------------------------------------------------------------------------------- opening


def test_a_session_opens_with_connected() -> None:
    talk = Conversation("encoding=mulaw&sample_rate=8000&keyterm=Bern&keyterm=Ms. Grün&eot_threshold=0.9")
    assert talk.sent == [{"type": "Connected", "request_id": REQUEST_ID, "sequence_id": 0}]
    assert talk.actions == [
        SetFormat(PcmEncoding.MULAW, 8_000),
        SetTurns(Thresholds(0.9).turns),
        SetContext("Bern\nMs. Grün"),
    ]


def test_a_container_needs_no_format() -> None:
    assert Conversation("model=flux-general-en").actions[0] == SetFormat(None)


# --------------------------------------------------------------------------------------------------------------- turns


def test_the_life_of_a_turn() -> None:
    talk = Conversation()
    talk.audio(0.4)
    talk.speech(0.3)
    talk.audio(1.0)
    start = talk.suppose(HELL)
    more = talk.suppose(HELLO)
    end = talk.stop(quiet(1.2, 0.56), HELLO)
    assert told([*start, *more, *end]) == [
        ("StartOfTurn", "Hell"),
        ("Update", "Hello there."),
        ("EndOfTurn", "Hello there."),
    ]
    (ended,) = end
    assert ended == {
        "type": "TurnInfo",
        "request_id": REQUEST_ID,
        "sequence_id": 5,
        "event": "EndOfTurn",
        "turn_index": 0,
        "audio_window_start": 0.0,
        "audio_window_end": 1.76,
        "transcript": "Hello there.",
        "words": [
            {"word": "Hello", "confidence": 0.9048, "start": 0.5, "end": 0.85},
            {"word": "there.", "confidence": 0.9048, "start": 0.85, "end": 1.2},
        ],
        "end_of_turn_confidence": pytest.approx(0.7119, abs=1e-4),
        "trigger": "model",
    }
    assert [message["sequence_id"] for message in talk.sent] == list(range(6))


def test_each_word_is_as_sure_as_its_own_tokens() -> None:
    talk = Conversation()
    talk.speech(0.3)
    said = replace(HELLO, probabilities=by_words(HELLO.text, *map(math.log, (0.9, 0.25))))
    (start,) = talk.suppose(said)
    (end,) = talk.stop(quiet(1.2, 0.56), said)
    for message in (start, end):
        assert [word["confidence"] for word in message["words"]] == [0.9, 0.25]


def test_the_next_turn_begins_where_the_last_one_ended() -> None:
    talk = Conversation()
    talk.audio(2.0)
    talk.speech(0.3)
    talk.suppose(HELLO)
    talk.stop(quiet(1.2, 0.56), HELLO)
    talk.audio(4.0)
    talk.speech(2.9)
    (start,) = talk.suppose(AGAIN)
    assert (start["event"], start["turn_index"], start["transcript"]) == ("StartOfTurn", 1, "How are you?")
    assert (start["audio_window_start"], start["audio_window_end"]) == (2.0, 4.0)
    assert [word["word"] for word in start["words"]] == ["How", "are", "you?"]


def test_a_turn_has_all_segments_of_its_time() -> None:
    """A long pause closes segments, and the turn goes on."""
    talk = Conversation("eot_threshold=1.0")
    talk.speech(0.3)
    talk.suppose(HELLO)
    talk.pause(quiet(1.2, 0.2))
    talk.settle(HELLO)
    talk.resume(2.9)
    whole = segment_words(AGAIN)
    talk.hear(WordsCommitted(1, 0, tuple(whole[:2]), "How are", lead=""))
    (more,) = talk.suppose(segment(1, 3.5, 3.9, "you?"))
    assert more["transcript"] == "Hello there. How are you?"
    (end,) = talk.stop(quiet(3.9, 5.0), AGAIN)
    assert (end["transcript"], end["trigger"]) == ("Hello there. How are you?", "timeout")
    assert [word["word"] for word in end["words"]] == ["Hello", "there.", "How", "are", "you?"]


def test_nothing_is_told_of_noise() -> None:
    talk = Conversation(EAGER)
    talk.speech(0.3)
    talk.suppose()
    talk.pause(quiet(0.5, 0.2))
    assert talk.stop(quiet(0.5, 0.6)) == []
    assert talk.say("ForceEndTurn") == []
    assert talk.flushed(2.0, talk.asked[0]) == []
    talk.speech(3.0)
    assert talk.suppose(HELLO)[0]["turn_index"] == 0


def test_a_short_word_that_is_found_in_the_end_has_a_whole_turn() -> None:
    talk = Conversation(EAGER)
    talk.speech(0.3)
    ended = talk.stop(quiet(1.2, 0.6), HELLO)
    assert told(ended) == [(event, "Hello there.") for event in ("StartOfTurn", "EagerEndOfTurn", "EndOfTurn")]
    assert {message["turn_index"] for message in ended} == {0}


def test_tags_are_no_words() -> None:
    talk = Conversation()
    talk.speech(0.3)
    assert talk.hear(SegmentCommitted(segment(0, 0.0, 1.0, "[Music]", None)), Hypothesis(())) == []


# ------------------------------------------------------------------------------------------------------------- updates


def test_updates_come_every_quarter_of_a_second_of_audio() -> None:
    talk = Conversation()
    told_at = [round(n * 0.05, 2) for n in range(1, 61) if talk.audio(n * 0.05)]
    assert told_at == [round(n * 0.25, 2) for n in range(1, 13)]
    assert set(events(talk.sent[1:])) == {"Update"}
    assert {message["end_of_turn_confidence"] for message in talk.sent[1:]} == {0.0}
    talk.speech(2.8)
    talk.suppose(HELLO)
    assert talk.audio(3.2) == []
    assert told(talk.audio(3.25)) == [("Update", "Hello there.")]


def test_updates_of_a_long_turn_come_less_often() -> None:
    talk = Conversation()
    talk.speech(0.0)
    talk.audio(60.0)
    talk.suppose(segment(0, 0.0, 60.0, "word " * 199 + "word"))
    assert talk.audio(60.25) == []
    (update,) = talk.audio(60.5)
    assert len(update["words"]) == 200


def test_confidence_grows_while_nobody_speaks_and_the_last_message_before_the_end_stays_below() -> None:
    talk = Conversation("eot_threshold=0.9")
    talk.speech(0.3)
    talk.suppose(HELLO)
    talk.pause(quiet(1.2, 0.2))
    confidences = [message["end_of_turn_confidence"] for n in range(5, 50) for message in talk.audio(1.0 + n * 0.05)]
    assert confidences == sorted(set(confidences))
    assert 0.3 < confidences[0] < confidences[-1] < 0.9
    (end,) = talk.stop(quiet(1.2, 1.06), HELLO)
    assert end["end_of_turn_confidence"] >= 0.9
    assert end["audio_window_end"] == max(message["audio_window_end"] for message in talk.sent[1:])


def test_confidence_grows_slower_within_a_sentence() -> None:
    finished, unfinished = Conversation(), Conversation()
    for talk, ends in ((finished, True), (unfinished, False)):
        talk.speech(0.3)
        talk.suppose(HELLO)
        talk.pause(quiet(1.2, 0.2, finished=ends))
    (sure,), (unsure,) = finished.audio(1.5), unfinished.audio(1.5)
    assert sure["end_of_turn_confidence"] > unsure["end_of_turn_confidence"] > 0


def test_somebody_who_goes_on_is_not_at_an_end() -> None:
    talk = Conversation()
    talk.speech(0.3)
    talk.suppose(HELLO)
    talk.pause(quiet(1.2, 0.2))
    assert talk.resume(1.5) == []
    (update,) = talk.audio(2.0)
    assert update["end_of_turn_confidence"] == 0


# --------------------------------------------------------------------------------------------------------------- eager


def test_an_end_is_announced_only_where_it_is_wanted() -> None:
    for query, told_events in (("", []), (EAGER, ["EagerEndOfTurn"]), ("eager_eot_threshold=0.6", [])):
        talk = Conversation(query)
        talk.speech(0.3)
        talk.suppose(HELLO)
        assert events(talk.pause(quiet(1.2, 0.2))) == told_events, query


def test_an_announced_end_that_comes() -> None:
    talk = Conversation(EAGER)
    talk.speech(0.3)
    talk.suppose(HELLO)
    announced = talk.pause(quiet(1.2, 0.2))
    assert announced[0]["end_of_turn_confidence"] >= 0.3
    assert told([*announced, *talk.stop(quiet(1.2, 0.56), HELLO)]) == [
        ("EagerEndOfTurn", "Hello there."),
        ("EndOfTurn", "Hello there."),
    ]


def test_an_announced_end_that_does_not_come() -> None:
    talk = Conversation(EAGER)
    talk.speech(0.3)
    talk.suppose(HELLO)
    talk.pause(quiet(1.2, 0.2))
    assert events(talk.pause(quiet(1.2, 0.3))) == [], "announced once"
    assert told(talk.resume(1.5)) == [("TurnResumed", "Hello there.")]
    assert talk.resume(1.5) == []
    talk.suppose(HELLO, segment(1, 1.5, 2.0, "And"))
    assert told(talk.pause(quiet(2.0, 0.2))) == [("EagerEndOfTurn", "Hello there. And")]


def test_an_end_never_has_other_words_than_were_announced_last() -> None:
    talk = Conversation(EAGER)
    talk.speech(0.3)
    talk.suppose(HELL)
    talk.pause(quiet(0.9, 0.2))
    assert told(talk.stop(quiet(0.9, 0.6), HELLO)) == [
        ("TurnResumed", "Hello there."),
        ("EagerEndOfTurn", "Hello there."),
        ("EndOfTurn", "Hello there."),
    ]


def test_without_announcements_words_that_change_in_the_end_are_the_ends() -> None:
    talk = Conversation()
    talk.speech(0.3)
    talk.suppose(HELL)
    assert told(talk.stop(quiet(0.9, 0.6), HELLO)) == [("EndOfTurn", "Hello there.")]


# ------------------------------------------------------------------------------------------------------- client's words


def test_a_client_ends_the_turn() -> None:
    talk = Conversation(EAGER)
    talk.speech(0.3)
    talk.suppose(HELLO)
    assert talk.say("ForceEndTurn") == []
    (flush,) = talk.asked
    talk.settle(HELLO)
    (end,) = talk.flushed(1.3, flush)
    assert (end["event"], end["transcript"], end["trigger"]) == ("EndOfTurn", "Hello there.", "manual")
    assert talk.flushed(1.4, FlushId(Asker.TURNS, 0)) == [], "the turn that the ears heard is told already"


def test_a_client_may_end_a_turn_of_which_nothing_was_told_yet() -> None:
    """Who lets a button go after a short word has said it."""
    talk = Conversation()
    talk.speech(0.3)
    talk.say("ForceEndTurn")
    ended = [*talk.settle(HELLO), *talk.flushed(1.3, talk.asked[0])]
    assert events(ended) == ["StartOfTurn", "EndOfTurn"]


def test_the_end_of_the_stream_ends_the_turn() -> None:
    talk = Conversation()
    talk.speech(0.3)
    talk.suppose(HELL)
    assert talk.say("CloseStream") == []
    assert talk.actions[-1] == Finish()
    assert talk.send(b"audio") == talk.say("ForceEndTurn") == talk.send("nonsense") == []
    talk.settle(HELLO)
    (end,) = talk.finished(2.0)
    assert (end["event"], end["transcript"], end["trigger"]) == ("EndOfTurn", "Hello there.", "close")
    assert talk.closed == 1000


def test_a_stream_without_words_ends_without_any() -> None:
    talk = Conversation()
    talk.say("CloseStream")
    assert talk.finished(0.0) == []
    assert talk.closed == 1000


def test_audio_is_heard_and_an_empty_frame_is_nothing() -> None:
    talk = Conversation()
    talk.send(b"")
    talk.send(b"ab")
    assert talk.actions[2:] == [Hear(b"ab")]


@pytest.mark.parametrize(
    "frame", ["", "nonsense", "[]", "{}", '{"type":null}', '{"type":["Configure"]}', '{"type":"Finalize"}']
)
def test_what_cannot_be_read_ends_the_session(frame: str) -> None:
    talk = Conversation()
    (error,) = talk.send(frame)
    assert (error["type"], error["code"]) == ("Error", "UNPARSABLE_CLIENT_MESSAGE")
    assert error["sequence_id"] == 1
    assert talk.closed == 1008
    assert talk.send(b"audio") == talk.audio(3.0) == []


def test_keeping_alive_is_harmless() -> None:
    talk = Conversation()
    assert talk.say("KeepAlive") == []
    assert talk.closed is None


# ----------------------------------------------------------------------------------------------------------- configure


def test_a_configuration_is_applied_and_told_whole() -> None:
    talk = Conversation("keyterm=Bern&language_hint=de")
    (answer,) = talk.say("Configure", thresholds={"eot_threshold": 0.8, "eager_eot_threshold": 0.4}, keyterms=["Ulm"])
    assert answer == {
        "type": "ConfigureSuccess",
        "request_id": REQUEST_ID,
        "sequence_id": 1,
        "thresholds": {"eot_threshold": 0.8, "eager_eot_threshold": 0.4, "eot_timeout_ms": 5000},
        "keyterms": ["Ulm"],
        "numerals": False,
        "language_hints": ["de"],
    }
    assert talk.actions[-2:] == [SetTurns(Thresholds(0.8, 0.4).turns), SetContext("Ulm")]
    talk.speech(0.3)
    talk.suppose(HELLO)
    assert events(talk.pause(quiet(1.2, 0.3))) == ["EagerEndOfTurn"]


def test_a_configuration_that_changes_nothing_disturbs_nothing() -> None:
    talk = Conversation("keyterm=Bern")
    before = list(talk.actions)
    (answer,) = talk.say("Configure", keyterms=["Bern"], thresholds={"eot_threshold": 0.7})
    assert answer["type"] == "ConfigureSuccess"
    assert "eager_eot_threshold" not in answer["thresholds"]
    assert talk.actions == before


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"thresholds": {"eot_threshold": 3}, "keyterms": ["Ulm"]}, "INVALID_CONFIGURATION"),
        ({"keyterms": ["x" * 20_000]}, "CONFIGURE_KEYTERM_LIMIT_EXCEEDED"),
    ],
)
def test_a_configuration_that_cannot_be_honoured_changes_nothing(fields: dict[str, Any], code: str) -> None:
    talk = Conversation("keyterm=Bern")
    before = list(talk.actions)
    (answer,) = talk.say("Configure", **fields)
    assert (answer["type"], answer["code"], answer["sequence_id"]) == ("ConfigureFailure", code, 1)
    assert answer["description"]
    assert talk.actions == before
    assert talk.say("Configure")[0]["keyterms"] == ["Bern"]


def test_numerals_may_be_switched_on_while_somebody_speaks() -> None:
    talk = Conversation("model=flux-general-en")
    talk.speech(0.3)
    assert talk.suppose(segment(0, 0.5, 1.0, "It is twenty"))[0]["transcript"] == "It is twenty"
    talk.say("Configure", numerals=True)
    (update,) = talk.suppose(segment(0, 0.5, 1.2, "It is twenty two."))
    assert update["transcript"] == "It is 22."
    assert [word["word"] for word in update["words"]] == ["It", "is", "22."]


def test_turns_tell_which_language_was_spoken_unless_english_is_expected() -> None:
    german = segment(0, 0.5, 2.0, "Ich weiß nicht, ob wir heute noch nach Hause kommen.")
    for query, languages in (("", ["de"]), ("model=flux-general-multi", ["de"]), ("model=flux-general-en", None)):
        talk = Conversation(query)
        talk.speech(0.3)
        assert talk.suppose(german)[0].get("languages") == languages
        assert "languages" not in talk.suppose(segment(0, 0.5, 1.0, "Ja."))[0]


def test_hints_are_told_with_every_turn() -> None:
    talk = Conversation("language_hint=de&language_hint=en")
    talk.speech(0.3)
    assert talk.suppose(HELLO)[0]["languages_hinted"] == ["de", "en"]
    talk.say("Configure", language_hints=[])
    assert "languages_hinted" not in talk.suppose(HELL)[0]


# ---------------------------------------------------------------------------------------------------------------- ends


@pytest.mark.parametrize("why", SessionEnd)
def test_the_server_says_why_it_ends_a_session(why: SessionEnd) -> None:
    talk = Conversation()
    (error,) = talk.ended(talk.session.ended(why, "It is over."))
    assert (error["type"], error["description"], error["sequence_id"]) == ("Error", "It is over.", 1)
    assert error["code"]
    assert isinstance(talk.actions[-1], Close)
    assert talk.hear(Finished(1.0)) == []


def test_the_last_words_before_that_are_a_turn() -> None:
    talk = Conversation()
    talk.speech(0.3)
    talk.suppose(HELL)
    talk.settle(HELLO)
    (end,) = talk.flushed(1.0, FlushId(Asker.SERVER, 0))
    assert (end["event"], end["transcript"], end["trigger"]) == ("EndOfTurn", "Hello there.", "close")


def test_a_word_that_was_found_outside_of_speech_is_a_turn_that_ends() -> None:
    """Nobody speaks, so no silence will end it."""
    talk = Conversation("eot_timeout_ms=1000")
    talk.audio(1.0)
    assert events(talk.suppose(HELLO)) == ["StartOfTurn"]
    talk.audio(1.9)
    assert talk.asked == []
    talk.audio(2.0)
    talk.audio(3.0)
    (flush,) = talk.asked
    talk.settle(HELLO)
    (end,) = talk.flushed(2.0, flush)
    assert (end["event"], end["trigger"], end["end_of_turn_confidence"]) == ("EndOfTurn", "timeout", 0)
    talk.audio(9.0)
    assert talk.asked == [flush]


def test_a_word_that_was_found_before_speech_belongs_to_the_turn() -> None:
    talk = Conversation("eot_timeout_ms=1000")
    talk.suppose(HELLO)
    talk.speech(0.5)
    talk.audio(9.0)
    assert not any(isinstance(action, Flush) for action in talk.actions)


def test_every_message_is_json_that_any_client_reads() -> None:
    talk = Conversation()
    talk.hear(AudioHeard(1.0))
    json.dumps(talk.sent, allow_nan=False)
