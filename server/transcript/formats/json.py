"""``json``: OpenAI's ``Transcription``."""

from __future__ import annotations

from server.transcript.formats import parts
from server.transcript.segments import Transcript


def render_json(transcript: Transcript, *, logprobs: bool = False) -> parts.JsonObject:
    """The text, its language and what it cost. ``logprobs``: with the log-probability of every token of the text."""
    text = transcript.text
    body: parts.JsonObject = {"text": text} | parts.languages(text)
    if logprobs:
        body["logprobs"] = parts.logprobs(transcript.logprobs)
    return body | {"usage": parts.usage(transcript)} | parts.notes(transcript)
