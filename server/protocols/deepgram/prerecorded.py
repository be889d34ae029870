"""A file's transcript in the shape of Deepgram's answer to ``POST /v1/listen``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate, groupby
from uuid import uuid4

from server.protocols.deepgram.alternatives import (
    JsonObject,
    ModelIdentity,
    Passage,
    alternative,
    confidence,
    seconds,
    with_language,
)
from server.protocols.deepgram.messages import metadata
from server.protocols.deepgram.query import ListenQuery
from server.transcript.language import heard_language
from server.transcript.segments import Segment, Transcript
from server.transcript.words import SENTENCE_ENDS, Word, joined


def render(
    transcript: Transcript, query: ListenQuery, *, served_model: str, request_id: str, sha256: str, created: str
) -> JsonObject:
    """``{metadata, results}``. Damage and cuts are told in ``metadata.warnings``, which Deepgram's clients let pass.

    Args:
        transcript: the whole answer; only its speech is shown.
        query: which parts are wanted.
        served_model: the name in ``model_info``.
        request_id: of the request.
        sha256: of the file, in hexadecimal.
        created: when the request came, in ISO 8601.
    """
    speech = transcript.speech
    summary = metadata(
        ModelIdentity(served_model),
        request_id=request_id,
        sha256=sha256,
        created=created,
        duration=transcript.duration,
    )
    if transcript.notes:
        summary["warnings"] = list(transcript.notes)
    passages = [Passage.of(segment) for segment in speech]
    best = alternative(passages, speakers=query.speakers)
    if query.languages:
        best = with_language(best)
    channel: JsonObject = {"alternatives": [best]}
    if query.detect_language:
        channel |= _detected(best["transcript"])
    results: JsonObject = {"channels": [channel]}
    if query.utterances:
        results["utterances"] = _utterances(speech, passages, best["words"], speakers=query.speakers)
    if query.paragraphs or query.smart_format:
        best["paragraphs"] = _paragraphs(speech, passages, speakers=query.speakers)
    return {"metadata": summary, "results": results}


def _detected(text: str) -> JsonObject:
    """The language of a channel; nothing where none is certain."""
    heard = heard_language(text)
    return {} if heard is None else {"detected_language": heard.code, "language_confidence": round(heard.confidence, 4)}


def _utterances(
    speech: Sequence[Segment], passages: Sequence[Passage], words: list[JsonObject], *, speakers: bool
) -> list[JsonObject]:
    """One per segment. ``words``: of all of them, as the alternative has them."""
    behind = list(accumulate(len(passage.words) for passage in passages))
    return [
        {
            "start": seconds(segment.start),
            "end": seconds(segment.end),
            "confidence": round(confidence([passage]), 4),
            "channel": 0,
            "transcript": segment.text,
            "words": words[end - len(passage.words) : end],
        }
        | _speaker(segment, speakers=speakers)
        | {"id": str(uuid4())}
        for segment, passage, end in zip(speech, passages, behind, strict=True)
    ]


def _paragraphs(speech: Sequence[Segment], passages: Sequence[Passage], *, speakers: bool) -> JsonObject:
    """A paragraph per segment; with speakers, the text says who speaks where that changes."""
    texts: list[str] = []
    for speaker, turn in groupby(speech, key=lambda segment: segment.speaker if speakers else None):
        text = "\n\n".join(segment.text for segment in turn)
        texts.append(text if speaker is None else f"Speaker {speaker}: {text}")
    return {
        "transcript": "\n\n".join(texts),
        "paragraphs": [
            {
                "sentences": list(_sentences(passage.words)),
                "num_words": len(passage.words),
                "start": seconds(segment.start),
                "end": seconds(segment.end),
            }
            | _speaker(segment, speakers=speakers)
            for segment, passage in zip(speech, passages, strict=True)
        ],
    }


def _sentences(words: Sequence[Word]) -> Iterator[JsonObject]:
    """Cut behind every word that ends like a sentence."""
    first = 0
    for behind, word in enumerate(words, start=1):
        if word.word.endswith(SENTENCE_ENDS) or behind == len(words):
            yield {"text": joined(words[first:behind]), "start": seconds(words[first].start), "end": seconds(word.end)}
            first = behind


def _speaker(segment: Segment, *, speakers: bool) -> JsonObject:
    return {"speaker": segment.speaker} if speakers and segment.speaker is not None else {}
