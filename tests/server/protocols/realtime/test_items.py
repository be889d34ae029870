"""What a client asks of items, and what it is told of their tokens and of silence."""

from __future__ import annotations

import pytest

from server.live.vocabulary.actions import SetLogprobs, SetTurns
from server.live.vocabulary.events import Flushed, IdleTimedOut, SpeechStarted, SpeechStopped
from server.live.vocabulary.turn_detection import TurnDetection
from server.protocols.openai.realtime import items
from server.protocols.openai.realtime.schemas import LOGPROBS
from tests.server.protocols.realtime.conversation import Conversation, asked, closed, error_of, sent, told, turn, words


@pytest.fixture
def client() -> Conversation:
    """A second of audio that the client commits, of which some words are told."""
    conversation = Conversation()
    conversation.configures(turn_detection=None)
    conversation.appends()
    conversation.says("input_audio_buffer.commit")
    conversation.hears(words("Who is"))
    return conversation


# ------------------------------------------------------------------------------------------------------ asked for


def test_an_item_can_be_asked_for_at_any_time(client: Conversation) -> None:
    def retrieved() -> object:
        answer = client.says("conversation.item.retrieve", item_id="item_1")
        return sent(answer, "conversation.item.retrieved")["item"]

    item = {"id": "item_1", "object": "realtime.item", "type": "message", "role": "user"}
    said = {"type": "input_audio", "transcript": "Who is"}
    assert retrieved() == item | {"status": "in_progress", "content": [said]}
    done = client.hears(words("there?"), Flushed(1.0, asked(0)))
    said["transcript"] = "Who is there?"
    assert retrieved() == item | {"status": "completed", "content": [said]}
    assert retrieved() == sent(done, "conversation.item.done")["item"]


def test_an_item_that_is_deleted_is_not_known_any_more(client: Conversation) -> None:
    assert told(client.says("conversation.item.delete", item_id="item_1")) == ["conversation.item.deleted"]
    for verb in ("retrieve", "delete", "truncate"):
        error = error_of(client.says(f"conversation.item.{verb}", item_id="item_1", event_id="mine"))
        assert (error["code"], error["param"]) == (f"item_{verb}_invalid_item_id", "item_id")
        assert error["event_id"] == "mine"
    client.appends()
    assert sent(client.says("input_audio_buffer.commit"), "committed")["previous_item_id"] is None
    assert told(client.hears(words("there?"), Flushed(1.0, asked(0)))) == [
        "delta",
        "completed",
        "conversation.item.done",
    ]


def test_there_are_no_answers_to_truncate(client: Conversation) -> None:
    answer = client.says("conversation.item.truncate", item_id="item_1", content_index=0, audio_end_ms=100)
    assert error_of(answer)["code"] == "invalid_value"


def test_an_item_that_is_not_committed_cannot_be_asked_for() -> None:
    client = Conversation()
    client.hears(SpeechStarted(0.2))
    error_of(client.says("conversation.item.retrieve", item_id="item_1"))
    client.hears(SpeechStopped(1.0, turn(0)))
    assert told(client.says("conversation.item.retrieve", item_id="item_1")) == ["conversation.item.retrieved"]


