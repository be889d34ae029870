"""LiteLLM's library on POST /v1/audio/transcriptions. MODE: a JSON list of parameters beside model and file."""

# mypy: disable-error-code="import-not-found"
from __future__ import annotations

import json

import litellm
from openai import Stream

from tests.conformance.live.clients.common import asked, tell

request = asked()
for parameters in json.loads(request.mode or "[]"):
    with request.recording.open("rb") as file:
        answer = litellm.transcription(
            model="openai/whisper-1", file=file, api_base=f"{request.url}/v1", api_key=request.key, **parameters
        )
        if isinstance(answer, Stream):  # as newer ones have it
            tell("answer", answer={"events": [event.to_dict() for event in answer]})
        else:
            tell("answer", answer=answer if isinstance(answer, str) else answer.model_dump())
