"""SpeechRecognition's recognize_openai."""

# mypy: disable-error-code="import-not-found"
from __future__ import annotations

import os

import speech_recognition

from tests.conformance.live.clients.common import asked, tell

request = asked()
os.environ |= {"OPENAI_BASE_URL": f"{request.url}/v1", "OPENAI_API_KEY": request.key}
recognizer = speech_recognition.Recognizer()
with speech_recognition.AudioFile(str(request.recording)) as source:
    audio = recognizer.record(source)
for options in ({}, {"language": "en", "prompt": "A talk."}, {"model": "gpt-4o-transcribe"}):
    tell("answer", text=recognizer.recognize_openai(audio, **options))
