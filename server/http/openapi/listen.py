"""``POST /v1/listen``: Deepgram's parameters and answer."""

from __future__ import annotations

from typing import Any

from server.http.openapi.answers import DEEPGRAM, answers, header, json_content
from server.http.openapi.examples import TRANSCRIPT
from server.http.openapi.schemas import (
    BOOLEAN,
    INTEGER,
    NUMBER,
    SECONDS,
    STRING,
    Schema,
    const,
    listing,
    record,
    ref,
)
from server.http.openapi.urgency import TIER, TIER_ABOUT, TIMEOUT
from server.protocols.deepgram.prerecorded import render
from server.protocols.deepgram.query import ListenQuery

_SWITCH = {"anyOf": [BOOLEAN, STRING]}
_POSITIVE = {"type": "integer", "minimum": 1}

PARAMETERS: dict[str, tuple[Schema, str, object]] = {
    "model": (STRING, "Any: the served model answers.", "nova-3"),
    "version": (STRING, "Any: the served model answers.", "latest"),
    "service_tier": (TIER, TIER_ABOUT, "default"),
    "language": (STRING, "`multi`: alternatives tell their language. The model finds it out by itself.", "multi"),
    "detect_language": (_SWITCH, "Tell which language was spoken.", True),
    "diarize": (BOOLEAN, "Words tell who said them.", True),
    "diarize_model": (STRING, "Any version switches `diarize` on.", "latest"),
    "utterances": (BOOLEAN, "List the segments.", True),
    "paragraphs": (BOOLEAN, "Give the transcript in paragraphs too.", False),
    "smart_format": (BOOLEAN, "The same as `paragraphs`.", False),
    "punctuate": (BOOLEAN, "Always done.", True),
    "multichannel": (BOOLEAN, "Transcribe each channel for itself.", False),
    "keyterm": (listing(STRING), "Words and phrases to expect.", ["Grün"]),
    "keywords": (listing(STRING), "The same, each perhaps with a weight, which is dropped.", ["Grün:2"]),
    "encoding": (STRING, "Of a body without a container: `linear16`, `mulaw`, ... With `sample_rate`.", "linear16"),
    "sample_rate": (_POSITIVE, "Hz, of a body without a container.", 16_000),
    "channels": (_POSITIVE, "Interleaved, of a body without a container.", 1),
    "replace": (listing(STRING), "`term:other` is told as `other`, `term` is left out.", ["sven:Sven"]),
    "search": (listing(STRING), "Terms of which is told where they were said.", ["morning"]),
    "numerals": (BOOLEAN, "Numbers in digits.", False),
    "profanity_filter": (BOOLEAN, "Of profane words only the first letter is told.", False),
    "tag_audio_events": (BOOLEAN, "Tell of sounds that are no speech, such as [Music].", False),
    "extra": (listing(STRING), "`name:value` that the answer repeats.", ["case:17"]),
    "tag": (listing(STRING), "Words that the answer repeats.", ["support"]),
    "alternatives": (_POSITIVE, "At most so many; there is one.", 1),
    "utt_split": (NUMBER | {"exclusiveMinimum": 0}, "Without effect: utterances are the segments.", 0.8),
    "callback": (STRING, "Refused with 400: the answer is given in the response, and nowhere else.", None),
    "redact": (listing(STRING), "Refused with 400: nothing can be left out of the transcript.", None),
}
"""Schema, meaning and example. All others are ignored, see docs/deepgram.md."""

_WORD = record(
    {"word": STRING, "start": SECONDS, "end": SECONDS, "confidence": NUMBER, "punctuated_word": STRING},
    {"speaker": INTEGER},
)
_SENTENCE = record({"text": STRING, "start": SECONDS, "end": SECONDS})
_PARAGRAPHS = record(
    {
        "transcript": STRING,
        "paragraphs": listing(
            record(
                {"sentences": listing(_SENTENCE), "num_words": INTEGER, "start": SECONDS, "end": SECONDS},
                {"speaker": INTEGER},
            )
        ),
    }
)
_ALTERNATIVE = record(
    {"transcript": STRING, "confidence": NUMBER, "words": listing(ref("ListenWord"))},
    {"paragraphs": _PARAGRAPHS, "languages": listing(STRING)},
)
_HIT = record({"confidence": NUMBER, "start": SECONDS, "end": SECONDS, "snippet": STRING})
_CHANNEL = record(
    {"alternatives": listing(_ALTERNATIVE)},
    {
        "detected_language": STRING,
        "language_confidence": NUMBER,
        "search": listing(record({"query": STRING, "hits": listing(_HIT)})),
    },
)
_UTTERANCE = record(
    {
        "start": SECONDS,
        "end": SECONDS,
        "confidence": NUMBER,
        "channel": INTEGER,
        "transcript": STRING,
        "words": listing(ref("ListenWord")),
        "id": STRING,
    },
    {"speaker": INTEGER},
)
_METADATA = record(
    {
        "transaction_key": const("deprecated"),
        "request_id": STRING,
        "sha256": STRING,
        "created": {"type": "string", "format": "date-time"},
        "duration": NUMBER,
        "channels": INTEGER,
        "models": listing(STRING),
        "model_info": {"type": "object"},
    },
    {"warnings": listing(STRING), "extra": {"type": "object"}, "tags": listing(STRING)},
)

SCHEMAS: dict[str, Schema] = {
    "ListenWord": _WORD,
    "ListenResponse": record(
        {
            "metadata": _METADATA,
            "results": record({"channels": listing(_CHANNEL)}, {"utterances": listing(_UTTERANCE)}),
        },
        about="Deepgram's answer about a file.",
    ),
}

_EXAMPLE = render(
    TRANSCRIPT,
    ListenQuery.parse([("diarize", "true"), ("utterances", "true")]),
    served_model="vibevoice-asr",
    request_id="req_0123456789abcdef",
    sha256="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    created="2026-01-01T00:00:00.000Z",
)


def _parameter(name: str) -> dict[str, Any]:
    schema, about, example = PARAMETERS[name]
    described = {"name": name, "in": "query", "required": False, "schema": schema, "description": about}
    return described | ({} if example is None else {"example": example})


LISTEN: dict[str, Any] = {
    "parameters": [TIMEOUT, *(_parameter(name) for name in PARAMETERS)],
    "requestBody": {
        "required": True,
        "description": "The recording itself, in any format that is read, whatever the content type says of it.",
        "content": {
            kind: {"schema": {"type": "string", "contentMediaType": kind}, "example": "RIFF..."}
            for kind in ("application/octet-stream", "audio/*", "video/*")
        },
    },
    "responses": answers(
        *(400, 401, 403, 413, 415, 429, 500, 503, 504),
        shape=DEEPGRAM,
        ok={
            "description": "The transcript in Deepgram's shape.",
            "headers": {"x-request-id": header("RequestId"), "dg-request-id": header("RequestId")},
            "content": json_content(ref("ListenResponse"), _EXAMPLE),
        },
    ),
}
