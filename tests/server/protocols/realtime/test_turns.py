"""Items from speech to transcript: turns found by the server, turns ended by the client, and ends of sessions."""

from __future__ import annotations

import pytest

from server.live.vocabulary.actions import Close, Discard, Flush, Hear, Send
from server.live.vocabulary.events import AudioHeard, Finished, Flushed, Hypothesis, SpeechStarted, SpeechStopped
from server.live.vocabulary.protocol import SessionEnd
from server.transcript.segments import Segment
from tests.server.protocols.realtime.conversation import (
    LAST,
    TRANSCRIPTION,
    Conversation,
    asked,
    closed,
    error_of,
    sent,
    told,
    turn,
    words,
)


@pytest.fixture
def vad() -> Conversation:
    """A client that never configures anything, and three seconds of its audio."""
    conversation = Conversation()
    for _ in range(3):
        conversation.appends()
    return conversation


@pytest.fixture
def manual() -> Conversation:
    conversation = Conversation()
    conversation.configures(turn_detection=None)
    return conversation


def test_a_turn_from_speech_to_transcript(vad: Conversation) -> None:
    started = vad.hears(AudioHeard(1.0), SpeechStarted(0.2))
    assert told(started) == ["speech_started"]
    assert sent(started, "speech_started") == {
        "type": "input_audio_buffer.speech_started",
        "event_id": "event_2",
        "item_id": "item_1",
        "audio_start_ms": 200,
    }
    early = vad.hears(words("Hello"), Hypothesis((Segment(0, 0.2, 1.0, 0, "there every"),)))
    assert sent(early, "delta")["item_id"] == "item_1"

    stopped = vad.hears(SpeechStopped(1.75, turn(0)))
    assert told(stopped) == ["speech_stopped", "committed", "conversation.item.added"]
    assert sent(stopped, "speech_stopped")["audio_end_ms"] == 1750
    assert sent(stopped, "committed")["item_id"] == "item_1"
    assert sent(stopped, "committed")["previous_item_id"] is None
    item = sent(stopped, "conversation.item.added")["item"]
    assert (item["id"], item["role"], item["status"]) == ("item_1", "user", "in_progress")
    assert item["content"] == [{"type": "input_audio", "transcript": ""}]

    rest = vad.hears(words("everybody."), closed("Hello everybody.", 0.31415, 1.5), Flushed(1.75, turn(0)))
    assert told(rest) == ["delta", "segment", "completed", "conversation.item.done"]
    assert (
        sent(rest, "segment").items()
        >= {
            "item_id": "item_1",
            "content_index": 0,
            "id": "seg_0",
            "text": "Hello everybody.",
            "speaker": "A",
            "start": 0.314,
            "end": 1.5,
        }.items()
    )
    assert (
        sent(rest, "completed").items()
        >= {
            "item_id": "item_1",
            "content_index": 0,
            "transcript": "Hello everybody.",
            "usage": {"type": "duration", "seconds": 1.55},
        }.items()
    )
    done = sent(rest, "conversation.item.done")["item"]
    assert (done["status"], done["content"][0]["transcript"]) == ("completed", "Hello everybody.")


def test_deltas_add_up_to_the_transcript_across_segments(vad: Conversation) -> None:
    actions = vad.hears(
        SpeechStarted(0.0),
        words("Good"),
        words("morning."),
        closed("Good morning.", 0.0, 0.4),
        words("你好", segment=1, speaker=1),
        SpeechStopped(2.0, turn(0)),
        words("世界。", segment=1, speaker=1),
        Flushed(2.0, turn(0)),
    )
    deltas = [action.event["delta"] for action in actions if isinstance(action, Send) and "delta" in action.event]
    assert deltas == ["Good", " morning.", " 你好", " 世界。"]
    assert sent(actions, "completed")["transcript"] == "".join(deltas)


def test_the_next_turn_begins_before_the_last_one_is_transcribed(vad: Conversation) -> None:
    vad.hears(SpeechStarted(0.0), SpeechStopped(1.0, turn(0)))
    begun = vad.hears(SpeechStarted(1.2), words("First."), Flushed(1.0, turn(0)), words("Second.", segment=1))
    assert [event["item_id"] for event in vad.events if event["type"].endswith("delta")] == ["item_1", "item_2"]
    assert sent(begun, "completed").items() >= {"item_id": "item_1", "transcript": "First."}.items()
    stopped = vad.hears(SpeechStopped(2.0, turn(1)))
    assert sent(stopped, "committed")["previous_item_id"] == "item_1"
    assert sent(stopped, "conversation.item.added")["previous_item_id"] == "item_1"
    assert sent(vad.hears(Flushed(2.0, turn(1))), "completed")["transcript"] == "Second."


def test_a_turn_without_words_completes_empty(vad: Conversation) -> None:
    actions = vad.hears(SpeechStarted(0.5), SpeechStopped(1.0, turn(0)), Flushed(1.0, turn(0)))
    assert sent(actions, "completed")["transcript"] == ""


