"""The JSON formats and the events, as the models of OpenAI's own client read them."""

from __future__ import annotations

import zlib
from functools import partial
from typing import TypeVar

import pytest
from openai._models import construct_type
from openai.types.audio import (
    Transcription,
    TranscriptionDiarized,
    TranscriptionTextDeltaEvent,
    TranscriptionTextDoneEvent,
    TranscriptionVerbose,
)
from openai.types.audio.transcription_text_segment_event import TranscriptionTextSegmentEvent
from pydantic import BaseModel, TypeAdapter

from server.protocols.openai.events import OpenAIEvents
from server.transcript.events import SegmentClosed, SpeechDelta
from server.transcript.formats import render_diarized_json, render_json, render_text, render_verbose_json
from server.transcript.labels import SpeakerLabels
from server.transcript.logprobs import TokenLogprob
from server.transcript.segments import Segment, Transcript, Usage

Model = TypeVar("Model", bound=BaseModel)

TOKEN = TokenLogprob("Hi", (72, 105), -0.25)
TRANSCRIPT = Transcript(
    segments=(
        Segment(0, 0.0, 2.0000004, 0, "Hi there.", -0.25, (7, 8, 9)),
        Segment(1, 2.0000004, 3.0, None, "[Music]", -0.125),
        Segment(2, 3.0, 5.5, 1, "Bye.", -0.5),
        Segment(3, 5.5, 6.0, 0, "Bye.", 0.0),
    ),
    duration=6.0,
    logprobs=(TOKEN,),
    usage=Usage(audio_tokens=45, text_tokens=20, answer_tokens=30),
)
EMPTY = Transcript(segments=(Segment(0, 0.0, 6.0, None, "[Silence]"),), duration=6.0)


def checked(model: type[Model], body: dict[str, object]) -> Model:
    """``body`` as the client's model, which must know every field that is required and its type."""
    return model.model_validate(body, strict=True)


def test_text() -> None:
    assert render_text(TRANSCRIPT) == "Hi there. Bye. Bye."
    assert render_text(EMPTY) == ""


def test_json() -> None:
    body = render_json(TRANSCRIPT)
    assert body == {
        "text": "Hi there. Bye. Bye.",
        "usage": {
            "type": "tokens",
            "input_tokens": 65,
            "output_tokens": 30,
            "total_tokens": 95,
            "input_token_details": {"audio_tokens": 45, "text_tokens": 20},
        },
    }
    checked(Transcription, body)
    read = checked(Transcription, render_json(TRANSCRIPT, logprobs=True))
    assert read.logprobs is not None
    assert (read.logprobs[0].token, read.logprobs[0].bytes, read.logprobs[0].logprob) == ("Hi", [72, 105], -0.25)


def test_usage_is_the_duration_where_tokens_are_not_known() -> None:
    assert render_json(EMPTY) == {"text": "", "usage": {"type": "duration", "seconds": 6.0}}


@pytest.mark.parametrize("render", [render_json, render_diarized_json, partial(render_verbose_json, temperature=0.0)])
def test_notes_are_shown_when_there_are_any(render: object) -> None:
    assert callable(render)
    assert "notes" not in render(EMPTY)
    assert "complete" not in render(EMPTY)
    cut = render(Transcript((), 1.0, complete=False, notes=("It was cut.",)))
    assert (cut["notes"], cut["complete"]) == (["It was cut."], False)


def test_verbose_json_has_every_segment() -> None:
    body = render_verbose_json(TRANSCRIPT, language="en", temperature=0.5)
    read = checked(TranscriptionVerbose, body)
    assert (read.duration, read.language, read.text) == (6.0, "en", "Hi there. Bye. Bye.")
    assert read.usage is not None
    assert read.usage.seconds == 6.0
    assert read.words is None
    assert read.segments is not None
    first, music, *_ = read.segments
    assert (first.id, first.start, first.end, first.text) == (0, 0.0, 2.0, "Hi there.")
    assert (first.avg_logprob, first.temperature, first.no_speech_prob) == (-0.25, 0.5, 0.0)
    assert first.tokens == [7, 8, 9]
    assert (music.text, music.no_speech_prob, music.seek) == ("[Music]", 1.0, 0)
    assert body["task"] == "transcribe"
    segments = body["segments"]
    assert isinstance(segments, list)
    assert [segment["speaker"] for segment in segments] == ["A", None, "B", "A"]


