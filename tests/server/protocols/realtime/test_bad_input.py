"""Whatever a client sends: an error event that says what is wrong, and the session goes on."""

from __future__ import annotations

import pytest

from server.live.vocabulary.actions import Hear
from server.protocols.openai.realtime.reading import MAX_APPEND_BYTES, MAX_EVENT_CHARACTERS
from tests.server.protocols.realtime.conversation import SECOND, Conversation, error_of, told


@pytest.fixture
def client() -> Conversation:
    return Conversation()


@pytest.mark.parametrize(
    ("message", "code", "param"),
    [
        ("", "invalid_json", None),
        ("hello", "invalid_json", None),
        ("[" * 100_000, "invalid_json", None),
        ('{"type": "session.update", "session": {"turn_detection": {"threshold": NaN}}}', "invalid_json", None),
        (r'{"type": "session.update", "event_id": "\ud800"}', "invalid_json", None),
        ('["session.update"]', "invalid_json", None),
        (b"\x00" * 4800, "invalid_value", None),
        (b'{"type": "input_audio_buffer.clear"}', "invalid_value", None),
        ("{}", "missing_required_parameter", "type"),
        ('{"type": 1}', "missing_required_parameter", "type"),
        ('{"type": "input_audio_buffer.appned"}', "invalid_value", "type"),
        ('{"type": "response.create"}', "unsupported_event", "type"),
        ('{"type": "conversation.item.create", "item": {}}', "unsupported_event", "type"),
        ('{"type": "conversation.item.truncate"}', "missing_required_parameter", "item_id"),
        ('{"type": "conversation.item.retrieve", "item_id": 1}', "invalid_type", "item_id"),
        ('{"type": "conversation.item.retrieve", "item_id": "x"}', "item_retrieve_invalid_item_id", "item_id"),
        ('{"type": "conversation.item.delete", "item_id": "x"}', "item_delete_invalid_item_id", "item_id"),
        ('{"type": "conversation.item.truncate", "item_id": "x"}', "item_truncate_invalid_item_id", "item_id"),
        ('{"type": "output_audio_buffer.clear"}', "unsupported_event", "type"),
        ('{"type": "input_audio_buffer.append"}', "missing_required_parameter", "audio"),
        ('{"type": "input_audio_buffer.append", "audio": null}', "invalid_type", "audio"),
        ('{"type": "input_audio_buffer.append", "audio": "A"}', "invalid_value", "audio"),
        ('{"type": "input_audio_buffer.append", "audio": "AA=AA"}', "invalid_value", "audio"),
        ('{"type": "input_audio_buffer.append", "audio": "ÄÖÜß"}', "invalid_value", "audio"),
    ],
)
def test_what_cannot_be_honoured(client: Conversation, message: str | bytes, code: str, param: str | None) -> None:
    error = error_of(client.sends(message))
    assert (error["type"], error["code"], error["param"]) == ("invalid_request_error", code, param)
    assert error["event_id"] is None
    assert client.appends() == [Hear(SECOND)]


def test_an_error_names_the_clients_event(client: Conversation) -> None:
    error = error_of(client.says("input_audio_buffer.append", event_id="event_7", audio="?"))
    assert error["event_id"] == "event_7"
    assert error_of(client.says("response.create", event_id=7))["event_id"] is None


def test_bad_audio_does_not_count(client: Conversation) -> None:
    error_of(client.says("input_audio_buffer.append", audio="A"))
    assert error_of(client.says("input_audio_buffer.commit"))["code"] == "input_audio_buffer_commit_empty"


def test_the_largest_append(client: Conversation) -> None:
    """15 MiB of audio, as OpenAI documents it; more is one error, of which nothing is heard."""
    largest = bytes(15 * 1024 * 1024)
    assert client.appends(largest) == [Hear(largest)]
    assert error_of(client.appends(largest + b"\x00"))["param"] == "audio"
    assert str(MAX_APPEND_BYTES) in error_of(client.appends(largest + b"\x00"))["message"]


def test_what_is_echoed_is_never_long(client: Conversation) -> None:
    """A session that has to write megabytes for its client would hold up all others."""
    name = "x" * MAX_EVENT_CHARACTERS
    error = error_of(client.says("session.update", session={"audio": {"input": {"transcription": {"model": name}}}}))
    assert (error["code"], error["param"]) == ("invalid_value", None)
    assert str(MAX_EVENT_CHARACTERS) in error["message"]
    assert error_of(client.says("input_audio_buffer.append", event_id=name, audio="?"))["event_id"] is None


@pytest.mark.parametrize(
    "written",
    ["+/+/AAA=", "-_-_AAA=", "+/+/AAA", "+/+/\n AAA=\r\n", "data:audio/pcm;rate=24000;base64,-_-_AAA"],
)
def test_base64_as_people_write_it(client: Conversation, written: str) -> None:
    assert client.says("input_audio_buffer.append", audio=written) == [Hear(b"\xfb\xff\xbf\x00\x00")]


def test_audio_may_be_cut_within_a_sample(client: Conversation) -> None:
    assert told(client.appends(b"\x01")) == [Hear(b"\x01")]
