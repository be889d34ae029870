"""Live sessions as conversations: what a client of Deepgram's sees while people speak."""

from __future__ import annotations

import hashlib
import math

import pytest

from server.audio_in.encodings import PcmEncoding
from server.live.vocabulary.actions import Close, Finish, Flush, Hear, SetContext, SetFormat, SetTurns
from server.live.vocabulary.events import Hypothesis
from server.live.vocabulary.flush import Asker, FlushId
from server.live.vocabulary.protocol import SessionEnd
from server.live.vocabulary.turn_detection import TurnDetection
from tests.server.protocols.deepgram.conversation import (
    CREATED,
    REQUEST_ID,
    Conversation,
    best,
    flags,
    interval,
    segment,
    text,
)

HELLO = segment(0, 0.2, 1.2, "Hello there, Ada.")
SECOND = segment(1, 1.4, 2.4, "And hello to you!", speaker=1, logprob=math.log(0.5))


def test_the_query_sets_up_the_session() -> None:
    raw = Conversation("encoding=mulaw&sample_rate=8000&channels=2&keyterm=Bern&endpointing=500")
    assert raw.actions == [
        SetFormat(PcmEncoding.MULAW, 8_000, 2),
        SetTurns(TurnDetection(silence=0.5)),
        SetContext("Bern"),
    ]
    container = Conversation("endpointing=false&sample_rate=48000")
    assert container.actions == [SetFormat(None), SetTurns(None)]


def test_a_turn_from_its_first_words_to_its_end() -> None:
    talk = Conversation("interim_results=true&vad_events=true&diarize=true")
    assert talk.audio(0.3) == []
    assert talk.speech(0.2) == [{"type": "SpeechStarted", "channel": [0, 1], "timestamp": 0.2}]
    talk.audio(0.9)

    (first,) = talk.suppose(segment(0, 0.2, 0.8, "Hello the"))
    assert (text(first), interval(first), flags(first)) == ("Hello the", (0.0, 0.9), (False, False, False))
    assert talk.audio(1.0) == [], "nothing new is said"
    assert talk.commit(HELLO, 0, 1) == [], "the rest of the hypothesis follows at once"
    (second,) = talk.suppose(segment(0, 0.6, 1.0, "there"))
    assert text(second) == "Hello there"
    assert [word["punctuated_word"] for word in best(second)["words"]] == ["Hello", "there"]

    talk.audio(1.6)
    assert talk.silence(1.5) == []
    talk.commit(HELLO, 1, 3)
    assert talk.close(HELLO) == [], "whether it is the turn's last is not known yet"
    (final,) = talk.flushed(1.5)
    assert (text(final), interval(final), flags(final)) == ("Hello there, Ada.", (0.0, 1.5), (True, True, False))
    assert final["channel_index"] == [0, 1]
    assert final["metadata"]["request_id"] == REQUEST_ID
    assert final["metadata"]["model_info"]["name"] == "vibevoice-asr"
    assert best(final)["words"][2] == {
        "word": "ada",
        "punctuated_word": "Ada.",
        "start": 0.969,
        "end": 1.2,
        "confidence": 1.0,
        "speaker": 0,
    }


def test_several_segments_in_a_turn_and_only_the_last_ends_it() -> None:
    talk = Conversation("diarize=true")
    talk.silence(2.4)
    assert talk.close(HELLO) == []
    (first,) = talk.close(SECOND)
    (last,) = talk.flushed(2.4)
    assert (text(first), interval(first), flags(first)) == ("Hello there, Ada.", (0.0, 1.2), (True, False, False))
    assert (text(last), interval(last), flags(last)) == ("And hello to you!", (1.2, 2.4), (True, True, False))
    assert {word["speaker"] for word in best(last)["words"]} == {1}
    assert best(last)["confidence"] == 0.5


def test_a_turn_whose_words_were_all_sent_ends_without_words() -> None:
    talk = Conversation()
    (sent,) = talk.close(HELLO)
    assert flags(sent) == (True, False, False)
    talk.silence(1.6)
    (end,) = talk.flushed(1.6)
    assert (text(end), best(end)["words"], best(end)["confidence"]) == ("", [], 0.0)
    assert (interval(end), flags(end)) == ((1.2, 1.6), (True, True, False))


