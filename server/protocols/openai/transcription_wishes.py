"""What of a transcription's parameters is for the model."""

from __future__ import annotations

import base64
import binascii

from server.audio_in.listening import Listening
from server.context import ContextTooLong, context_of
from server.protocols.openai.errors import InvalidParameter
from server.protocols.openai.transcription_request import TranscriptionParameters
from server.recordings.wishes import KnownSpeaker, Wishes

REFERENCES = "known_speaker_references"
"""The parameter that a known speaker's unusable clip is told by."""


def wishes_of(parameters: TranscriptionParameters) -> Wishes:
    """The wishes; as context the keywords, then the prompt. Decodes the speakers' clips, so not for the event loop.

    Raises InvalidParameter.
    """
    try:
        context = context_of(*parameters.keywords, *parameters.hotwords, parameters.prompt or "")
    except ContextTooLong as error:
        raise InvalidParameter(
            "prompt" if parameters.prompt else "keywords",
            f"prompt and keywords together may have {error.limit} characters.",
            code="context_too_long",
        ) from None
    pairs = zip(parameters.known_speaker_names, parameters.known_speaker_references, strict=True)
    speakers = tuple(KnownSpeaker(name, _clip_of(url)) for name, url in pairs)
    listening = Listening(split=parameters.channels == "split")
    return Wishes(
        context, parameters.temperature, logprobs=bool(parameters.include), speakers=speakers, listening=listening
    )


def decode_base64(data: str, param: str) -> bytes:
    """Bytes of ``data``. Raises InvalidParameter that names ``param``."""
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidParameter(param, f"{param} is not valid base64.") from None


def _clip_of(url: str) -> bytes:
    """What a data: URL holds."""
    header, comma, data = url.partition(",")
    if not comma or not header.startswith("data:") or not header.endswith(";base64"):
        raise InvalidParameter(REFERENCES, f"{REFERENCES} must be data: URLs with base64.")
    return decode_base64(data, REFERENCES)
