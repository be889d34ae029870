"""``/v1/chat/completions``: messages with a recording, the whole answer and its events."""

from __future__ import annotations

import base64
import json
from typing import Any

from server.http.openapi.answers import answers, json_content
from server.http.openapi.bodies import RECORDING, parameter_schemas, present_fields
from server.http.openapi.schemas import INTEGER, NUMBER, STRING, Schema, const, listing, record, ref
from server.http.openapi.urgency import PARAMETERS
from server.protocols.openai.chat.answers import Completions
from server.protocols.openai.chat.request import ChatParameters, parameters_of
from server.transcript.segments import Usage

_ERRORS = (400, 401, 403, 404, 413, 415, 429, 500, 503, 504)
_REASON = {"type": ["string", "null"], "enum": ["stop", "length", None]}
_SPELLED: dict[str, Schema] = {"token": STRING, "bytes": listing(INTEGER), "logprob": NUMBER}
_TOKEN = record(_SPELLED | {"top_logprobs": listing(record(_SPELLED))})
_LOGPROBS: Schema = {
    "anyOf": [record({"content": listing(_TOKEN), "refusal": {"type": "null"}}), {"type": "null"}],
    "description": "With logprobs=true.",
}


def _answer(kind: str, choice: Schema, usage: dict[str, Schema], about: str) -> Schema:
    base = {"id": STRING, "object": const(kind), "created": INTEGER, "model": STRING, "choices": listing(choice)}
    return record(base, usage, about)


_USAGE = record(
    {
        "prompt_tokens": INTEGER,
        "completion_tokens": INTEGER,
        "total_tokens": INTEGER,
        "prompt_tokens_details": record({"audio_tokens": INTEGER, "cached_tokens": INTEGER}),
    }
)
_BASE64: Schema = {"type": "string", "contentEncoding": "base64", "description": "The recording."}
_DATA_URL: Schema = {"type": "string", "description": "The recording: `data:audio/wav;base64,...`."}
SCHEMAS: dict[str, Schema] = {
    **{name: schema for name, schema in parameter_schemas(ChatParameters).items() if name != "JsonValue"},
    "AudioPart": record(
        {"type": {"type": "string", "enum": ["input_audio", "audio_url"]}},
        {
            "input_audio": record({"data": _BASE64}, {"format": STRING}),
            "audio_url": {"anyOf": [_DATA_URL, record({"url": _DATA_URL})]},
        },
        "A recording, in OpenAI's shape or in vLLM's.",
    ),
    "Message": record(
        {"role": {"type": "string", "enum": ["system", "developer", "user", "assistant"]}},
        {"content": {"anyOf": [STRING, listing({"anyOf": [ref("TextPart"), ref("AudioPart")]}), {"type": "null"}]}},
        "Something that somebody says.",
    ),
    "ChatCompletion": _answer(
        "chat.completion",
        record(
            {
                "index": INTEGER,
                "message": record({"role": const("assistant"), "content": STRING}, {"refusal": {"type": "null"}}),
                "finish_reason": _REASON,
            },
            {"logprobs": _LOGPROBS},
        ),
        {"usage": ref("ChatUsage")},
        "The model's words as it writes them: a transcription is JSON.",
    ),
    "ChatChunk": _answer(
        "chat.completion.chunk",
        record(
            {
                "index": INTEGER,
                "delta": record({}, {"role": const("assistant"), "content": STRING}),
                "logprobs": _LOGPROBS,
                "finish_reason": _REASON,
            }
        ),
        {"usage": {"anyOf": [ref("ChatUsage"), {"type": "null"}]}},
        "An event of a stream. `[DONE]` is the last; an error comes in front of it.",
    ),
    "ChatUsage": _USAGE,
    "ChatEvent": record(
        {"data": STRING | {"contentMediaType": "application/json", "contentSchema": ref("ChatChunk")}},
        about="Each event of the stream but the last, which is [DONE], and an Error, which may come in front of it.",
    ),
}

_AUDIO = {
    "type": "input_audio",
    "input_audio": {"data": base64.b64encode(RECORDING.encode()).decode(), "format": "wav"},
}
_QUESTION: dict[str, Any] = {"model": "vibevoice-asr", "messages": [{"role": "user", "content": [_AUDIO]}]}
_EXAMPLE: dict[str, Any] = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1_767_225_600,
    "model": "vibevoice-asr",
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": '[{"Start":0.2,"End":1.44,"Speaker":0,"Content":"Good morning."}]',
                "refusal": None,
            },
            "logprobs": None,
            "finish_reason": "stop",
        }
    ],
    "usage": {
        "prompt_tokens": 84,
        "completion_tokens": 26,
        "total_tokens": 110,
        "prompt_tokens_details": {"audio_tokens": 14, "cached_tokens": 0},
    },
}


def _event_examples() -> dict[str, Any]:
    """Events, as they come off the wire."""
    parameters = parameters_of(_QUESTION | {"stream": True, "stream_options": {"include_usage": True}})
    completions = Completions(_EXAMPLE["id"], _EXAMPLE["created"], _EXAMPLE["model"], parameters)
    usage = Usage(audio_tokens=14, text_tokens=70, answer_tokens=26)
    text = _EXAMPLE["choices"][0]["message"]["content"]
    events = [completions.begin(), completions.piece(text, ()), *completions.end(cut=False, usage=usage)]
    names = ("who speaks", "more of the text", "why it ended", "what it cost")
    return {name: {"value": {"data": json.dumps(event)}} for name, event in zip(names, events, strict=True)}


CHAT: dict[str, Any] = {
    "parameters": PARAMETERS,
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": record({}, present_fields(ChatParameters)) | {"required": ["messages"]},
                "example": _QUESTION,
            }
        },
    },
    "responses": answers(
        *_ERRORS,
        ok={
            "description": "The answer, whole or as events.",
            "content": json_content(ref("ChatCompletion"), _EXAMPLE)
            | {"text/event-stream": {"schema": ref("ChatEvent"), "examples": _event_examples()}},
        },
    ),
}
