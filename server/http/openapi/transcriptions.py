"""``/v1/audio``: the form, the JSON body, every format of the answer and the events."""

from __future__ import annotations

import json
from typing import Any

from server.http.openapi.answers import answers, header
from server.http.openapi.bodies import RECORDING, parameter_schemas, recording_body
from server.http.openapi.examples import TRANSCRIPT
from server.http.openapi.job_schemas import ACCEPTED, BACKGROUND, IDEMPOTENCY_KEY, refusal
from server.http.openapi.schemas import INTEGER, NUMBER, SECONDS, STRING, Schema, const, listing, nullable, record, ref
from server.http.openapi.urgency import PARAMETERS
from server.protocols.openai.events import OpenAIEvents
from server.protocols.openai.transcription_request import TranscriptionParameters
from server.transcript.events import SegmentClosed, SpeechDelta
from server.transcript.formats import (
    render_diarized_json,
    render_json,
    render_lrc,
    render_srt,
    render_text,
    render_verbose_json,
    render_vtt,
)

_ERRORS = (400, 401, 403, 404, 413, 415, 429, 500, 503, 504)

TOLD: dict[str, Schema] = {
    "notes": listing(STRING, "What a client should know, e.g. that the answer was cut; absent when nothing."),
    "complete": {
        "type": "boolean",
        "description": "There, and false, where a part of the recording may not be transcribed; `notes` say why.",
    },
}
"""What every answer in JSON may have beside the rest."""
_LANGUAGES = listing(record({"code": STRING}), "The language that was spoken, where that is certain.")
EXTRAS: dict[str, Schema] = {
    "channel": INTEGER | {"minimum": 0, "description": "With channels=split."},
    "speaker_in_doubt": {
        "type": "boolean",
        "description": "There, and true, where nothing told whether the speaker of a long recording is one of those "
        "who were heard before.",
    },
}
"""What segments of every kind may have beside the rest."""
_REPETITIONS = listing(
    record({"start": SECONDS, "end": SECONDS, "kind": STRING, "outcome": STRING}, {"channel": EXTRAS["channel"]}),
    "Where the model repeated itself, and whether that was retried, skipped, kept or ended; absent when it did not.",
)
_USAGE: dict[str, Schema] = {
    "UsageTokens": record(
        {"type": const("tokens"), "input_tokens": INTEGER, "output_tokens": INTEGER, "total_tokens": INTEGER},
        {"input_token_details": record({"audio_tokens": INTEGER, "text_tokens": INTEGER})},
    ),
    "UsageDuration": record({"type": const("duration"), "seconds": NUMBER}),
}
_SPENT = {"anyOf": [ref(name) for name in _USAGE]}
_LOGPROBS = listing(record({"token": STRING, "bytes": listing(INTEGER), "logprob": NUMBER}), "With include[]=logprobs.")

_WAVEFORM = listing(INTEGER, "With waveform=true: how loud each of 400 equal parts is where it is loudest, in dBFS.")