def test_without_interim_results_there_are_none_and_without_diarize_no_speakers() -> None:
    talk = Conversation()
    talk.audio(1.0)
    assert talk.suppose(HELLO) == []
    talk.commit(HELLO, 0, 3)
    (final,) = talk.close(HELLO)
    assert all("speaker" not in word for word in best(final)["words"])


def test_a_hypothesis_that_is_taken_back() -> None:
    talk = Conversation("interim_results=true")
    talk.suppose(HELLO)
    (gone,) = talk.suppose()
    assert (text(gone), gone["is_final"]) == ("", False)
    assert talk.suppose() == []


def test_tags_are_not_words() -> None:
    talk = Conversation("interim_results=true")
    assert talk.close(segment(0, 0.0, 4.0, "[Music]", speaker=None)) == []
    (final,) = talk.close(segment(1, 4.0, 5.0, "Welcome."))
    assert interval(final) == (0.0, 5.0)


def test_segments_that_overlap_keep_their_times_and_the_intervals_join() -> None:
    talk = Conversation()
    (first,) = talk.close(segment(0, 0.0, 3.0, "I was saying"))
    (second,) = talk.close(segment(1, 2.0, 2.5, "Yes.", speaker=1))
    assert (interval(first), interval(second)) == ((0.0, 3.0), (3.0, 3.0))
    assert best(second)["words"][0]["start"] == 2.0


def test_finalize_is_always_answered() -> None:
    talk = Conversation()
    assert talk.say("Finalize") == []
    assert talk.actions[-1] == Flush(FlushId(Asker.PROTOCOL, 0))
    (empty,) = talk.flushed(0.7)
    assert (text(empty), interval(empty), flags(empty)) == ("", (0.0, 0.7), (True, False, True))

    talk.say("Finalize")
    talk.commit(HELLO, 0, 3)
    talk.close(HELLO)
    (full,) = talk.flushed(1.4)
    assert (text(full), interval(full), flags(full)) == ("Hello there, Ada.", (0.7, 1.4), (True, False, True))


@pytest.mark.parametrize("told_first", [True, False])
def test_the_end_of_a_turn_and_finalize_are_told_apart(told_first: bool) -> None:
    talk = Conversation()
    if told_first:
        talk.silence(1.2)
    talk.say("Finalize")
    if not told_first:
        talk.silence(1.2)
    talk.close(HELLO)
    (turn,) = talk.flushed(1.2)
    (finalized,) = talk.flushed(1.5)
    assert (text(turn), flags(turn)) == ("Hello there, Ada.", (True, True, False))
    assert (text(finalized), flags(finalized)) == ("", (True, False, True))


def test_a_finalize_before_the_end_of_a_turn_that_is_told_meanwhile() -> None:
    talk = Conversation()
    talk.say("Finalize")
    talk.silence(1.5)
    (finalized,) = talk.flushed(1.0)
    (turn,) = talk.flushed(1.5)
    assert (flags(finalized), flags(turn)) == ((True, False, True), (True, True, False))


def test_what_a_closed_segment_or_a_flush_has_settled_is_not_shown_again() -> None:
    talk = Conversation("interim_results=true")
    talk.suppose(HELLO, SECOND)
    talk.close(HELLO)
    (rest,) = talk.audio(2.0)
    assert text(rest) == "And hello to you!"
    talk.say("Finalize")
    talk.flushed(2.0)
    assert talk.audio(3.0) == []


def test_without_endpointing_turns_are_not_told() -> None:
    talk = Conversation("endpointing=false&vad_events=true")
    assert talk.speech(0.2)[0]["type"] == "SpeechStarted"
    talk.silence(1.7)
    talk.close(HELLO)
    (final,) = talk.flushed(1.7)
    assert flags(final) == (True, False, False)
    talk.silence(3.0)
    assert talk.flushed(3.0) == []


def test_an_utterance_ends_once_after_its_last_word() -> None:
    talk = Conversation("interim_results=true&utterance_end_ms=1000&endpointing=300")
    talk.speech(0.2)
    talk.audio(1.4)
    talk.silence(1.5)
    talk.audio(2.6)
    assert talk.audio(2.7) == [], "words may still come from the flush"
    talk.close(HELLO)
    talk.flushed(1.5)
    assert talk.audio(2.8) == [{"type": "UtteranceEnd", "channel": [0, 1], "last_word_end": 1.2}]
    assert talk.audio(4.0) == []

    talk.speech(4.0)
    talk.close(segment(1, 4.0, 5.0, "More."))
    assert talk.audio(6.5) == [], "somebody still speaks"
    talk.silence(6.4)
    talk.flushed(6.4)
    assert talk.audio(6.6)[0]["last_word_end"] == 5.0


