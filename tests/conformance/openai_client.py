"""One call of OpenAI's Python client; openai_client.mjs does the same with the Node client.

Reads a JSON object {base_url, api_key, call, file, parameters} and writes {answer} or {events} or {error}.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openai

request = json.load(sys.stdin)
client = openai.OpenAI(base_url=request["base_url"], api_key=request["api_key"], max_retries=0, timeout=60)
calls: dict[str, Callable[[], Any]] = {
    "transcribe": lambda: client.audio.transcriptions.create(
        file=Path(request["file"]), **{"model": "gpt-4o-transcribe-diarize", **request["parameters"]}
    ),
    "translate": lambda: client.audio.translations.create(file=Path(request["file"]), model="whisper-1"),
    "models": lambda: client.models.list(),
    "model": lambda: client.models.retrieve(request["parameters"]["model"]),
}


def plain(value: object) -> object:
    return value.to_dict() if isinstance(value, openai.BaseModel) else value


result: dict[str, Any]
try:
    answer = calls[request["call"]]()
    if isinstance(answer, openai.Stream):
        result = {"events": [plain(event) for event in answer]}
    else:
        result = {"answer": plain(answer)}
except openai.APIError as error:
    result = {
        "error": {
            "class": type(error).__name__,
            "status": getattr(error, "status_code", None),
            "code": error.code,
            "param": error.param,
            "type": error.type,
            "message": error.message,
            "request_id": getattr(error, "request_id", None),
        }
    }
json.dump(result, sys.stdout)
