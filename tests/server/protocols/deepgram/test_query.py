"""What of Deepgram's query is honoured, ignored and refused."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest

from server.audio_in.encodings import PcmEncoding
from server.live.vocabulary.turn_detection import TurnDetection
from server.protocols.deepgram.query import InvalidQuery, ListenQuery


def parsed(query: str) -> ListenQuery:
    return ListenQuery.parse(parse_qsl(query, keep_blank_values=True))


def test_what_the_agents_frameworks_send() -> None:
    query = parsed(
        "model=nova-3&encoding=linear16&sample_rate=16000&channels=1&interim_results=true&punctuate=true"
        "&smart_format=false&diarize=true&endpointing=25&vad_events=true&utterance_end_ms=1000&language=en-US"
        "&no_delay=true&filler_words=true&profanity_filter=false&numerals=false&mip_opt_out=false"
        "&multichannel=false&dictation=false&detect_entities=false&redact=false&keyterm=Bern&keyterm=Ada%20Lovelace"
    )
    assert (query.encoding, query.sample_rate, query.channels) == (PcmEncoding.LINEAR16, 16_000, 1)
    assert query.interim_results
    assert query.speakers
    assert query.vad_events
    assert query.utterance_end_ms == 1000
    assert query.context == "Bern\nAda Lovelace"


def test_nothing_given() -> None:
    query = parsed("")
    assert (query.encoding, query.channels, query.context) == (None, 1, None)
    assert not any((query.interim_results, query.speakers, query.vad_events, query.utterances))


@pytest.mark.parametrize(
    ("name", "encoding"),
    [
        ("linear16", PcmEncoding.LINEAR16),
        ("linear32", PcmEncoding.FLOAT32),
        ("mulaw", PcmEncoding.MULAW),
        ("ALAW", PcmEncoding.ALAW),
        ("flac", None),
        ("ogg-opus", None),
    ],
)
def test_encodings(name: str, encoding: PcmEncoding | None) -> None:
    assert parsed(f"encoding={name}&sample_rate=8000").encoding == encoding


@pytest.mark.parametrize(
    ("query", "silence"),
    [
        ("", 0.3),
        ("endpointing=true", 0.3),
        ("endpointing=10", 0.3),
        ("endpointing=0", 0.3),
        ("endpointing=800", 0.8),
        ("endpointing=800&utterance_end_ms=1500&vad_events=true", 0.8),
        ("endpointing=false", None),
        ("endpointing=False&vad_events=true", 0.5),
        ("endpointing=false&utterance_end_ms=1500", 1.5),
    ],
)
def test_turns_are_detected_as_far_as_somebody_wants_them(query: str, silence: float | None) -> None:
    assert parsed(query).turns == (None if silence is None else TurnDetection(silence=silence))


@pytest.mark.parametrize(
    ("query", "terms"),
    [
        ("keyterm=a&keyterm=b c", ("a", "b c")),
        ("keywords=snuffle:2&keywords=ship:1.5&keywords=plain", ("snuffle", "ship", "plain")),
        ("keywords=never:-2&keywords=often:3", ("often",)),
        ("keyterm=term:0.15&keywords=12:30pm&keywords=42", ("term:0.15", "12:30pm", "42")),
        ("keyterm=&keywords=&keyterm= ", ()),
    ],
)
def test_key_terms_and_keywords(query: str, terms: tuple[str, ...]) -> None:
    assert parsed(query).terms == terms


def test_of_a_repeated_parameter_the_last_counts_and_empty_ones_do_not() -> None:
    query = parsed("channels=1&channels=2&sample_rate=&diarize=&interim_results=True&diarize_model=latest")
    assert (query.channels, query.sample_rate, query.interim_results, query.speakers) == (2, None, True, True)


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("encoding=opus&sample_rate=48000", "encoding"),
        ("encoding=speex&sample_rate=16000", "encoding"),
        ("encoding=linear16", "sample_rate"),
        ("encoding=linear16&sample_rate=fast", "sample_rate"),
        ("encoding=linear16&sample_rate=100", "sample_rate"),
        ("encoding=linear16&sample_rate=1000000", "sample_rate"),
        ("channels=0", "channels"),
        ("channels=99", "channels"),
        ("channels=1.5", "channels"),
        ("interim_results=maybe", "interim_results"),
        ("diarize=2", "diarize"),
        ("punctuate=x", "punctuate"),
        ("endpointing=-1", "endpointing"),
        ("endpointing=soon", "endpointing"),
        ("endpointing=100000", "endpointing"),
        ("utterance_end_ms=-5", "utterance_end_ms"),
        ("callback=https://example.com/hook", "callback"),
        ("redact=pci", "redact"),
        ("redact=false&redact=numbers", "redact"),
        ("keyterm=" + "x" * 20_000, "keyterm"),
    ],
)
def test_what_cannot_be_honoured_is_named(query: str, named: str) -> None:
    with pytest.raises(InvalidQuery) as caught:
        parsed(query)
    assert named in caught.value.message
    assert caught.value.message.isascii()
    assert "\n" not in caught.value.message, "the message is sent in a header too"