def test_speakers_keep_their_letters_for_the_session(vad: Conversation) -> None:
    letters = []
    for index, speaker in enumerate([3, 1, 3, None]):
        at = float(index)
        actions = vad.hears(
            SpeechStarted(at),
            words("Yes.", segment=index, speaker=speaker),
            closed("Yes.", at, at + 0.5, segment=index, speaker=speaker),
            SpeechStopped(at + 0.9, turn(index)),
            Flushed(at + 0.9, turn(index)),
        )
        letters.append(sent(actions, "segment")["speaker"])
    assert letters == ["A", "B", "A", "C"]


def test_words_outside_of_turns_begin_the_next_item(vad: Conversation) -> None:
    vad.hears(words("Quietly,"))
    assert sent(vad.hears(SpeechStarted(0.5)), "speech_started")["item_id"] == "item_1"
    actions = vad.hears(words("loudly."), SpeechStopped(1.0, turn(0)), Flushed(1.0, turn(0)))
    assert sent(actions, "completed")["transcript"] == "Quietly, loudly."


def test_the_client_commits_while_the_server_detects_turns(vad: Conversation) -> None:
    vad.hears(SpeechStarted(0.5), words("Cut"))
    committed = vad.says("input_audio_buffer.commit")
    assert told(committed) == ["committed", "conversation.item.added", Flush(asked(0))]
    assert sent(committed, "committed")["item_id"] == "item_1"
    completed = sent(vad.hears(words("here."), Flushed(3.0, asked(0))), "completed")
    assert (completed["transcript"], completed["usage"]["seconds"]) == ("Cut here.", 2.5)
    vad.appends()
    stopped = vad.hears(SpeechStopped(3.5, turn(0)))
    assert sent(stopped, "speech_stopped")["item_id"] == "item_2"
    assert sent(vad.hears(Flushed(3.5, turn(0))), "completed")["usage"]["seconds"] == 0.5


def test_a_commit_crosses_the_end_of_a_turn(vad: Conversation) -> None:
    """The session had noticed the end, but not told it, when the client committed: one item, not two."""
    vad.hears(SpeechStarted(0.5))
    vad.says("input_audio_buffer.commit")
    stopped = vad.hears(SpeechStopped(2.0, turn(0)))
    assert told(stopped) == ["speech_stopped"]
    assert sent(stopped, "speech_stopped")["item_id"] == "item_1"
    assert told(vad.hears(words("All of"), Flushed(2.0, turn(0)), words("it.", segment=1))) == ["delta", "delta"]
    assert (
        sent(vad.hears(Flushed(3.0, asked(0))), "completed").items()
        >= {"item_id": "item_1", "transcript": "All of it."}.items()
    )


def test_a_commit_crosses_a_whole_turn(vad: Conversation) -> None:
    vad.says("input_audio_buffer.commit")
    actions = vad.hears(SpeechStarted(0.5), SpeechStopped(2.0, turn(0)))
    assert told(actions) == ["speech_started", "speech_stopped", "committed", "conversation.item.added"]
    items = {sent(actions, kind)["item_id"] for kind in ("speech_started", "speech_stopped", "committed")}
    assert items == {"item_2"}
    assert told(vad.hears(words("All of"), Flushed(2.0, turn(0)), words("it.", segment=1))) == ["delta", "delta"]
    vad.hears(Flushed(3.0, asked(0)))
    assert [event["transcript"] for event in vad.events if event["type"].endswith("completed")] == ["All of it.", ""]
    assert error_of(vad.says("input_audio_buffer.commit"))["code"] == "input_audio_buffer_commit_empty"


def test_an_answer_is_known_by_its_id_alone(manual: Conversation) -> None:
    """Neither its place in a row nor its time tells whose it is."""
    manual.appends()
    manual.says("input_audio_buffer.commit")
    manual.appends()
    assert told(manual.says("input_audio_buffer.commit"))[-1] == Flush(asked(1))
    assert manual.hears(Flushed(1.0, turn(0)), Flushed(1.0, asked(7)), Flushed(1.0, LAST)) == []
    assert told(manual.hears(Flushed(9.0, asked(0)))) == ["completed", "conversation.item.done"]
    assert told(manual.hears(Flushed(9.0, asked(1)))) == ["completed", "conversation.item.done"]


def test_the_client_commits(manual: Conversation) -> None:
    assert manual.appends(b"\x01\x00" * 24_000) == [Hear(b"\x01\x00" * 24_000)]
    assert told(manual.hears(words("One"))) == ["delta"]
    committed = manual.says("input_audio_buffer.commit")
    assert told(committed) == ["committed", "conversation.item.added", Flush(asked(0))]
    manual.appends()
    actions = manual.hears(
        words("two."), closed("One two.", 0.0, 0.9), Flushed(1.0, asked(0)), words("Three", segment=1)
    )
    assert told(actions) == ["delta", "segment", "completed", "conversation.item.done", "delta"]
    completed = sent(actions, "completed")
    assert (
        completed.items()
        >= {
            "item_id": sent(committed, "committed")["item_id"],
            "transcript": "One two.",
            "usage": {"type": "duration", "seconds": 1.0},
        }.items()
    )
    last = manual.says("input_audio_buffer.commit")
    assert sent(last, "committed")["previous_item_id"] == completed["item_id"]
    assert sent(manual.hears(Flushed(2.0, asked(1))), "completed")["transcript"] == "Three"


