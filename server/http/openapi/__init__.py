"""What OpenAPI says: the pieces that routes describe themselves with, and the whole.

Routes read their requests by themselves, so as not to read a body too early; what of them cannot be seen from their
signatures is written here, a file for each family of routes. `components` has what they share.
"""

from server.http.openapi.answers import DEEPGRAM, OPENAI, answers, json_body, json_content, json_responses
from server.http.openapi.chat import CHAT
from server.http.openapi.description import describe
from server.http.openapi.diarization import DIARIZATION
from server.http.openapi.jobs import JOB, JOB_AUDIO, JOB_CANCELLED, JOB_DELETED, JOB_EVENTS, JOB_RESULT, JOBS
from server.http.openapi.listen import LISTEN
from server.http.openapi.models import MODEL, MODELS
from server.http.openapi.operations import HEALTH, METRICS, READY
from server.http.openapi.transcriptions import TRANSCRIPTION, TRANSLATION

__all__ = [
    "CHAT",
    "DEEPGRAM",
    "DIARIZATION",
    "HEALTH",
    "JOB",
    "JOBS",
    "JOB_AUDIO",
    "JOB_CANCELLED",
    "JOB_DELETED",
    "JOB_EVENTS",
    "JOB_RESULT",
    "LISTEN",
    "METRICS",
    "MODEL",
    "MODELS",
    "OPENAI",
    "READY",
    "TRANSCRIPTION",
    "TRANSLATION",
    "answers",
    "describe",
    "json_body",
    "json_content",
    "json_responses",
]
