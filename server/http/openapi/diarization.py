"""``/v1/audio/diarization``."""

from __future__ import annotations

from typing import Any

from server.http.openapi.answers import answers, header
from server.http.openapi.bodies import parameter_schemas, recording_body
from server.http.openapi.examples import TRANSCRIPT
from server.http.openapi.schemas import INTEGER, NUMBER, SECONDS, STRING, Schema, const, listing, record, ref
from server.http.openapi.transcriptions import EXTRAS, TOLD
from server.http.openapi.urgency import PARAMETERS
from server.protocols.openai.diarization_request import DiarizationParameters
from server.transcript.formats import render_diarization, render_rttm
from server.transcript.turns import turns

SCHEMAS: dict[str, Schema] = {
    **parameter_schemas(DiarizationParameters),
    "Diarization": record(
        {
            "task": const("diarize"),
            "duration": SECONDS,
            "num_speakers": INTEGER,
            "segments": listing(
                record(
                    {"id": INTEGER, "speaker": STRING, "label": STRING, "start": SECONDS, "end": SECONDS},
                    {"text": STRING, **EXTRAS},
                )
            ),
            "usage": ref("UsageDuration"),
        },
        {
            "speakers": listing(
                record({"id": STRING, "label": STRING, "total_speech_duration": NUMBER, "segment_count": INTEGER})
            ),
            "language": STRING,
            **TOLD,
        },
    ),
}

_TURNS = turns(TRANSCRIPT, shortest=0.0, longest_gap=0.0)

DIARIZATION: dict[str, Any] = {
    **recording_body(
        DiarizationParameters,
        {
            "words": {"response_format": "json", "include_text": True},
            "RTTM": {"response_format": "rttm", "min_duration_off": 0.5},
        },
    ),
    "parameters": PARAMETERS,
    "responses": answers(
        *(400, 401, 403, 404, 413, 415, 429, 500, 503, 504),
        ok={
            "description": "Who spoke when, in the format asked for.",
            "headers": {"x-request-id": header("RequestId"), "x-vibevoice-notes": header("Notes")},
            "content": {
                "application/json": {
                    "schema": ref("Diarization"),
                    "examples": {
                        "json": {"value": render_diarization(TRANSCRIPT, _TURNS, with_text=True, verbose=False)},
                        "verbose_json": {
                            "value": render_diarization(TRANSCRIPT, _TURNS, with_text=False, verbose=True)
                        },
                    },
                },
                "text/plain": {"schema": STRING, "example": render_rttm(TRANSCRIPT, _TURNS, "meeting")},
            },
        },
    ),
}
