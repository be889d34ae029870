"""What of Deepgram's query is honoured, ignored and refused."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest

from server.audio_in.encodings import CodedEncoding, Encoding, PcmEncoding
from server.audio_in.listening import RawAudio
from server.live.vocabulary.turn_detection import TurnDetection
from server.protocols.deepgram.audio_query import InvalidQuery
from server.protocols.deepgram.query import ListenQuery


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
        ("amr-nb", CodedEncoding.AMR_NB),
        ("amr-wb", CodedEncoding.AMR_WB),
        ("g729", CodedEncoding.G729),
        ("opus", CodedEncoding.OPUS),
        ("speex", CodedEncoding.SPEEX),
        ("flac", None),
        ("ogg-opus", None),
    ],
)
def test_encodings(name: str, encoding: Encoding | None) -> None:
    assert parsed(f"encoding={name}&sample_rate=8000").encoding == encoding


@pytest.mark.parametrize(
    ("query", "silence"),
    [
        ("", 0.3),
        ("endpointing=true", 0.3),
        ("endpointing=10", 0.3),
        ("endpointing=0", 0.3),
        ("endpointing=800", 0.8),
        ("endpointing=800&utterance_end_ms=1500&vad_events=true&interim_results=true", 0.8),
        ("endpointing=false", None),
        ("endpointing=False&vad_events=true", 0.5),
        ("endpointing=false&utterance_end_ms=1500&interim_results=true", 1.5),
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
        ("encoding=lpc10&sample_rate=8000", "encoding"),
        ("encoding=speex", "sample_rate"),
        ("encoding=opus&channels=3", "channels"),
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
        ("interim_results=yes", "interim_results"),
        ("vad_events=1", "vad_events"),
        ("endpointing=1.5", "endpointing"),
        ("utterance_end_ms=-5", "utterance_end_ms"),
        ("utterance_end_ms=999&interim_results=true", "utterance_end_ms"),
        ("utterance_end_ms=5001&interim_results=true", "utterance_end_ms"),
        ("utterance_end_ms=1000", "interim_results"),
        ("summarize=v2", "summarize"),
        ("topics=true", "topics"),
        ("sentiment=true", "sentiment"),
        ("intents=true", "intents"),
        ("detect_entities=true", "detect_entities"),
        ("translate=de", "translate"),
        ("dictation=true", "dictation"),
        ("numerals=true&language=ja", "numerals"),
        ("replace=word", "replace"),
        ("replace=:word", "replace"),
        ("extra=word", "extra"),
        ("&".join(f"search={place}" for place in range(26)), "search"),
        ("alternatives=0", "alternatives"),
        ("utt_split=long", "utt_split"),
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


def test_what_is_about_the_service_or_comes_by_itself_changes_nothing() -> None:
    plain = parsed("")
    ignored = parsed(
        "model=nova-3&version=latest&tier=base&mip_opt_out=true&no_delay=true&filler_words=true&measurements=true"
        "&diarize_version=2024&custom_topic=x&custom_intent=x&callback_method=put&alternatives=3&utt_split=0.2"
        "&summarize=false&topics=False&redact=&callback=&a_parameter_of_the_future=1"
    )
    assert ignored.model_dump(exclude={"alternatives", "utt_split"}) == plain.model_dump(
        exclude={"alternatives", "utt_split"}
    )


def test_what_the_client_says_beside_is_repeated() -> None:
    assert parsed("extra=call:7&extra=agent:Ada%3AB&tag=x&tag=y").repeated == {
        "extra": {"call": "7", "agent": "Ada:B"},
        "tags": ["x", "y"],
    }
    assert parsed("extra=&tag=").repeated == {}


@pytest.mark.parametrize(
    ("query", "raw"),
    [
        ("", None),
        ("encoding=flac&sample_rate=16000", None),
        ("encoding=linear16", None),
        ("encoding=linear16&sample_rate=16000&channels=2", RawAudio(PcmEncoding.LINEAR16, 16_000, 2)),
        ("encoding=mulaw&sample_rate=8000", RawAudio(PcmEncoding.MULAW, 8_000)),
        ("encoding=amr-nb", RawAudio(CodedEncoding.AMR_NB, 8_000)),
        ("encoding=opus", RawAudio(CodedEncoding.OPUS, 48_000)),
        ("encoding=opus&sample_rate=16000", RawAudio(CodedEncoding.OPUS, 16_000)),
    ],
)
def test_what_a_file_is_that_does_not_begin_like_a_container(query: str, raw: RawAudio | None) -> None:
    assert ListenQuery.parse(parse_qsl(query), live=False).raw == raw
