"""OpenAI's transcription events as plain objects. How they are framed on the wire is the API's business."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from server.transcript.events import SpeechDelta, TranscriptEvent
from server.transcript.formats import parts
from server.transcript.labels import SpeakerLabels
from server.transcript.segments import Transcript


class OpenAIEvents:
    """Makes the events of one streamed answer.

    Args:
        diarized: also tell each finished speech segment and its speaker (``response_format=diarized_json``).
        logprobs: with the log-probabilities of the tokens (``include[]=logprobs``).
        speaker_names: known speakers by number; may be filled until the first segment of the recording.
        channels: that are transcribed for themselves; 1 where they are mixed.
        audio_events: if diarized, tell sounds that are no speech too.
        waveform: if diarized, tell in the end how loud the recording is from place to place.
    """

    def __init__(
        self,
        *,
        diarized: bool,
        logprobs: bool,
        speaker_names: Mapping[int, str],
        channels: int = 1,
        audio_events: bool = False,
        waveform: bool = False,
    ) -> None:
        self._diarized = diarized
        self._audio_events = audio_events
        self._waveform = waveform
        self._logprobs = logprobs
        self._labels = SpeakerLabels(speaker_names, channels)

    def progress(self, events: Iterable[TranscriptEvent]) -> list[parts.JsonObject]:
        """``transcript.text.delta`` for words; ``transcript.text.segment`` for finished segments if diarized."""
        objects: list[parts.JsonObject] = []
        for event in events:
            if isinstance(event, SpeechDelta):
                objects.append(self._delta(event))
            elif self._diarized and (event.segment.is_speech or self._audio_events):
                objects.append(parts.diarized_segment(event.segment, self._labels))
        return objects

    def done(self, transcript: Transcript) -> parts.JsonObject:
        """``transcript.text.done``, the last event: the whole text, its language and what it cost.

        If diarized also how long the recording is, as the whole answer says.
        """
        text = transcript.text
        event: parts.JsonObject = {"type": "transcript.text.done", "text": text} | parts.languages(text)
        if self._logprobs:
            event["logprobs"] = parts.logprobs(transcript.logprobs)
        if transcript.usage is not None:
            event["usage"] = parts.usage(transcript)
        if self._diarized:
            event["duration"] = parts.seconds(transcript.duration)
            event |= parts.waveform(transcript) if self._waveform else {}
        return event | parts.notes(transcript)

    def _delta(self, delta: SpeechDelta) -> parts.JsonObject:
        event: parts.JsonObject = {"type": "transcript.text.delta", "delta": delta.text}
        if self._diarized:
            event["segment_id"] = parts.segment_id(delta.segment)
        if self._logprobs:
            event["logprobs"] = parts.logprobs(delta.logprobs)
        return event


def progress_event(seconds: float, heard: float) -> parts.JsonObject:
    """``transcription.progress``, an extension for who asks for it: of a recording so many seconds are heard."""
    told = {"audio_seconds": parts.seconds(seconds), "audio_seconds_done": parts.seconds(heard)}
    return {"type": "transcription.progress", "progress": told}