def test_an_utterance_does_not_end_while_words_are_open_or_soon() -> None:
    talk = Conversation("interim_results=true&utterance_end_ms=1000")
    talk.close(HELLO)
    assert talk.audio(2.1) == []
    talk.suppose(SECOND)
    assert talk.audio(3.0) == []
    talk.suppose()
    assert len(talk.audio(3.1)) == 1


def test_words_that_end_before_an_utterance_that_was_told_do_not_end_it_again() -> None:
    talk = Conversation("interim_results=true&utterance_end_ms=1000")
    talk.close(SECOND)
    assert talk.audio(4.0)[0]["last_word_end"] == 2.4
    talk.close(HELLO)
    assert talk.audio(8.0) == []


def test_words_without_speech_that_was_detected_make_a_turn_too() -> None:
    talk = Conversation()
    talk.close(HELLO)
    talk.say("CloseStream")
    final, _ = talk.finished(2.0)
    assert flags(final) == (True, True, False)
    quiet = Conversation()
    quiet.close(segment(0, 0.0, 1.0, "[Music]", speaker=None))
    quiet.say("CloseStream")
    final, _ = quiet.finished(2.0)
    assert flags(final) == (True, False, False)


def test_the_end_of_a_session() -> None:
    talk = Conversation("interim_results=true")
    talk.send(b"\x01\x02")
    talk.send(b"\x03")
    assert [action.audio for action in talk.actions if isinstance(action, Hear)] == [b"\x01\x02", b"\x03"]
    talk.speech(0.2)
    talk.suppose(HELLO)
    assert talk.say("CloseStream") == []
    assert talk.actions[-1] == Finish()
    assert talk.send(b"more") == talk.say("CloseStream") == talk.say("Finalize") == []
    assert talk.actions[-1] == Finish()

    talk.commit(HELLO, 0, 3)
    talk.close(HELLO)
    final, summary = talk.finished(2.0)
    assert (text(final), interval(final), flags(final)) == ("Hello there, Ada.", (0.0, 2.0), (True, True, False))
    (model,) = summary["models"]
    assert summary == {
        "type": "Metadata",
        "transaction_key": "deprecated",
        "request_id": REQUEST_ID,
        "sha256": hashlib.sha256(b"\x01\x02\x03").hexdigest(),
        "created": CREATED,
        "duration": 2.0,
        "channels": 1,
        "models": [model],
        "model_info": {model: final["metadata"]["model_info"]},
    }
    assert talk.closed == 1000
    assert talk.audio(3.0) == talk.send("{}") == []


def test_a_session_without_audio_ends_with_its_summary_alone() -> None:
    talk = Conversation()
    talk.send(b"")
    assert talk.actions[-1] == Finish()
    (summary,) = talk.finished(0.0)
    assert (summary["type"], summary["duration"]) == ("Metadata", 0.0)
    assert talk.closed == 1000


def test_silence_at_the_end_belongs_to_a_last_result() -> None:
    talk = Conversation()
    talk.silence(1.5)
    talk.close(HELLO)
    talk.flushed(1.5)
    talk.say("CloseStream")
    final, _ = talk.finished(4.0)
    assert (text(final), interval(final), flags(final)) == ("", (1.5, 4.0), (True, False, False))


def test_keep_alive_changes_nothing() -> None:
    talk = Conversation()
    before = list(talk.actions)
    assert talk.say("KeepAlive") == []
    assert talk.actions == before


@pytest.mark.parametrize("frame", ["", "no json", "[]", "3", "{}", '{"type":"Hello"}', '{"type":7}', "[" * 100_000])
def test_messages_that_cannot_be_read(frame: str) -> None:
    talk = Conversation()
    before = list(talk.actions)
    (error,) = talk.send(frame)
    assert (error["type"], error["variant"]) == ("Error", "SchemaError")
    assert talk.actions == before
    talk.send(b"audio")
    assert talk.actions[-1] == Hear(b"audio")