def test_nothing_to_commit(manual: Conversation) -> None:
    def refused() -> None:
        error = error_of(manual.says("input_audio_buffer.commit", event_id="mine"))
        assert (error["code"], error["event_id"]) == ("input_audio_buffer_commit_empty", "mine")

    refused()
    manual.appends(b"")
    refused()
    manual.appends()
    manual.says("input_audio_buffer.commit")
    refused()
    manual.appends()
    manual.says("input_audio_buffer.clear")
    refused()


def test_clear_forgets_the_uncommitted_item_and_what_is_on_its_way(vad: Conversation) -> None:
    vad.hears(SpeechStarted(0.5), words("Never", start=0.5))
    assert told(vad.says("input_audio_buffer.clear")) == [Discard(), "cleared"]
    assert vad.hears(words("mind.", start=2.0)) == []
    vad.appends()
    actions = vad.hears(
        SpeechStarted(3.1), words("Kept.", segment=1, start=3.2), SpeechStopped(3.8, turn(0)), Flushed(3.8, turn(0))
    )
    assert sent(actions, "speech_started")["item_id"] == "item_2"
    assert sent(actions, "completed")["transcript"] == "Kept."


def test_a_segment_that_was_cleared_is_not_told_to_the_next_item(vad: Conversation) -> None:
    vad.hears(SpeechStarted(0.5), words("Never"))
    vad.says("input_audio_buffer.clear")
    assert told(vad.hears(SpeechStarted(3.1), closed("Never mind.", 0.5, 2.1))) == ["speech_started"]


def test_clear_leaves_what_was_committed(manual: Conversation) -> None:
    manual.appends()
    manual.says("input_audio_buffer.commit")
    assert told(manual.says("input_audio_buffer.clear")) == [Discard(), "cleared"]
    actions = manual.hears(words("Kept.", start=0.1), Flushed(1.0, asked(0)))
    assert sent(actions, "completed")["transcript"] == "Kept."


def test_clear_of_nothing_is_no_error(manual: Conversation) -> None:
    assert told(manual.says("input_audio_buffer.clear")) == [Discard(), "cleared"]


def test_turn_detection_ends_in_the_middle_of_a_turn(vad: Conversation) -> None:
    vad.hears(SpeechStarted(0.5), words("One"))
    vad.configures(turn_detection=None)
    vad.hears(words("item."))
    vad.says("input_audio_buffer.commit")
    assert (
        sent(vad.hears(Flushed(3.0, asked(0))), "completed").items()
        >= {
            "item_id": "item_1",
            "transcript": "One item.",
        }.items()
    )


def test_what_was_said_before_a_gentle_end_is_completed(vad: Conversation) -> None:
    """The session is flushed once more by whoever ends it."""
    vad.hears(SpeechStarted(1.0), words("Last"))
    actions = vad.hears(words("words."), Flushed(3.0, LAST))
    assert told(actions) == ["delta", "committed", "conversation.item.added", "completed", "conversation.item.done"]
    assert sent(actions, "completed")["transcript"] == "Last words."
    assert vad.hears(Flushed(3.0, LAST)) == []
    assert told(vad.ends(SessionEnd.TOO_LONG)) == ["error", Close(1008, "too_long")]


@pytest.mark.parametrize(
    ("why", "code", "kind", "close"),
    [
        (SessionEnd.ENGINE_FAILED, "engine_failed", "server_error", 1011),
        (SessionEnd.SHUTTING_DOWN, "shutting_down", "server_error", 1012),
        (SessionEnd.IDLE, "idle", "invalid_request_error", 1008),
        (SessionEnd.TOO_LONG, "session_expired", "invalid_request_error", 1008),
        (SessionEnd.TOO_SLOW, "too_slow", "invalid_request_error", 1008),
        (SessionEnd.BAD_AUDIO, "bad_audio", "invalid_request_error", 1008),
    ],
)
def test_the_end_fails_every_open_item(vad: Conversation, why: SessionEnd, code: str, kind: str, close: int) -> None:
    vad.hears(SpeechStarted(0.0), SpeechStopped(0.5, turn(0)), Flushed(0.5, turn(0)))
    vad.hears(SpeechStarted(1.0), SpeechStopped(1.5, turn(1)), SpeechStarted(2.0))
    actions = vad.ends(why, "It is over.")
    assert told(actions) == ["failed", "failed", "error", Close(close, why.value)]
    failed = [event for event in vad.events if event["type"] == f"{TRANSCRIPTION}.failed"]
    assert [event["item_id"] for event in failed] == ["item_2", "item_3"]
    expected = {"type": kind, "code": code, "message": "It is over.", "param": None}
    assert all(event["error"] == expected for event in failed)
    assert sent(actions, "error")["error"] == expected | {"event_id": None}
    assert vad.hears(Flushed(1.5, turn(1)), Finished(3.0)) == []
    assert vad.appends() == []
