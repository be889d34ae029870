"""Deepgram's own SDK on POST /v1/listen: a whole recording at once."""

# mypy: disable-error-code="import-not-found"
from __future__ import annotations

from deepgram import DeepgramClient
from deepgram.core.api_error import ApiError
from deepgram.environment import DeepgramClientEnvironment

from tests.conformance.live.clients.common import asked, tell

request = asked()
client = DeepgramClient(
    api_key=request.key,
    environment=DeepgramClientEnvironment(
        base=request.url, production=request.ws_url, agent=request.ws_url, agent_rest=request.url
    ),
)
try:
    answer = client.listen.v1.media.transcribe_file(
        request=request.recording.read_bytes(),
        model="nova-3",
        diarize=True,
        punctuate=True,
        smart_format=True,
        utterances=True,
    )
    tell("answer", **{"class": type(answer).__name__}, answer=answer.dict())
except ApiError as error:
    tell("error", status=error.status_code, body=error.body)
