"""WebSocket routes, for which OpenAPI has no words: ``x-websockets`` tells where they are and how they are entered."""

from __future__ import annotations

from typing import Any

TAGS: list[dict[str, Any]] = [
    {"name": "audio", "description": "Recordings, as OpenAI's API has them: docs/api.md."},
    {"name": "chat", "description": "Conversations about a recording, as OpenAI and vLLM have them: docs/chat.md."},
    {"name": "jobs", "description": "Recordings that are transcribed when there is time: docs/jobs.md."},
    {
        "name": "live",
        "description": "Words while they are spoken: `GET /v1/realtime` with an upgrade to WebSocket speaks OpenAI's "
        "Realtime API in transcription mode, with JSON messages. docs/realtime.md has them. Browsers carry a client "
        "secret, made here, among the subprotocols: `realtime`, `openai-insecure-api-key.<secret>`.",
    },
    {
        "name": "deepgram",
        "description": "Deepgram's API: files by `POST /v1/listen`; live over WebSockets at `/v1/listen` (binary "
        "frames of audio in, `Results` out, docs/deepgram.md) and, turn by turn, at `/v2/listen` (docs/flux.md). "
        "Browsers carry the key among the subprotocols: `token`, `<key>`.",
    },
    {"name": "models", "description": "The one model that is served."},
    {"name": "operations", "description": "For whoever runs the server."},
]

WEBSOCKETS: dict[str, dict[str, Any]] = {
    "/v1/realtime": {
        "summary": "OpenAI's Realtime API in transcription mode",
        "tags": ["live"],
        "documentation": "docs/realtime.md",
        "subprotocols": ["realtime"],
        "parameters": [{"name": "model", "in": "query", "schema": {"type": "string"}}],
    },
    "/v1/listen": {
        "summary": "Deepgram's live transcription",
        "tags": ["deepgram"],
        "documentation": "docs/deepgram.md",
        "subprotocols": ["token", "bearer"],
        "parameters": "As of POST /v1/listen, with those for live sessions.",
    },
    "/v2/listen": {
        "summary": "Deepgram's conversations, turn by turn",
        "tags": ["deepgram"],
        "documentation": "docs/flux.md",
        "subprotocols": ["token", "bearer"],
        "parameters": "See docs/flux.md.",
    },
}
"""By path; `documentation` is a file of the repository, which holds the messages."""