def test_a_session_remembers_its_last_items(client: Conversation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(items, "_REMEMBERED", 2)
    for number in (2, 3):
        client.appends()
        committed = sent(client.says("input_audio_buffer.commit"), "committed")
        assert (committed["item_id"], committed["previous_item_id"]) == (f"item_{number}", f"item_{number - 1}")
    error_of(client.says("conversation.item.retrieve", item_id="item_1"))
    for number in (2, 3):
        answer = client.says("conversation.item.retrieve", item_id=f"item_{number}")
        assert told(answer) == ["conversation.item.retrieved"]


# ------------------------------------------------------------------------------------------------------- logprobs


def test_logprobs_come_with_deltas_and_all_of_them_in_the_end(client: Conversation) -> None:
    assert "logprobs" not in client.events[-1]
    update = client.says("session.update", session={"include": [LOGPROBS]})
    assert told(update) == [SetLogprobs(True), "session.updated"]
    one = sent(client.hears(words("over there?")), "delta")
    assert one["logprobs"] == [
        {"token": " over", "bytes": list(b" over"), "logprob": 0.0},
        {"token": " there?", "bytes": list(b" there?"), "logprob": -0.125},
    ]
    rest = client.hears(closed("Who is over there?", 0, 1), words("Me.", segment=1), Flushed(1.0, asked(0)))
    whole = sent(rest, "completed")
    assert "".join(token["token"] for token in whole["logprobs"]) == whole["transcript"] == "Who is over there? Me."


def test_logprobs_that_are_not_wanted_any_more_do_not_come(client: Conversation) -> None:
    client.says("session.update", session={"include": [LOGPROBS]})
    assert told(client.says("session.update", session={"include": None})) == [SetLogprobs(False), "session.updated"]
    rest = client.hears(words("there?"), Flushed(1.0, asked(0)))
    assert "logprobs" not in sent(rest, "delta")
    assert "logprobs" not in sent(rest, "completed")


def test_an_item_without_words_has_no_tokens() -> None:
    client = Conversation(start={"include": [LOGPROBS], "turn_detection": None})
    assert SetLogprobs(True) in client.opening
    client.appends()
    client.says("input_audio_buffer.commit")
    assert sent(client.hears(Flushed(1.0, asked(0))), "completed")["logprobs"] == []


# ---------------------------------------------------------------------------------------------------- idle timeout


def test_silence_that_is_too_long_is_an_item() -> None:
    client = Conversation()
    update = client.configures(turn_detection={"type": "server_vad", "idle_timeout_ms": 5_000})
    assert told(update) == [SetTurns(TurnDetection(idle=5.0)), "session.updated"]
    client.appends(bytes(48_000 * 6))
    actions = client.hears(IdleTimedOut(0.0, 5.0, turn(0)))
    assert told(actions) == ["timeout_triggered", "committed", "conversation.item.added"]
    triggered = sent(actions, "timeout_triggered")
    assert (triggered["audio_start_ms"], triggered["audio_end_ms"]) == (0, 5_000)
    assert triggered["item_id"] == sent(actions, "committed")["item_id"] == "item_1"
    completed = sent(client.hears(Flushed(5.0, turn(0))), "completed")
    assert (completed["transcript"], completed["usage"]["seconds"]) == ("", 5.0)
    following = client.hears(SpeechStarted(6.0), SpeechStopped(8.0, turn(1)))
    assert sent(following, "committed")["previous_item_id"] == "item_1"


def test_silence_that_the_client_has_committed_is_not_told_again() -> None:
    """Its event was on its way when the client committed."""
    client = Conversation()
    client.appends(bytes(48_000 * 6))
    client.says("input_audio_buffer.commit")
    assert client.hears(IdleTimedOut(0.0, 5.0, turn(0))) == []
    assert told(client.hears(Flushed(5.0, turn(0)))) == []
    assert told(client.hears(Flushed(6.0, asked(0)))) == ["completed", "conversation.item.done"]


def test_silence_of_which_the_client_has_committed_a_part_begins_behind_it() -> None:
    client = Conversation()
    client.appends(bytes(48_000 * 2))
    client.says("input_audio_buffer.commit")
    client.appends(bytes(48_000 * 4))
    triggered = sent(client.hears(IdleTimedOut(0.0, 5.0, turn(0))), "timeout_triggered")
    assert (triggered["audio_start_ms"], triggered["audio_end_ms"]) == (2_000, 5_000)


def test_only_server_vad_has_an_idle_timeout() -> None:
    client = Conversation()
    update = client.configures(turn_detection={"type": "semantic_vad", "idle_timeout_ms": 5_000})
    assert SetTurns(TurnDetection(silence=1.0)) in update
    assert "idle_timeout_ms" not in str(sent(update, "session.updated"))
