"""What of a request's parameters is for the model."""

from __future__ import annotations

from dataclasses import replace

from server.audio_in.listening import Listening
from server.context import ContextTooLong, context_of
from server.protocols.base64_text import NotBase64, decode_base64
from server.protocols.openai.errors import InvalidParameter
from server.protocols.openai.recording_request import RecordingParameters
from server.protocols.openai.transcription_request import TranscriptionParameters
from server.protocols.service_tier import is_urgent
from server.recordings.wishes import Chunking, KnownSpeaker, Wishes

REFERENCES = "known_speaker_references"
"""The parameter that a known speaker's unusable clip is told by."""


def transcription_wishes(parameters: TranscriptionParameters) -> Wishes:
    """Those of a transcription, see `wishes_of`."""
    whole = parameters.chunking_strategy == "none"
    return replace(
        wishes_of(parameters),
        logprobs=bool(parameters.include),
        max_tokens=parameters.max_completion_tokens,
        chunking=Chunking.WHOLE if whole else Chunking.AUTO,
        instruction=_instruction(parameters.instruction),
    )


def _instruction(text: str | None) -> str | None:
    try:
        return context_of(text or "")
    except ContextTooLong as error:
        raise InvalidParameter("instruction", f"instruction {error.limit}.", code="context_too_long") from None


def wishes_of(parameters: RecordingParameters) -> Wishes:
    """The wishes; as context the keywords, then the prompt. Decodes the speakers' clips, so not for the event loop.

    Raises InvalidParameter.
    """
    try:
        context = context_of(*parameters.keywords, *parameters.hotwords, parameters.prompt or "")
    except ContextTooLong as error:
        raise InvalidParameter(
            "prompt" if parameters.prompt else "keywords",
            f"prompt and keywords together {error.limit}.",
            code="context_too_long",
        ) from None
    pairs = zip(parameters.known_speaker_names, parameters.known_speaker_references, strict=True)
    speakers = tuple(KnownSpeaker(name, decoded(clip, REFERENCES)) for name, clip in pairs)
    listening = Listening(
        track=parameters.audio_track,
        split=parameters.channels == "split",
        from_first_sample=parameters.time_origin == "first_sample",
    )
    urgent = is_urgent(parameters.service_tier)
    return Wishes(
        context,
        parameters.temperature,
        speakers=speakers,
        listening=listening,
        urgent=urgent,
        segment_seconds=parameters.streaming_segment_duration,
        segment_samples=parameters.acoustic_tokenizer_chunk_size,
    )


def decoded(data: str, param: str) -> bytes:
    """Bytes of ``data``, which is base64 as people write it. Raises InvalidParameter that names ``param``."""
    try:
        return decode_base64(data)
    except NotBase64:
        raise not_base64(param) from None


def not_base64(param: str) -> InvalidParameter:
    """What a parameter that should be base64 is refused with."""
    return InvalidParameter(param, f"{param} is not valid base64.")