def test_text_that_repeats_itself_compresses_as_whisper_counts_it() -> None:
    said = (Segment(0, 0.0, 1.0, 0, "Yes."), Segment(1, 1.0, 9.0, 0, "again and " * 30))
    segments = TypeAdapter(list[dict[str, object]]).validate_python(
        render_verbose_json(Transcript(said, 9.0), temperature=0.0)["segments"]
    )
    ratios = [segment["compression_ratio"] for segment in segments]
    assert ratios == [pytest.approx(len(s.text) / len(zlib.compress(s.text.encode())), abs=1e-3) for s in said]


def test_an_unknown_mean_is_no_certainty() -> None:
    body = render_verbose_json(Transcript((Segment(0, 0.0, 1.0, 0, "Hi."),), 1.0), temperature=0.0)
    read = construct_type(value=body, type_=TranscriptionVerbose)
    assert isinstance(read, TranscriptionVerbose)
    assert read.segments is not None
    assert [segment.avg_logprob for segment in read.segments] == [None]


def test_verbose_json_has_words_on_demand() -> None:
    body = render_verbose_json(TRANSCRIPT, temperature=0.0, granularities=["word"])
    assert "segments" not in body
    read = checked(TranscriptionVerbose, body)
    assert read.language == "unknown"
    assert read.words is not None
    assert [word.word for word in read.words] == ["Hi", "there.", "Bye.", "Bye."]
    assert (read.words[0].start, read.words[1].end, read.words[2].start) == (0.0, 2.0, 3.0)
    both = render_verbose_json(TRANSCRIPT, temperature=0.0, granularities=["word", "segment"])
    assert {"words", "segments"} <= set(both)


def test_diarized_json_has_speech_and_letters() -> None:
    body = render_diarized_json(TRANSCRIPT)
    read = checked(TranscriptionDiarized, body)
    assert [(s.id, s.speaker, s.start, s.text) for s in read.segments] == [
        ("seg_0", "A", 0.0, "Hi there."),
        ("seg_2", "B", 3.0, "Bye."),
        ("seg_3", "A", 5.5, "Bye."),
    ]
    assert (read.task, read.text, read.duration) == ("transcribe", "Hi there. Bye. Bye.", 6.0)


def test_known_speakers_keep_their_names() -> None:
    named = Transcript(TRANSCRIPT.segments, 6.0, speaker_names={1: "Ada"})
    read = checked(TranscriptionDiarized, render_diarized_json(named))
    assert [segment.speaker for segment in read.segments] == ["A", "Ada", "A"]


def test_letters_go_on_behind_z_and_skip_known_names() -> None:
    labels = SpeakerLabels({50: "B", 51: "AA"})
    given = [labels.letter(speaker) for speaker in [50, 51, *range(27), None, 0]]
    assert given[:5] == ["B", "AA", "A", "C", "D"]
    assert given[-5:] == ["Z", "AB", "AC", "AD", "A"]
    assert len(set(given)) == len(given) - 1
    assert labels.caption(3) == "Speaker 4"


def test_events_are_openais() -> None:
    delta = SpeechDelta(2, "Hi", logprobs=(TOKEN,))
    closed = [SegmentClosed(segment) for segment in TRANSCRIPT.segments]
    plain = OpenAIEvents(diarized=False, logprobs=False, speaker_names={})
    assert plain.progress([delta, *closed]) == [{"type": "transcript.text.delta", "delta": "Hi"}]

    rich = OpenAIEvents(diarized=True, logprobs=True, speaker_names={1: "Ada"})
    first, *segments = rich.progress([delta, *closed])
    read = checked(TranscriptionTextDeltaEvent, first)
    assert (read.delta, read.segment_id) == ("Hi", "seg_2")
    assert read.logprobs is not None
    assert read.logprobs[0].bytes == [72, 105]
    told = [checked(TranscriptionTextSegmentEvent, segment) for segment in segments]
    assert [(s.id, s.speaker, s.text) for s in told] == [
        ("seg_0", "A", "Hi there."),
        ("seg_2", "Ada", "Bye."),
        ("seg_3", "A", "Bye."),
    ]

    done = checked(TranscriptionTextDoneEvent, rich.done(TRANSCRIPT))
    assert done.text == "Hi there. Bye. Bye."
    assert done.usage is not None
    assert (done.usage.input_tokens, done.usage.output_tokens, done.usage.total_tokens) == (65, 30, 95)
    assert done.logprobs is not None
    assert plain.done(EMPTY) == {"type": "transcript.text.done", "text": ""}


def test_streamed_segments_equal_the_whole_answers() -> None:
    stream = OpenAIEvents(diarized=True, logprobs=False, speaker_names={})
    told = [event for segment in TRANSCRIPT.segments for event in stream.progress([SegmentClosed(segment)])]
    assert told == render_diarized_json(TRANSCRIPT)["segments"]