_FORMATS: Schema = {
    "type": "object",
    "additionalProperties": {"type": ["object", "string"]},
    "description": "With formats[]: the whole answer in each of them, by name; an object for JSON, else a text.",
}
_ANSWERS: dict[str, Schema] = {
    "Transcription": record(
        {"text": STRING, "usage": _SPENT},
        {"languages": _LANGUAGES, "logprobs": _LOGPROBS, **TOLD},
        "response_format=json",
    ),
    "TranscriptionDiarized": record(
        {
            "task": const("transcribe"),
            "duration": SECONDS,
            "text": STRING,
            "segments": listing(ref("DiarizedSegment")),
            "usage": _SPENT,
        },
        {"languages": _LANGUAGES, "waveform": _WAVEFORM, **TOLD},
        "response_format=diarized_json",
    ),
    "TranscriptionVerbose": record(
        {
            "task": const("transcribe"),
            "language": {"type": "string", "description": "Of the request, else as spoken, else `unknown`."},
            "duration": SECONDS,
            "text": STRING,
            "usage": ref("UsageDuration"),
        },
        {
            "segments": listing(ref("Segment")),
            "words": listing(ref("Word")),
            "languages": _LANGUAGES,
            **TOLD,
            "repetitions": _REPETITIONS,
        },
        "response_format=verbose_json",
    ),
}
_PARTS: dict[str, Schema] = {
    "DiarizedSegment": record(
        {
            "type": const("transcript.text.segment"),
            "id": STRING,
            "start": SECONDS,
            "end": SECONDS,
            "text": STRING,
            "speaker": {"type": "string", "description": "`A`, `B`, ... or the known name."},
        },
        EXTRAS,
    ),
    "Segment": record(
        {
            "id": INTEGER,
            "seek": INTEGER,
            "start": SECONDS,
            "end": SECONDS,
            "text": STRING,
            "tokens": listing(INTEGER),
            "temperature": NUMBER,
            "avg_logprob": nullable("number"),
            "compression_ratio": NUMBER,
            "no_speech_prob": NUMBER,
            "speaker": nullable("string", "Null for what is no speech, such as `[Silence]`."),
        },
        EXTRAS,
        "Whisper's segment, with its speaker.",
    ),
    "Word": record(
        {"word": STRING, "start": SECONDS, "end": SECONDS, "speaker": STRING},
        EXTRAS,
        "A word with estimated times: the model times segments.",
    ),
}
_EVENTS: dict[str, Schema] = {
    "TranscriptDelta": record(
        {"type": const("transcript.text.delta"), "delta": STRING}, {"segment_id": STRING, "logprobs": _LOGPROBS}
    ),
    "TranscriptDone": record(
        {"type": const("transcript.text.done"), "text": STRING},
        {
            "languages": _LANGUAGES,
            "logprobs": _LOGPROBS,
            "usage": _SPENT,
            "duration": SECONDS,
            "waveform": _WAVEFORM,
            **TOLD,
            "formats": _FORMATS,
        },
    ),
    "TranscriptProgress": record(
        {
            "type": const("transcription.progress"),
            "progress": record({"audio_seconds": SECONDS, "audio_seconds_done": SECONDS}),
        },
        {},
        "With progress=true.",
    ),
    "TranscriptEvent": {
        "anyOf": [
            ref("TranscriptDelta"),
            ref("DiarizedSegment"),
            ref("TranscriptDone"),
            ref("TranscriptProgress"),
            ref("Error"),
        ],
        "description": "Done, or an error, is the last of a stream.",
    },
    "ServerSentEvent": record(
        {"data": STRING | {"contentMediaType": "application/json", "contentSchema": ref("TranscriptEvent")}},
        {"event": {"type": "string", "description": "The type of the event once more, or `error`."}},
        "Each event of the stream.",
    ),
}

SCHEMAS: dict[str, Schema] = {**parameter_schemas(TranscriptionParameters), **_USAGE, **_ANSWERS, **_PARTS, **_EVENTS}


def event_examples() -> dict[str, Any]:
    """Examples of events, as they come off the wire."""
    encoder = OpenAIEvents(diarized=True, logprobs=False, speaker_names={})
    first = TRANSCRIPT.segments[0]
    told = encoder.progress([SpeechDelta(first.index, first.text), SegmentClosed(first)])
    events = [*told, encoder.done(TRANSCRIPT)]
    return {str(event["type"]): {"value": {"event": event["type"], "data": json.dumps(event)}} for event in events}


ANSWER_CONTENT: dict[str, Any] = {
    "application/json": {
        "schema": {"anyOf": [ref(name) for name in _ANSWERS]},
        "examples": {
            "json": {"value": render_json(TRANSCRIPT)},
            "diarized_json": {"value": render_diarized_json(TRANSCRIPT)},
            "verbose_json": {"value": render_verbose_json(TRANSCRIPT, temperature=0.0)},
            "words": {
                "value": render_verbose_json(TRANSCRIPT, temperature=0.0, granularities=("word",)),
            },
        },
    },
    "text/plain": {
        "schema": STRING,
        "examples": {
            "text": {"value": render_text(TRANSCRIPT)},
            "srt": {"value": render_srt(TRANSCRIPT)},
            "lrc": {"value": render_lrc(TRANSCRIPT)},
        },
    },
    "text/vtt": {"schema": STRING, "example": render_vtt(TRANSCRIPT)},
}
"""A transcript in every format."""

TRANSCRIPTION: dict[str, Any] = {
    **recording_body(
        TranscriptionParameters,
        {
            "who said what when": {"model": "vibevoice-asr", "response_format": "diarized_json"},
            "subtitles of short lines": {"response_format": "srt", "max_line_width": 32},
            "times of words": {
                "response_format": "verbose_json",
                "timestamp_granularities": ["word", "segment"],
            },
            "events": {"response_format": "json", "stream": True, "keywords": ["Grün"]},
        },
    ),
    "parameters": [*PARAMETERS, BACKGROUND, IDEMPOTENCY_KEY],
    "responses": answers(
        *_ERRORS,
        ok={
            "description": "The transcript in the format asked for; with stream=true OpenAI's events.",
            "headers": {"x-request-id": header("RequestId"), "x-vibevoice-notes": header("Notes")},
            "content": ANSWER_CONTENT
            | {"text/event-stream": {"schema": ref("ServerSentEvent"), "examples": event_examples()}},
        },
    )
    | {"202": ACCEPTED, "422": refusal("KeyReused")},
}

TRANSLATION: dict[str, Any] = {
    "requestBody": {"content": {"multipart/form-data": {"schema": {"type": "object"}, "example": {"file": RECORDING}}}},
    "responses": answers(400, 401, 403, 500),
}