def test_key_terms_can_be_replaced() -> None:
    talk = Conversation("keyterm=old")
    assert talk.say("Configure", keyterms=["Bern", "Grün"]) == [
        {"type": "ConfigureSuccess", "request_id": REQUEST_ID, "keyterms": ["Bern", "Grün"]}
    ]
    assert talk.actions[-1] == SetContext("Bern\nGrün")
    assert talk.say("Configure", features={"numerals": True}) == [
        {"type": "ConfigureSuccess", "request_id": REQUEST_ID}
    ]
    assert talk.say("Configure", keyterms=["x" * 20_000])[0]["code"] == "CONFIGURE_KEYTERM_LIMIT_EXCEEDED"
    assert talk.actions[-1] == SetContext("Bern\nGrün")
    talk.say("Configure", keyterms=[])
    assert talk.actions[-1] == SetContext(None)


@pytest.mark.parametrize(
    ("why", "code"),
    [
        (SessionEnd.ENGINE_FAILED, 1011),
        (SessionEnd.SHUTTING_DOWN, 1012),
        (SessionEnd.IDLE, 1011),
        (SessionEnd.TOO_LONG, 1008),
        (SessionEnd.TOO_SLOW, 1008),
        (SessionEnd.BAD_AUDIO, 1008),
    ],
)
def test_the_server_ends_a_session(why: SessionEnd, code: int) -> None:
    talk = Conversation("interim_results=true")
    (error,) = talk._take(talk.session.ended(why, "It is over."))
    assert error == {"type": "Error", "variant": why.value, "description": "It is over."}
    close = talk.actions[-1]
    assert isinstance(close, Close)
    assert close.code == code
    assert len(close.reason.encode()) <= 123
    assert talk.suppose(HELLO) == talk.send(b"audio") == []


def test_words_without_letters_keep_their_signs() -> None:
    talk = Conversation()
    (final,) = talk.close(segment(0, 0.0, 1.0, "“Don't” – 你好。", speaker=None))
    words = [(word["word"], word["punctuated_word"]) for word in best(final)["words"]]
    assert words == [("don't", "“Don't” –"), ("你好", "你好。")]
    assert text(final) == "“Don't” – 你好。"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("मुझे हिन्दी नहीं आती।", ["मुझे", "हिन्दी", "नहीं", "आती"]),
        ("ที่นี่ดี", ["ที่", "นี่", "ดี"]),
        ("“நீங்கள்”", ["நீங்கள்"]),
        ("\u202bהעולם\u202c \u200f", ["העולם"]),
        ("«كَتَبٌ»", ["كَتَبٌ"]),
        ("👨\u200d👩\u200d👧\u200d👦 Hi!", ["👨\u200d👩\u200d👧\u200d👦", "hi"]),
        ("Hello - world", ["hello", "world"]),
        ("—", ["—"]),
    ],
)
def test_bare_words_keep_the_marks_of_their_letters(text: str, words: list[str]) -> None:
    (final,) = Conversation().close(segment(0, 0.0, 1.0, text))
    told = best(final)
    assert [word["word"] for word in told["words"]] == words
    assert " ".join(word["punctuated_word"] for word in told["words"]) == text or "ที่" in text
    assert told["transcript"] == text


@pytest.mark.parametrize(
    ("before", "after", "lead", "shown"),
    [
        ("你", "好", None, "你好"),
        ("Hello", ", you", None, "Hello, you"),
        ("今天天气", "很好", None, "今天天气很好"),
        ("Hello", "you", None, "Hello you"),
        ("ดี", "มาก", " ", "ดี มาก"),
        ("ดี", "มาก", "", "ดีมาก"),
    ],
)
def test_interim_texts_are_spaced_like_final_ones(before: str, after: str, lead: str | None, shown: str) -> None:
    talk = Conversation("interim_results=true")
    talk.commit(segment(0, 0.0, 0.5, before), 0, 9)
    (interim,) = talk.hear(Hypothesis((segment(0, 0.5, 1.0, after),), lead))
    assert best(interim)["transcript"] == shown


def test_a_new_segment_in_an_interim_text_stands_behind_a_space() -> None:
    talk = Conversation("interim_results=true")
    talk.commit(segment(0, 0.0, 0.5, "你好"), 0, 9)
    (interim,) = talk.suppose(segment(1, 0.5, 1.0, "世界"))
    assert best(interim)["transcript"] == "你好 世界"
