"""Esperanto's speech to text. Tells what it gets from each provider that this server stands in for."""

# mypy: disable-error-code="import-not-found"
from __future__ import annotations

from esperanto import AIFactory

from tests.conformance.live.clients.common import asked, tell

request = asked()
config = {"base_url": f"{request.url}/v1", "api_key": request.key}
for provider, model in (("openai-compatible", "vibevoice-asr"), ("openai", "whisper-1"), ("deepgram", "nova-3")):
    speech = AIFactory.create_speech_to_text(provider, model_name=model, config=config)
    text = speech.transcribe(str(request.recording)).text
    tell("answer", provider=provider, text=text, models=[entry.id for entry in speech.models])
