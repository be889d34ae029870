"""A transcript in any format that a request may ask for: an object for JSON, else a text."""

from __future__ import annotations

from typing import assert_never

from server.protocols.openai.response_format import AnyFormat, ResponseFormat, TurnsFormat
from server.protocols.openai.transcription_request import TranscriptionParameters
from server.transcript.formats import (
    render_diarized_json,
    render_json,
    render_lrc,
    render_rttm,
    render_srt,
    render_text,
    render_verbose_json,
    render_vtt,
)
from server.transcript.formats.parts import JsonObject
from server.transcript.segments import Transcript
from server.transcript.turns import turns


def rendered(transcript: Transcript, parameters: TranscriptionParameters) -> JsonObject | str:
    """As ``response_format`` says."""
    match parameters.response_format:
        case ResponseFormat.JSON:
            return render_json(transcript, logprobs=bool(parameters.include))
        case ResponseFormat.TEXT:
            return render_text(transcript)
        case ResponseFormat.SRT:
            return render_srt(transcript, parameters.subtitles)
        case ResponseFormat.VTT:
            return render_vtt(transcript, parameters.subtitles)
        case ResponseFormat.LRC:
            return render_lrc(transcript, parameters.subtitles)
        case ResponseFormat.DIARIZED_JSON:
            return render_diarized_json(
                transcript, audio_events=parameters.shows_audio_events, waveform=parameters.waveform
            )
        case ResponseFormat.VERBOSE_JSON:
            return render_verbose_json(
                transcript,
                language=parameters.language,
                temperature=parameters.temperature,
                granularities=parameters.timestamp_granularities or ("segment",),
                audio_events=parameters.shows_audio_events,
            )
        case other:
            assert_never(other)


def rendered_as(
    wanted: AnyFormat, transcript: Transcript, parameters: TranscriptionParameters, name: str
) -> JsonObject | str:
    """In another format than ``parameters`` ask for, all else as they say. ``name``: what RTTM calls the recording."""
    if isinstance(wanted, TurnsFormat):
        return render_rttm(transcript, turns(transcript), name)
    return rendered(transcript, parameters.model_copy(update={"response_format": wanted}))
