"""What the two LiveKit scripts share: frames in, speech events out."""

# mypy: disable-error-code="import-not-found"
from __future__ import annotations

from livekit import rtc
from livekit.agents import stt

from tests.conformance.live.clients.common import tell


def frame(chunk: bytes, rate: int) -> rtc.AudioFrame:
    return rtc.AudioFrame(data=chunk, sample_rate=rate, num_channels=1, samples_per_channel=len(chunk) // 2)


def report(event: stt.SpeechEvent) -> None:
    if event.type == stt.SpeechEventType.RECOGNITION_USAGE:
        tell(event.type.value, seconds=event.recognition_usage.audio_duration)
        return
    for said in event.alternatives[:1]:
        words = [[str(word), word.start_time, word.end_time] for word in said.words or ()]
        tell(event.type.value, text=said.text, speaker=said.speaker_id, words=words)
        return
    tell(event.type.value)
