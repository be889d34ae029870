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
from server.protocols.deepgram.messages import audio_event, metadata
from server.protocols.deepgram.query import ListenQuery
from server.protocols.deepgram.search import hits
from server.transcript.language import heard_language
from server.transcript.segments import Segment, Transcript
from server.transcript.words import SENTENCE_ENDS, Word, joined


def render(
    transcript: Transcript, query: ListenQuery, *, served_model: str, request_id: str, sha256: str, created: str
) -> JsonObject:
    """``{metadata, results}``. Damage and cuts are told in ``metadata.warnings``, which Deepgram's clients let pass.

    Args:
        transcript: the whole answer; of its sounds something is shown only where they are wanted.
        query: which parts are wanted.
        served_model: the name in ``model_info``.
        request_id: of the request.
        sha256: of the file, in hexadecimal.
        created: when the request came, in ISO 8601.
    """
    transcript = query.wording.transcript(transcript)
    channels = [_Channel(number, transcript, query) for number in range(transcript.channels)]
    summary = metadata(
        ModelIdentity(served_model),
        request_id=request_id,
        sha256=sha256,
        created=created,
        duration=transcript.duration,
        channels=transcript.channels,
    )
    summary |= query.repeated
    if transcript.notes:
        summary["warnings"] = list(transcript.notes)
    results: JsonObject = {"channels": [channel.told for channel in channels]}
    if query.utterances:
        utterances = [channel.utterances() for channel in channels]
        results["utterances"] = [next(utterances[segment.channel or 0]) for segment in transcript.speech]
    if query.tag_audio_events:
        results["audio_events"] = [_audio_event(segment) for segment in transcript.segments if not segment.is_speech]
    return {"metadata": summary, "results": results}


def _audio_event(segment: Segment) -> JsonObject:
    """As in a session. ``channel`` as utterances have it."""
    told = audio_event(segment.start, segment.end, segment.text)
    del told["type"]
    return told | {"channel": segment.channel or 0}


def _detected(text: str) -> JsonObject:
    """The language of a channel; nothing where none is certain."""
    heard = heard_language(text)
    return {} if heard is None else {"detected_language": heard.code, "language_confidence": round(heard.confidence, 4)}


class _Channel:
    """The answer about one channel, or about all where they were mixed. Each has its own numbers for speakers.

    Attributes:
        told: its entry in ``results.channels``.
    """

    def __init__(self, number: int, transcript: Transcript, query: ListenQuery) -> None:
        self._number = number
        self._speakers = query.speakers
        self._speech = transcript.speech_of(number)
        self._passages = [Passage.of(segment) for segment in self._speech]
        self._best = alternative(self._passages, speakers=query.speakers)
        if query.paragraphs or query.smart_format:
            self._best["paragraphs"] = _paragraphs(self._speech, self._passages, speakers=query.speakers)
        if query.languages:
            self._best = with_language(self._best)
        self.told: JsonObject = {"alternatives": [self._best]}
        if query.search:
            self.told["search"] = hits(query.search, self._best["words"], query.wording)
        if query.detect_language:
            self.told |= _detected(self._best["transcript"])

    def utterances(self) -> Iterator[JsonObject]:
        """One per segment, with the words that the alternative has."""
        words, behind = self._best["words"], accumulate(len(passage.words) for passage in self._passages)
        for segment, passage, end in zip(self._speech, self._passages, behind, strict=True):
            told: JsonObject = {
                "start": seconds(segment.start),
                "end": seconds(segment.end),
                "confidence": round(confidence([passage]), 4),
                "channel": self._number,
                "transcript": segment.text,
                "words": words[end - len(passage.words) : end],
            }
            yield told | _speaker(segment, speakers=self._speakers) | {"id": str(uuid4())}


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
