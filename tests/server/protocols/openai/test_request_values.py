"""Parameters as people write them, in forms and in JSON: the same request however it is written."""

from __future__ import annotations

from typing import Any

import pytest

from server.protocols.openai import recording_request
from server.protocols.openai.errors import InvalidParameter
from server.protocols.openai.response_format import ResponseFormat
from server.protocols.openai.transcription_request import TranscriptionParameters

DEFAULTS = TranscriptionParameters()
BOTH = ("word", "segment")


def parameters_from_form(fields: list[tuple[str, str]]) -> TranscriptionParameters:
    return recording_request.parameters_from_form(TranscriptionParameters, fields)


def parameters_from_json(values: dict[str, Any]) -> TranscriptionParameters:
    return recording_request.parameters_from_json(TranscriptionParameters, values)


def form(*fields: tuple[str, str]) -> TranscriptionParameters:
    return parameters_from_form([("response_format", "verbose_json"), *fields])


@pytest.mark.parametrize(
    "fields",
    [
        [("timestamp_granularities[]", "word"), ("timestamp_granularities[]", "segment")],
        [("timestamp_granularities", "word"), ("timestamp_granularities", "segment")],
        [("timestamp_granularities[0]", "word"), ("timestamp_granularities[1]", "segment")],
        [("timestamp_granularities[]", "word"), ("timestamp_granularities", "segment")],
        [("timestamp_granularities", "word,segment")],
        [("timestamp_granularities[]", "word, segment")],
        [("timestamp_granularities", "word segment")],
        [("timestamp_granularities", '["word","segment"]')],
        [("timestamp_granularities[]", ' [ "word", "segment" ] ')],
        [("timestamp_granularities", "['word', 'segment']")],
        [("timestamp_granularities", "[word, segment]")],
        [("timestamp_granularities", "WORD,Segment")],
        [
            ("timestamp_granularities[]", ""),
            ("timestamp_granularities[]", "word,"),
            ("timestamp_granularities", "segment"),
        ],
    ],
)
def test_lists_of_words(fields: list[tuple[str, str]]) -> None:
    assert form(*fields).timestamp_granularities == BOTH


@pytest.mark.parametrize(
    "value",
    [["word", "segment"], "word,segment", '["word","segment"]', ["word", "", None, "segment"], ["word,segment"]],
)
@pytest.mark.parametrize("name", ["timestamp_granularities", "timestamp_granularities[]"])
def test_lists_of_words_in_json(name: str, value: Any) -> None:
    values = {name: value, "response_format": "verbose_json"}
    assert parameters_from_json(values).timestamp_granularities == BOTH


PHRASES = ("Ada Lovelace", "Grün")


@pytest.mark.parametrize("name", ["keywords", "hotwords"])
@pytest.mark.parametrize(
    ("suffix", "written"),
    [
        ("", "Ada Lovelace, Grün"),
        ("", "Ada Lovelace;Grün"),
        ("", "Ada Lovelace\r\nGrün\n"),
        ("", "Ada Lovelace，Grün"),
        ("", '["Ada Lovelace", "Grün"]'),
        ("[]", '["Ada Lovelace", "Grün"]'),
    ],
)
def test_one_text_of_phrases_is_cut_at_commas(name: str, suffix: str, written: str) -> None:
    assert getattr(form((name + suffix, written)), name) == PHRASES
    assert getattr(parameters_from_json({name: written}), name) == PHRASES


def test_a_list_of_phrases_is_not_cut() -> None:
    """Who writes a list has said where its elements end."""
    assert form(("keywords[]", "Smith, Jr."), ("keywords[]", "b;c")).keywords == ("Smith, Jr.", "b;c")
    assert form(("keywords[]", "Smith, Jr.")).keywords == ("Smith, Jr.",)
    assert form(("keywords", "Smith, Jr."), ("keywords", "b")).keywords == ("Smith, Jr.", "b")
    assert parameters_from_json({"keywords": ["Smith, Jr.", 5]}).keywords == ("Smith, Jr.", "5")


def test_names_are_never_cut() -> None:
    clip = "data:audio/wav;base64,AAAA"
    fields = [("known_speaker_names", "Smith, Jr."), ("known_speaker_references", clip)]
    assert form(*fields).known_speaker_names == ("Smith, Jr.",)
    assert form(*fields).known_speaker_references == (clip,)
    several = [("known_speaker_names", '["Smith, Jr.", "Ada"]'), ("known_speaker_references", f'["{clip}", "{clip}"]')]
    assert form(*several).known_speaker_names == ("Smith, Jr.", "Ada")


@pytest.mark.parametrize("name", [name for name in TranscriptionParameters.model_fields if name != "response_format"])
@pytest.mark.parametrize("value", [None, "", "  ", [], [""], [None, ""], {}])
def test_empty_is_absent_in_json(name: str, value: Any) -> None:
    assert parameters_from_json({name: value}) == DEFAULTS


