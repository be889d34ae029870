"""What the clients people use send, in their order, and what each of them waits for."""

from __future__ import annotations

from server.audio_in.encodings import PcmEncoding
from server.live.vocabulary.actions import Discard, Flush, Hear, SetContext, SetFormat, SetTurns
from server.live.vocabulary.events import Flushed, SpeechStarted, SpeechStopped
from server.live.vocabulary.turn_detection import TurnDetection
from tests.server.protocols.realtime.conversation import Conversation, asked, sent, told, turn, words

PCM = {"type": "audio/pcm", "rate": 24_000}


def test_livekit() -> None:
    """Configures at once, reads speech events, joins deltas to interim text and takes the completed transcript."""
    client = Conversation(model="vibevoice-asr")
    configured = client.configures(
        format=PCM,
        transcription={"language": "en", "model": "vibevoice-asr"},
        turn_detection={
            "type": "server_vad",
            "threshold": 0.5,
            "prefix_padding_ms": 600,
            "silence_duration_ms": 350,
        },
    )
    assert told(configured) == [SetTurns(TurnDetection(0.5, 0.6, 0.35)), "session.updated"]
    for _ in range(20):
        assert client.appends(bytes(2400)) == [Hear(bytes(2400))]
    actions = client.hears(
        SpeechStarted(0.1), words("How"), words("are you?"), SpeechStopped(0.9, turn(0)), Flushed(0.9, turn(0))
    )
    assert told(actions) == [
        "speech_started",
        "delta",
        "delta",
        "speech_stopped",
        "committed",
        "conversation.item.added",
        "completed",
        "conversation.item.done",
    ]
    interim = "".join(event["delta"] for event in client.events if "delta" in event)
    assert interim == sent(actions, "completed")["transcript"] == "How are you?"
    assert not any(event["type"] == "error" for event in client.events)


def test_livekit_with_a_model_that_finds_no_turns() -> None:
    """Its own detector finds them: it names no turn detection, and commits when somebody stopped speaking."""
    client = Conversation(model="gpt-live-transcribe")
    assert SetTurns(None) in client.opening
    configured = client.configures(
        format=PCM, transcription={"languages": ["en"], "model": "gpt-live-transcribe", "keywords": ["Monday"]}
    )
    assert told(configured) == [SetContext("Monday"), "session.updated"]
    client.appends(bytes(2400))
    client.says("input_audio_buffer.commit")
    assert sent(client.hears(words("Hello."), Flushed(0.1, asked(0))), "completed")["transcript"] == "Hello."
    assert not any(event["type"].startswith("input_audio_buffer.speech") for event in client.events)


def test_pipecat() -> None:
    """Detects turns by itself: no turn detection here, and a commit when the user stops speaking."""
    client = Conversation()
    configured = client.configures(
        format=PCM, transcription={"model": "gpt-4o-transcribe", "language": "en"}, turn_detection=None
    )
    assert told(configured) == [SetTurns(None), "session.updated"]
    client.appends(bytes(4800))
    client.says("input_audio_buffer.commit")
    assert sent(client.hears(words("Hello."), Flushed(0.1, asked(0))), "completed")["transcript"] == "Hello."


def test_openai_agents() -> None:
    """Ends with commit and clear; is done when ``cleared`` has come and every committed item is completed."""
    client = Conversation()
    client.configures(format=PCM, transcription={"model": "m"}, turn_detection={"type": "semantic_vad"})
    client.appends()
    client.hears(SpeechStarted(0.2), words("The"))
    end = client.says("input_audio_buffer.commit", event_id="last")
    end += client.says("input_audio_buffer.clear")
    assert told(end) == ["committed", "conversation.item.added", Flush(asked(0)), Discard(), "cleared"]
    client.hears(words("end."), Flushed(1.0, asked(0)))
    committed = [event["item_id"] for event in client.events if event["type"].endswith(".committed")]
    completed = {event["item_id"]: event["transcript"] for event in client.events if "transcript" in event}
    assert completed == {committed[0]: "The end."}


def test_openai_agents_with_nothing_left_to_commit() -> None:
    """It takes this one error with its own event's name as an answer, and every other as a failure."""
    client = Conversation()
    client.configures(turn_detection={"type": "semantic_vad"})
    refused = client.says("input_audio_buffer.commit", event_id="last")
    error = sent(refused, "error")["error"]
    assert (error["code"], error["event_id"]) == ("input_audio_buffer_commit_empty", "last")
    assert told(client.says("input_audio_buffer.clear")) == [Discard(), "cleared"]


def test_telephony_with_the_legacy_events() -> None:
    client = Conversation()
    configured = client.says(
        "transcription_session.update",
        session={
            "modalities": ["text"],
            "input_audio_format": "g711_ulaw",
            "input_audio_transcription": {"language": "en-US", "model": "whisper-1", "prompt": ""},
            "recognition_config": {"enable_verbatim_transcripts": False},
        },
    )
    assert told(configured) == [SetFormat(PcmEncoding.MULAW, 8_000), "transcription_session.updated"]
    client.appends(bytes(8_000))
    client.says("input_audio_buffer.commit")
    assert sent(client.hears(Flushed(1.0, asked(0))), "completed")["usage"]["seconds"] == 1.0
