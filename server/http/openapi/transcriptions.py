"""``/v1/audio``: the form, the JSON body, every format of the answer and the events."""

from __future__ import annotations

import base64
import json
from typing import Any

from server.http.openapi.answers import answers, header
from server.http.openapi.examples import TRANSCRIPT
from server.http.openapi.schemas import INTEGER, NUMBER, SECONDS, STRING, Schema, const, listing, nullable, record, ref
from server.protocols.openai.events import OpenAIEvents
from server.protocols.openai.transcription_request import TranscriptionParameters
from server.transcript.events import SegmentClosed, SpeechDelta
from server.transcript.formats import (
    render_diarized_json,
    render_json,
    render_srt,
    render_text,
    render_verbose_json,
    render_vtt,
)

_SCHEMA = TranscriptionParameters.model_json_schema(ref_template="#/components/schemas/{model}")
_PARAMETERS: dict[str, Schema] = _SCHEMA["properties"]
PARAMETER_SCHEMAS: dict[str, Schema] = _SCHEMA["$defs"]

_ERRORS = (400, 401, 403, 404, 413, 415, 429, 500, 503)
_WAV = base64.b64encode(b"RIFF...").decode()

_NOTES = listing(STRING, "What a client should know, e.g. that the answer was cut; absent when nothing.")
_LANGUAGES = listing(record({"code": STRING}), "The language that was spoken, where that is certain.")
_CHANNEL: dict[str, Schema] = {"channel": INTEGER | {"minimum": 0, "description": "With channels=split."}}
_USAGE: dict[str, Schema] = {
    "UsageTokens": record(
        {"type": const("tokens"), "input_tokens": INTEGER, "output_tokens": INTEGER, "total_tokens": INTEGER},
        {"input_token_details": record({"audio_tokens": INTEGER, "text_tokens": INTEGER})},
    ),
    "UsageDuration": record({"type": const("duration"), "seconds": NUMBER}),
}
_SPENT = {"anyOf": [ref(name) for name in _USAGE]}
_LOGPROBS = listing(record({"token": STRING, "bytes": listing(INTEGER), "logprob": NUMBER}), "With include[]=logprobs.")

_ANSWERS: dict[str, Schema] = {
    "Transcription": record(
        {"text": STRING, "usage": _SPENT},
        {"languages": _LANGUAGES, "logprobs": _LOGPROBS, "notes": _NOTES},
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
        {"languages": _LANGUAGES, "notes": _NOTES},
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
        {"segments": listing(ref("Segment")), "words": listing(ref("Word")), "notes": _NOTES},
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
        _CHANNEL,
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
        _CHANNEL,
        "Whisper's segment, with its speaker.",
    ),
    "Word": record(
        {"word": STRING, "start": SECONDS, "end": SECONDS, "speaker": STRING},
        _CHANNEL,
        "A word with estimated times: the model times segments.",
    ),
}
_EVENTS: dict[str, Schema] = {
    "TranscriptDelta": record(
        {"type": const("transcript.text.delta"), "delta": STRING}, {"segment_id": STRING, "logprobs": _LOGPROBS}
    ),
    "TranscriptDone": record(
        {"type": const("transcript.text.done"), "text": STRING},
        {"languages": _LANGUAGES, "logprobs": _LOGPROBS, "usage": _SPENT, "notes": _NOTES},
    ),
    "TranscriptEvent": {
        "anyOf": [ref("TranscriptDelta"), ref("DiarizedSegment"), ref("TranscriptDone"), ref("Error")],
        "description": "Done, or an error, is the last of a stream.",
    },
    "ServerSentEvent": record(
        {"data": STRING | {"contentMediaType": "application/json", "contentSchema": ref("TranscriptEvent")}},
        {"event": {"type": "string", "description": "The type of the event once more; none with an error."}},
        "Each event of the stream.",
    ),
}

SCHEMAS: dict[str, Schema] = {**PARAMETER_SCHEMAS, **_USAGE, **_ANSWERS, **_PARTS, **_EVENTS}


def _events() -> dict[str, Any]:
    """Examples of events, as they come off the wire."""
    encoder = OpenAIEvents(diarized=True, logprobs=False, speaker_names={})
    first = TRANSCRIPT.segments[0]
    told = encoder.progress([SpeechDelta(first.index, first.text), SegmentClosed(first)])
    events = [*told, encoder.done(TRANSCRIPT)]
    return {str(event["type"]): {"value": {"event": event["type"], "data": json.dumps(event)}} for event in events}


def _fields() -> dict[str, Schema]:
    """The parameters as a form has them: what is absent is left out, there is no null."""
    return {name: _present(schema) for name, schema in _PARAMETERS.items()}


def _present(schema: Schema) -> Schema:
    kept = {key: value for key, value in schema.items() if key != "title" and value is not None}
    if "maxLength" in kept and kept.get("type") == "array":
        kept["maxItems"] = kept.pop("maxLength")
    choices = [choice for choice in kept.pop("anyOf", []) if choice != {"type": "null"}]
    if len(choices) == 1 and "$ref" not in choices[0]:
        return choices[0] | kept
    return ({"anyOf": choices} if choices else {}) | kept


_FORM_SCHEMA = record(
    {"file": {"type": "string", "contentMediaType": "application/octet-stream", "description": "The recording."}},
    _fields(),
)
_JSON_SCHEMA = record(
    {
        "input_audio": record(
            {"data": {"type": "string", "contentEncoding": "base64", "description": "The recording."}},
            {"format": {"type": "string", "description": "Not looked at: a file says what it is."}},
            "The recording.",
        )
    },
    _fields(),
)

TRANSCRIPTION: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": _FORM_SCHEMA,
                "examples": {
                    "subtitles": {
                        "summary": "Subtitles of short lines",
                        "value": {"file": "RIFF...", "response_format": "srt", "max_line_width": 32},
                    },
                    "speakers": {
                        "summary": "Who said what when",
                        "value": {"file": "RIFF...", "model": "vibevoice-asr", "response_format": "diarized_json"},
                    },
                    "words": {
                        "summary": "Times of words",
                        "value": {
                            "file": "RIFF...",
                            "response_format": "verbose_json",
                            "timestamp_granularities": ["word", "segment"],
                        },
                    },
                },
            },
            "application/json": {
                "schema": _JSON_SCHEMA,
                "example": {"input_audio": {"data": _WAV, "format": "wav"}, "response_format": "json"},
            },
        },
    },
    "responses": answers(
        *_ERRORS,
        ok={
            "description": "The transcript in the format asked for; with stream=true OpenAI's events.",
            "headers": {"x-request-id": header("RequestId"), "x-vibevoice-notes": header("Notes")},
            "content": {
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
                    },
                },
                "text/vtt": {"schema": STRING, "example": render_vtt(TRANSCRIPT)},
                "text/event-stream": {"schema": ref("ServerSentEvent"), "examples": _events()},
            },
        },
    ),
}

TRANSLATION: dict[str, Any] = {
    "requestBody": {"content": {"multipart/form-data": {"schema": {"type": "object"}, "example": {"file": "RIFF..."}}}},
    "responses": answers(400, 401, 403, 500),
}