@pytest.mark.parametrize("name", TranscriptionParameters.model_fields)
@pytest.mark.parametrize("suffix", ["", "[]", "[0]"])
@pytest.mark.parametrize("value", ["", " "])
def test_empty_is_absent_in_forms(name: str, suffix: str, value: str) -> None:
    assert parameters_from_form([(name + suffix, value), (name + suffix, value)]) == DEFAULTS


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("language", "undefined"),
        ("temperature", "null"),
        ("model", "None"),
        ("timestamp_granularities[]", "undefined"),
        ("timestamp_granularities", "[]"),
        ("include", '[""]'),
        ("languages", "[null]"),
        ("chunking_strategy", "{}"),
        ("chunking_strategy", "null"),
        ("chunking_strategy", "None"),
    ],
)
def test_nothing_written_as_text(name: str, value: str) -> None:
    assert parameters_from_form([(name, value)]) == DEFAULTS


@pytest.mark.parametrize("written", ["none", " none "])
def test_none_may_be_a_choice(written: str) -> None:
    assert parameters_from_form([("chunking_strategy", written)]).chunking_strategy == "none"
    assert parameters_from_json({"chunking_strategy": written}).chunking_strategy == "none"


def test_texts_may_be_any_text() -> None:
    assert parameters_from_form([("prompt", "undefined")]).prompt == "undefined"
    assert parameters_from_form([("keywords[]", "None")]).keywords == ("None",)


@pytest.mark.parametrize("written", ["true", "True", "TRUE", "1", "on", "yes", " true "])
def test_booleans(written: str) -> None:
    assert parameters_from_form([("stream", written)]).stream
    assert parameters_from_json({"stream": written}).stream
    assert not parameters_from_form([("stream", "False")]).stream
    assert parameters_from_json({"stream": True, "temperature": 0}).stream


def test_numbers_and_texts_stand_for_each_other() -> None:
    assert parameters_from_json({"temperature": "0.5", "prompt": 2026, "max_completion_tokens": "7"}) == (
        DEFAULTS.model_copy(update={"temperature": 0.5, "prompt": "2026", "max_completion_tokens": 7})
    )


@pytest.mark.parametrize("written", ["VERBOSE_JSON", "Verbose_Json", " verbose_json "])
def test_formats_in_any_case(written: str) -> None:
    assert parameters_from_form([("response_format", written)]).response_format is ResponseFormat.VERBOSE_JSON


@pytest.mark.parametrize(
    "tag", ["en", "EN", "pt-BR", "zh_Hans", "zh-Hant-TW", "yue", "cmn", "jw", "english", "Mandarin"]
)
def test_languages(tag: str) -> None:
    assert parameters_from_form([("language", tag)]).language == tag
    assert parameters_from_form([("languages", f"{tag}, en")]).languages == (tag, "en")


@pytest.mark.parametrize("tag", ["auto", "AUTO", "multi", "auto-detect", "und"])
def test_an_open_language_is_none(tag: str) -> None:
    assert parameters_from_form([("language", tag)]).language is None
    assert parameters_from_form([("languages[]", tag), ("languages[]", "de")]).languages == ("de",)


@pytest.mark.parametrize("tag", ["hh", "xx-XX", "e", "e n", "en-", "!!", "12"])
def test_what_is_no_language(tag: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        parameters_from_form([("language", tag)])
    assert caught.value.param == "language"
    assert "ISO 639" in caught.value.message


@pytest.mark.parametrize(
    ("values", "param"),
    [
        ({"keywords": 5}, "keywords"),
        ({"keywords": [{"a": "b"}]}, "keywords"),
        ({"keywords": [["a"]]}, "keywords"),
        ({"timestamp_granularities": ["letter"]}, "timestamp_granularities"),
        ({"stream": 2}, "stream"),
        ({"prompt": ["a"]}, "prompt"),
        ({"chunking_strategy": "[1]"}, "chunking_strategy"),
        ({"chunking_strategy": '{"a":' * 100_000}, "chunking_strategy"),
    ],
)
def test_what_is_nothing_of_the_kind(values: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        parameters_from_json(values)
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ({"type": "server_vad", "threshold": 3}, "chunking_strategy.threshold: "),
        ({"type": "server_vad", "silence_duration_ms": "long"}, "chunking_strategy.silence_duration_ms: "),
        ({"type": "other"}, "chunking_strategy.type: "),
        ("never", "chunking_strategy: Input should be 'auto' or 'none'."),
    ],
)
def test_of_what_may_be_several_things_the_fault_is_told_where_it_is(value: Any, place: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        parameters_from_json({"chunking_strategy": value})
    assert caught.value.param == "chunking_strategy"
    assert str(caught.value).startswith(place)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("streaming_segment_duration", 1e305),
        ("streaming_segment_duration", float("inf")),
        ("streaming_segment_duration", float("nan")),
        ("acoustic_tokenizer_chunk_size", 10**400),
    ],
)
def test_parts_of_audio_that_no_recording_has_are_refused(name: str, value: float) -> None:
    with pytest.raises(InvalidParameter) as refused:
        parameters_from_json({name: value})
    assert refused.value.param == name
